"""Answers as they are stored, and how long those to the safety screens count. Assesses and asks nothing."""

from datetime import datetime

from bot.app.records.checkins import AnswerRow, CheckInRow
from bot.app.records.patients import Patient
from bot.app.work import Work
from bot.core import checkin as core
from bot.core.findings import safety_screens


def with_fresh_screens(work: Work, row: CheckInRow) -> CheckInRow:
    """Return the check-in without "none" on a safety screen that is too old: evidence expires, and is asked again."""
    protocol = work.clinic.protocol
    oldest = work.at - protocol.remembering.fresh
    none = [q for q in safety_screens(protocol) if row.value.answers.get(q) == ("none",)]
    if row.value.state is not core.State.ASKING or not none or oldest < row.opened_at <= work.at:
        return row
    given_at = {a.question: a.given_at for a in work.answers.of_checkin(row.id) if a.superseded_at is None}
    # An answer from far ahead was given before the clock was set back: nobody knows how old it is.
    newest = work.at + protocol.remembering.fresh
    stale = [question for question in none if not oldest < given_at.get(question, oldest) < newest]
    for question in stale:
        work.answers.supersede(row.id, question, work.at)
    kept = {question: choices for question, choices in row.value.answers.items() if question not in stale}
    return row.model_copy(update={"value": row.value.model_copy(update={"answers": kept})})


def answer_row(patient: Patient, row: CheckInRow, question: str, choices: tuple[str, ...], at: datetime) -> AnswerRow:
    """Return an answer as it is stored, with the caregiver who gave it, if one did."""
    return AnswerRow(
        checkin_id=row.id,
        patient_id=row.patient_id,
        question=question,
        choices=choices,
        given_at=at,
        caregiver_id=patient.caregiver.id if patient.caregiver is not None else None,
    )
