"""Finds the question to ask again when a patient says that what an alert is about was a mistake. Changes nothing."""

from collections.abc import Iterator

from bot.app.alerts.replies import left_open
from bot.app.concerns.memory import recall
from bot.app.records.alerts import AlertRow
from bot.app.records.checkins import CheckInRow
from bot.app.records.patients import Patient
from bot.app.work import Work
from bot.core.checkin import State
from bot.core.concern import Concern
from bot.core.findings import NOT_NAMED
from bot.core.protocol import Protocol


def asked_again(work: Work, patient: Patient, alert: AlertRow) -> tuple[CheckInRow, str] | None:
    """Return a finished check-in that found what the alert names, highest tier first, and the question behind it.

    None if the alert is closed or no such check-in is left, or everyone took back what it names. Older answers can be
    changed in this way than by `clocks.change_for`: the patient is still asked about them.
    """
    if alert.closed_at is not None:
        return None
    rows = tuple(_checkins(work, patient, alert))
    for concern in left_open(work, patient, alert):
        for row in rows:
            for question in _questions(work.clinic.protocol, row, concern):
                return row, question
    return None


def _checkins(work: Work, patient: Patient, alert: AlertRow) -> Iterator[CheckInRow]:
    """Yield the finished check-ins whose answers can be taken back: the alert's last one, then the newest."""
    heard = recall(work, patient).heard.checkins
    found = (alert.checkin_id, *sorted(heard, reverse=True))
    for number in dict.fromkeys(n for n in found if n is not None):
        row = work.checkins.get(number)
        if row is not None and row.value.state is State.DONE and row.value.form in work.clinic.protocol.forms:
            yield row


def _questions(protocol: Protocol, row: CheckInRow, concern: Concern) -> Iterator[str]:
    """Yield the answered questions that found it: the safety screen before the question that named the sign."""
    known = protocol.symptoms.get(concern.symptom)
    if concern.retracted_at is not None:
        return
    for screen in protocol.questions.values():
        is_yes = row.value.answers.get(screen.id) in {("yes",), ("not_sure",)}
        if screen.signs is not None and is_yes:
            names_it = known is not None and known.names and screen.signs.named_in == known.question
            if names_it or concern.symptom == NOT_NAMED:
                yield screen.id
    if known is not None and known.question in row.value.answers and not known.names:
        yield str(known.question)
