"""`make personas`: writes one page for each persona, and prints a line of counts and what the rules found.

The pages are in a folder outside of version control. Two of the personas also live for a year.
"""

import argparse
import asyncio
import json
import logging
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import structlog

from bot.chat.screens import TextRenderer
from bot.content.texts import Texts
from tests.personas.known import unknown, unused
from tests.personas.living import live
from tests.personas.page import counts, page
from tests.personas.people import BY_NAME, DAYS, PEOPLE, YEAR
from tests.personas.rules import breaches

INDEX = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Personas</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><style>
:root {{ color-scheme: light dark; }}
body {{ max-width: 640px; margin: 24px auto; padding: 0 16px; font: 17px/1.5 system-ui, sans-serif; }}
li {{ margin: 10px 0; }}</style></head><body><h1>Personas</h1><ul>{items}</ul></body></html>
"""


def lives(names: Sequence[str]) -> Iterator[tuple[str, int]]:
    """Yield who is lived, and for how many days."""
    for persona in PEOPLE:
        if persona.name in names:
            yield persona.name, DAYS
            if persona.is_lived_for_a_year:
                yield persona.name, YEAR


def write(name: str, days: int, folder: Path) -> tuple[str, dict[str, int], list[str]]:
    """Live a life and write its page; return the file's name, the counts and what the rules found."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    lived = asyncio.run(live(BY_NAME[name], days))
    texts = TextRenderer(Texts.load(("en", "es", "ru")))
    found = breaches(lived, texts)
    file = f"{name}.html" if days == DAYS else f"{name}-{days}.html"
    new = unknown(name, found)
    (folder / file).write_text(page(lived, new, [line for line in found if line not in new]), encoding="utf-8")
    return file, counts(lived), found


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.personas", description=__doc__)
    parser.add_argument("--folder", type=Path, default=Path("var/personas"), help="where the pages go")
    parser.add_argument("-j", "--jobs", type=int, default=2, help="processes")
    parser.add_argument("--persona", action="append", choices=list(BY_NAME), help="only this one; may be repeated")
    given = parser.parse_args(arguments)
    given.folder.mkdir(parents=True, exist_ok=True)
    every = list(lives(given.persona or list(BY_NAME)))
    items, breached = [], dict[str, list[str]]()
    with ProcessPoolExecutor(given.jobs) as pool:
        written = pool.map(write, *zip(*every, strict=True), [given.folder] * len(every))
        for (name, days), (file, numbers, found) in zip(every, written, strict=True):
            breached.setdefault(name, []).extend(found)
            line = {"persona": name, "days": days, **numbers, "breaches": unknown(name, found)}
            sys.stdout.write(json.dumps(line, ensure_ascii=False) + "\n")
            sys.stdout.flush()
            items.append(f'<li><a href="{file}">{name}, {days} days</a><br>{BY_NAME[name].title}</li>')
    (given.folder / "index.html").write_text(INDEX.format(items="".join(items)), encoding="utf-8")
    stale = [] if given.persona else unused(breached)
    for entry in stale:
        sys.stdout.write(f"known.py: nothing breaks {entry.what!r} any more ({entry.who}): take it away\n")
    sys.stdout.write(f"{given.folder / 'index.html'}\n")
    return int(bool(stale) or any(unknown(name, found) for name, found in breached.items()))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
