"""Breaches of the rules that are known, each with the reason why it is not fixed: the test allows these, and no others."""

import re
from typing import NamedTuple


class Known(NamedTuple):
    who: str
    """A pattern of the persona's name."""
    what: str
    """A pattern of the line."""
    why: str


KNOWN: tuple[Known, ...] = (
    Known(
        ".*",
        r"^\d+ live buttons; at most 5 \(((call\.soon|done\.open) 1, )*done\.known 6(, done\.known 6)?\)$",
        "The end of a known finding keeps It is worse than that, four of its tip and Change an answer for 24 hours, and "
        "two such ends overlap while check-ins are daily. The limit of case P8 is for those about whom nothing is open.",
    ),
)


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
