"""Finds what the last check-in answered to a question, so that it can be given again at one tap. Answers nothing.

Never for a safety screen, nor for "none": what is offered is what was there and may be there still.
"""

from collections.abc import Iterator
from datetime import timedelta
from typing import NamedTuple

from bot.app.checkins.skips import SEARCHED_CHECKINS
from bot.app.records.checkins import CheckInRow
from bot.app.records.patients import Patient
from bot.app.work import Work
from bot.core.checkin import State
from bot.core.protocol import Protocol, Question

FRESH = timedelta(days=14)
"""How old the check-in may be [D]."""


class LastTime(NamedTuple):
    """What was answered last time: a level of the question that is asked now, and of how much it got in the way."""

    question: Question
    level: str
    then: Question | None = None
    then_level: str = ""


def last_time(work: Work, patient: Patient, row: CheckInRow) -> LastTime | None:
    """Return the last check-in's answer to the question that `row` asks now; None if there is none to offer.

    The check-in must have asked it in the same words of the same protocol, lately, and its answers must be the chat's
    to see.
    """
    protocol, asked = work.clinic.protocol, row.value.cursor or ""
    composite = next((rule.composite for rule in protocol.rules if rule.composite is not None), None)
    question = protocol.questions.get(asked)
    if composite is None or question is None or asked != composite.severity or not _is_asked_now(row, question):
        return None
    last = next(_that_asked(work, patient, row, asked), None)
    if last is None or not _may_be_shown(work, patient, row, last):
        return None
    level = _level(last, question)
    if (
        level is None
        or question.step_of(level) == 0
        or _wording(protocol, last, asked) != _wording(protocol, row, asked)
    ):
        return None
    then = protocol.questions.get(composite.interference)
    then_level = _level(last, then) if then is not None and then.id not in row.value.answers else None
    return LastTime(question, level, then, then_level) if then_level is not None else LastTime(question, level)


def _is_asked_now(row: CheckInRow, question: Question) -> bool:
    is_open = row.value.state is State.ASKING and question.id not in row.value.answers
    return is_open and question.signs is None and not question.red_flag


def _that_asked(work: Work, patient: Patient, row: CheckInRow, question: str) -> Iterator[CheckInRow]:
    """Yield the patient's other check-ins that have an answer to the question, finished or not, newest first."""
    for other in work.checkins.of_patient(patient.id, limit=SEARCHED_CHECKINS):
        if other.id != row.id and question in other.value.answers:
            yield other


def _may_be_shown(work: Work, patient: Patient, row: CheckInRow, last: CheckInRow) -> bool:
    is_theirs = patient.history_from is None or last.opened_at >= patient.history_from
    is_lately = timedelta(0) <= work.at - last.opened_at <= FRESH
    return is_theirs and is_lately and last.protocol_hash == row.protocol_hash


def _level(row: CheckInRow, question: Question) -> str | None:
    """Return the level that was answered; None if it was skipped, or is no level."""
    given = row.value.answers.get(question.id, ())
    step = question.step_of(given[0]) if len(given) == 1 else None
    return given[0] if step is not None else None


def _wording(protocol: Protocol, row: CheckInRow, question: str) -> str | None:
    """Return the key of the words in which the check-in's form asks a question; None if they are the question's own."""
    form = protocol.forms.get(row.value.form)
    steps = form.steps if form is not None else ()
    return next((step.text for step in steps if step.ask == question), None)
