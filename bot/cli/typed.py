"""`nervecheck protocol typed`: says of each phrase of a file what the bot would take it for. Stores nothing."""

from collections import Counter
from pathlib import Path
from typing import Annotated

import typer

from bot.cli.command_context import AsJson, print_json, print_table
from bot.cli.errors import refuse
from bot.config import Settings
from bot.content.faults import ContentError
from bot.content.texts import packaged_locales
from bot.content.typed import Recognized, TypedWords

ENGLISH = "en"
"""Its lists count in every clinic, whatever the languages."""

PhrasesArgument = Annotated[
    Path, typer.Argument(exists=True, dir_okay=False, readable=True, help="Text file (UTF-8), one phrase a line.")
]


def typed(
    file: PhrasesArgument,
    language: Annotated[str, typer.Option(help="Language of the phrases.")] = ENGLISH,
    as_json: AsJson = False,
) -> None:
    """Say of each typed phrase what it is: a sign that can't wait, despair, a command or something else.

    A sign opens the first safety screen, despair has a screen of its own. Empty lines are skipped.
    """
    words = _words(language)
    found = [(number, words.recognize(phrase)) for number, phrase in _phrases(file)]
    if as_json:
        print_json(_as_data(found))
        return
    rows = [(n, one.found, ", ".join(one.signs), "; ".join(one.matched)) for n, one in found]
    print_table(("line", "found", "signs", "matched"), rows)
    counts = Counter(one.found for _, one in found)
    typer.echo(f"{len(found)} phrases: {', '.join(f'{n} {kind}' for kind, n in counts.most_common())}.")


def _as_data(found: list[tuple[int, Recognized]]) -> dict[str, object]:
    counts = Counter(one.found for _, one in found)
    return {
        "total": len(found),
        "safety": counts["sign"],
        "despair": counts["despair"],
        "unknown": counts["command"] + counts["other"],
        "lines": [
            {"line": n, "found": one.found, "signs": list(one.signs), "matched": list(one.matched)} for n, one in found
        ],
    }


def _words(language: str) -> TypedWords:
    known = sorted(folder.name for folder in packaged_locales().iterdir() if (folder / "typed.yaml").is_file())
    if language not in known:
        raise typer.BadParameter(
            f"'{language}' has no typed words: use one of {', '.join(known)}", param_hint="language"
        )
    number = Settings.load(sandbox=True).emergency_number
    try:
        return TypedWords.load(dict.fromkeys((ENGLISH, language)), numbers=(number,) if number is not None else ())
    except ContentError as error:
        refuse([str(fault) for fault in error.faults])


def _phrases(file: Path) -> list[tuple[int, str]]:
    try:
        lines = file.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        refuse([f"{file} is not in UTF-8 (byte {error.start + 1}): save it as plain text in UTF-8"])
    return [(number, line) for number, line in enumerate(lines, 1) if line.strip()]
