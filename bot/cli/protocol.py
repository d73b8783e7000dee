"""`nervecheck protocol`: tells the authors of content what is wrong with it. Changes no file."""

from pathlib import Path
from typing import Annotated

import typer

from bot.cli.errors import REFUSED, say_error
from bot.cli.office import AsJson, print_json
from bot.config import Settings
from bot.content.faults import ContentError, Fault
from bot.content.loader import load_protocol
from bot.content.texts import Texts, packaged_locales
from bot.core.protocol import Protocol

app = typer.Typer(help="The protocol: questions, rules, tips and plans.", no_args_is_help=True)

ProtocolFile = Annotated[
    Path | None,
    typer.Argument(exists=True, dir_okay=False, readable=True, help="A protocol file (YAML)."),
]


@app.callback()
def _group() -> None:
    """Keep `check` a word of its own: with one command alone typer would drop it."""


@app.command()
def check(
    file: ProtocolFile = None,
    languages: Annotated[
        str | None, typer.Option(help="Languages to check, with commas; default: all that come with the program.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Check a protocol and its texts; every fault is told, each with file, line and reason."""
    where = file or Settings.load(sandbox=True).protocol
    spoken = _split(languages) if languages else packaged_languages()
    protocol, faults = checked(where, spoken)
    if as_json:
        head = {"name": protocol.name, "version": protocol.version, "hash": protocol.content_hash} if protocol else {}
        print_json({**head, "languages": spoken, "faults": [f._asdict() for f in faults]})
    elif protocol is not None and not faults:
        typer.echo(f"{_summary(protocol)}. Texts complete in {', '.join(spoken)}. No faults.")
    for fault in () if as_json else faults:
        say_error(str(fault))
    if faults:
        raise typer.Exit(REFUSED)


def checked(file: Path | None, languages: list[str]) -> tuple[Protocol | None, list[Fault]]:
    """Return the protocol, if it can be built at all, and every fault of it and of its texts."""
    faults: list[Fault] = []
    texts: Texts | None = None
    try:
        texts = Texts.load(languages)
    except ContentError as error:
        faults += error.faults
    try:
        protocol = load_protocol(file, texts)
    except ContentError as error:
        return None, sorted({*faults, *error.faults})
    return protocol, sorted({*faults, *(texts.faults(protocol) if texts is not None else ())})


def packaged_languages() -> list[str]:
    """Return the languages that come with the program, English first."""
    found = sorted(folder.name for folder in packaged_locales().iterdir() if folder.is_dir())
    return sorted(found, key=lambda language: language != "en")


def _split(languages: str) -> list[str]:
    return [language.strip() for language in languages.split(",") if language.strip()]


def _summary(protocol: Protocol) -> str:
    counted = {
        "questions": protocol.questions,
        "forms": protocol.forms,
        "rules": protocol.rules,
        "tips": protocol.tips,
        "plans": protocol.plans,
    }
    return f"{protocol.name} {protocol.version}: " + ", ".join(f"{len(all_)} {name}" for name, all_ in counted.items())
