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
        "^3 in a row, the button is cut: (Need help now|Нужна помощь)$",
        "P19 asks for a row of its own. Then a check-in that opens with a safety screen, with Remind me later below it, is "
        "36 points too high for a phone (tests/browser/test_safety_screens.py, way 'opened'); on all others it fits.",
    ),
    Known(
        "hospital",
        "again after ([89]|1[0-3]) days",
        "Two drugs: daily check-ins use up the tips that fit; the one shown longest ago comes back before 14 days.",
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
