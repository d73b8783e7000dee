"""Breaches of the rules that are known, each with the reason why it is not fixed: the test allows these, and no others."""

import re
from typing import NamedTuple


class Known(NamedTuple):
    who: str
    """A pattern of the persona's name."""
    what: str
    """A pattern of the line."""
    why: str


KNOWN: tuple[Known, ...] = ()


def unknown(name: str, found: list[str]) -> list[str]:
    """Return the lines that no entry knows."""
    return [line for line in found if not any(_knows(entry, name, line) for entry in KNOWN)]


def unused(found: dict[str, list[str]]) -> list[Known]:
    """Return the entries that know nothing any more: take them away."""
    return [
        entry
        for entry in KNOWN
        if not any(_knows(entry, name, line) for name, lines in found.items() for line in lines)
    ]


def _knows(entry: Known, name: str, line: str) -> bool:
    return re.fullmatch(entry.who, name) is not None and re.search(entry.what, line) is not None
