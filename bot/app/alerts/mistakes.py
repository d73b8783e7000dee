"""Finds the question to ask again when a person says that what an alert is about was a mistake, and whose it was.

Only who gave an answer can call it a mistake. Changes nothing but the audit.
"""

from collections.abc import Iterator

from bot.app.alerts.raising import record
from bot.app.alerts.replies import left_open
from bot.app.records.alerts import AlertRow
from bot.app.records.checkins import CheckInRow
from bot.app.records.patients import Patient
from bot.app.work import Work
from bot.core.concern_values import Concern
from bot.core.findings import NOT_NAMED, still
from bot.core.protocol import Protocol


def asked_again(work: Work, patient: Patient, alert: AlertRow) -> tuple[CheckInRow, str] | None:
    """Return the check-in that raised the alert or joined it last, and the question behind what the alert names.

    Highest tier first, of what the acting person said. None if the alert is closed or has no such check-in, or everyone
    took back what it names. Older answers can be changed in this way than by `clocks.change_for`: the patient is still
    asked about them.
    """
    row = work.checkins.get(alert.checkin_id) if alert.checkin_id is not None else None
    if row is None or alert.closed_at is not None or row.value.form not in work.clinic.protocol.forms:
        return None
    for concern in left_open(work, patient, alert):
        if concern.givers and patient.giver not in concern.givers:
            continue
        for question in _questions(work.clinic.protocol, row, concern):
            return row, question
    return None


def is_of_another(work: Work, patient: Patient, alert: AlertRow) -> bool:
    """Return whether another person said all that the alert still names: by whose answer it is, or who raised it."""
    said = [c.givers for c in left_open(work, patient, alert) if c.givers]
    if said:
        return not any(patient.giver in givers for givers in said)
    return alert.caregiver_id != (patient.caregiver.id if patient.caregiver is not None else None)


def log_of_another(work: Work, patient: Patient, alert: AlertRow) -> None:
    """Log that a person called another one's answer a mistake, which changes nothing."""
    record(work, patient, alert, "patient_mistake_of_other")


def _questions(protocol: Protocol, row: CheckInRow, concern: Concern) -> Iterator[str]:
    """Yield the answered questions that found it: a safety screen, its own question, or the sign asked by name."""
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
    if still(concern.symptom) in row.value.answers:
        yield still(concern.symptom)
