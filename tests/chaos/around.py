"""What happened around a loss: the taps and the record of its patient, for the person who reads the report of a run.

The database of a run is gone when it ends, and a run can't be had a second time.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta

from bot.core.screen import Action
from tests.chaos.stored import Stored

MOST_LINES = 80
BEFORE = timedelta(hours=36)


def around(stored: Stored, losses: Sequence[str]) -> list[str]:
    """Return what the patients of the first losses tapped, and what was recorded of them; the newest lines of each."""
    patients = dict.fromkeys(number for loss in losses for number in _patients(stored, loss))
    return [line for number in list(patients)[:2] for line in _of_patient(stored, number, losses)]


def _patients(stored: Stored, loss: str) -> Iterator[int]:
    for kind, number in re.findall(r"\b(check-in|alert) (\d+)", loss):
        if kind == "alert":
            yield from (a.patient_id for a in stored.alerts if a.id == int(number))
        else:
            yield from (row.patient_id for mine in stored.checkins.values() for row in mine if row.id == int(number))


def _of_patient(stored: Stored, number: int, losses: Sequence[str]) -> list[str]:
    patient = stored.patient(number)
    named = {int(n) for loss in losses for n in re.findall(r"\bcheck-in (\d+)", loss)}
    rows = [row for row in stored.checkins[number] if row.id in named] or stored.checkins[number][-1:]
    until = max((row.closed_at or row.opened_at for row in rows), default=patient.created_at) + timedelta(hours=1)
    taps = [(one.at, f"tapped {_button(one.tap.action)}") for one in stored.taps.get(patient.chat_id or 0, [])]
    record = [(line.at, f"{line.action} {dict(line.detail)}") for line in stored.lines[patient.code]]
    changes = [
        (one.at, f"concern {one.symptom} {one.what} {one.tier.name}")
        for one in stored.stores.concerns.changes(number, limit=10_000)
    ]
    answers = [
        (one.given_at, f"answered {one.question} {list(one.choices)} until {one.superseded_at}")
        for row in rows
        for one in stored.answers[row.id]
    ]
    found = sorted(_within([*taps, *record, *changes, *answers], until - BEFORE, until), key=lambda one: one[0])
    return [f"{patient.code}:", *(f"  {at:%d %H:%M:%S.%f} {what}" for at, what in found[-MOST_LINES:])]


def _within(lines: Iterable[tuple[datetime, str]], since: datetime, until: datetime) -> Iterator[tuple[datetime, str]]:
    return ((at, what) for at, what in lines if since <= at <= until)


def _button(action: Action) -> str:
    return f"{action.kind} {action.subject} {action.question} {action.choice} r{action.revision}"
