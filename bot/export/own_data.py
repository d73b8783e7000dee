"""What is stored about a patient as files for them: one page to read, without anything from outside, and JSON."""

import html
import json
from collections.abc import Callable, Iterator
from typing import Any

from bot.core.own_data import DataEntry, DataFact, DataPart, MakeFile, OwnData
from bot.core.screen import DocumentKind, Text

FORMAT, VERSION = "nervecheck-own-data", 1
SayText = Callable[[Text], str]
"""Returns a text in the patient's language, without markup."""
_STYLE = """
:root { color-scheme: light dark; --text: #1a1a1a; --quiet: #545454; --line: #c9c9c9; --back: #fff; --card: #f5f5f5 }
@media (prefers-color-scheme: dark) {
  :root { --text: #ececec; --quiet: #b5b5b5; --line: #4a4a4a; --back: #161616; --card: #222 }
}
body { font: 1.05rem/1.5 system-ui, sans-serif; color: var(--text); background: var(--back); margin: 0 }
main { max-width: 44rem; margin: 0 auto; padding: 1rem }
h1 { font-size: 1.6rem } h2 { font-size: 1.3rem; margin-top: 2.2rem } h3 { font-size: 1.05rem; margin: 0 0 .4rem }
article { background: var(--card); padding: .8rem; margin: .8rem 0;
  border: 1px solid var(--line); border-radius: .5rem }
dl { margin: 0; display: grid; grid-template-columns: minmax(8rem, 2fr) 3fr; gap: .3rem 1rem }
dt { color: var(--quiet) } dd { margin: 0; white-space: pre-line; overflow-wrap: anywhere }
@media (max-width: 26rem) { dl { grid-template-columns: 1fr } dd { margin-bottom: .4rem } }
@media print { article { break-inside: avoid } }
"""
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def maker(plain: Callable[[Text, str], str]) -> MakeFile:
    """Return what makes the files; `plain` returns a text in a language, without markup."""

    def make(data: OwnData, kind: DocumentKind, language: str) -> tuple[str, bytes]:
        build, ending = (page, "html") if kind == "page" else (as_json, "json")
        text = build(data, lambda one: plain(one, language), language)
        return f"my-data-{data.made_at:%Y-%m-%d}.{ending}", text.encode()

    return make


def page(data: OwnData, say: SayText, language: str) -> str:
    """Return the HTML page: light and dark, readable without a network, and no script runs in it."""
    title = html.escape(say(data.title))
    intro = "\n".join(f"<p>{html.escape(say(line))}</p>" for line in data.intro)
    parts = "\n".join(_section(part, data, say) for part in data.parts)
    return (
        f'<!doctype html>\n<html lang="{html.escape(language)}">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n<meta name="robots" content="noindex">\n'
        f"<title>{title}</title>\n<style>{_STYLE}</style>\n</head>\n"
        f"<body>\n<main>\n<h1>{title}</h1>\n{intro}\n{parts}\n</main>\n</body>\n</html>\n"
    )


def _section(part: DataPart, data: OwnData, say: SayText) -> str:
    inside = "\n".join(_article(entry, say) for entry in part.entries) or f"<p>{html.escape(say(data.nothing))}</p>"
    return f"<section>\n<h2>{html.escape(say(part.title))}</h2>\n{inside}\n</section>"


def _article(entry: DataEntry, say: SayText) -> str:
    heading = f"<h3>{html.escape(say(entry.title))}</h3>" if entry.title is not None else ""
    lines = "".join(
        f"<dt>{html.escape(say(fact.name))}</dt><dd>{html.escape(say(fact.words))}</dd>" for fact in entry.facts
    )
    return f"<article>{heading}<dl>{lines}</dl></article>"


def as_json(data: OwnData, say: SayText, language: str) -> str:
    """Return the same as JSON: times in UTC, ids that don't change with the language, and the words next to them."""
    content: dict[str, Any] = {
        "format": FORMAT,
        "version": VERSION,
        "made_at": data.made_at.isoformat(timespec="seconds"),
        "language": language,
    }
    content |= {part.id: [dict(_entry(entry, say)) for entry in part.entries] for part in data.parts}
    return json.dumps(content, ensure_ascii=False, indent=2) + "\n"


def _entry(entry: DataEntry, say: SayText) -> Iterator[tuple[str, Any]]:
    if entry.at is not None:
        yield "at", entry.at.isoformat(timespec="seconds")
    if entry.kind:
        yield "kind", entry.kind
    if entry.title is not None:
        yield "title", say(entry.title)
    yield "facts", [_fact(fact, say) for fact in entry.facts]


def _fact(fact: DataFact, say: SayText) -> dict[str, Any]:
    at = {"at": fact.at.isoformat(timespec="seconds")} if fact.at is not None else {}
    return {"id": fact.id, "name": say(fact.name), "words": say(fact.words), "value": fact.value, **at}
