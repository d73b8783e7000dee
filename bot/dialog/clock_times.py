"""The question which time zone a person is in, by what their clock shows. Stores nothing.

The words of its buttons: "own" (yes), "other" (no, and back from the list), "more" and "less" (the pages of the list),
"t570" (a clock, by its shift), "y570" and "n570" (whether clocks of that shift are changed in spring and autumn).
"""

import re
from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

from bot.app.ports.clinic import Clinic
from bot.app.records.patients import Patient
from bot.core.screen import Action, Button, Text
from bot.dialog import zones
from bot.dialog.widgets import ButtonRow, button, rows

_SHIFT = re.compile(r"([tyn])(\d{1,4})")


class Next(NamedTuple):
    """What follows a button: a `zone`, or a screen: "zone", "clock" (and its page), "season" (and the shift)."""

    zone: str | None = None
    screen: str = ""
    number: int = 0


class ClockScreen(NamedTuple):
    """What a screen consists of."""

    text: Text
    rows: tuple[ButtonRow, ...]


def follow(word: str, patient: Patient, clinic: Clinic, at: datetime) -> Next | None:
    """Return what a tapped word leads to; None if it is no word of this question."""
    if word in {"own", "other", "more", "less"}:
        pages = {"other": 0, "more": 1, "less": 0}
        return Next(zone=_zone(patient, clinic)) if word == "own" else Next(screen="clock", number=pages[word])
    match = _SHIFT.fullmatch(word)
    found = zones.candidates(int(match[2]), at, clinic.timezone, patient.language) if match is not None else ()
    if match is None or not found:
        return None
    if match[1] == "t" and len({zones.changes(name, at) for name in found}) > 1:
        return Next(screen="season", number=int(match[2]))
    kind = None if match[1] == "t" else zones.of_season(found, at, changing=match[1] == "y")
    return Next(zone=kind or found[0])


def shown(
    screen: str, number: int, patient: Patient, clinic: Clinic, at: datetime, tap: Callable[[str], Action]
) -> ClockScreen:
    """Return a screen of the question; `tap` returns the action of a word."""
    if screen == "clock":
        return _list(number, patient, clinic, at, tap)
    if screen == "season":
        made = (button("clock.changes", tap(f"y{number}")), button("clock.stays", tap(f"n{number}")))
        return ClockScreen(Text(key="clock.season"), rows((*made, button("button.back", tap("other")))))
    now = now_at(patient, clinic, at)
    made = (button("clock.yes", tap("own")), button("clock.no", tap("other")))
    return ClockScreen(Text(key="enrol.zone", values={"time": now}), rows(made))


def _list(page: int, patient: Patient, clinic: Clinic, at: datetime, tap: Callable[[str], Action]) -> ClockScreen:
    found = zones.shifts(at, _zone(patient, clinic), page)
    made = [
        Button(label=Text(key="raw", values={"text": zones.clock(one, at)}), action=tap(f"t{one}")) for one in found
    ]
    pairs = tuple(tuple(made[n : n + 2]) for n in range(0, len(made), 2))
    onward = button("clock.less", tap("less")) if page else button("clock.more", tap("more"))
    return ClockScreen(Text(key="clock.which"), (*pairs, (onward,)))


def now_at(patient: Patient, clinic: Clinic, at: datetime) -> str:
    """Return what the patient's clock shows, such as "10:42"."""
    return zones.clock(zones.shift_of(_zone(patient, clinic), at), at)


def _zone(patient: Patient, clinic: Clinic) -> str:
    return patient.timezone or clinic.timezone
