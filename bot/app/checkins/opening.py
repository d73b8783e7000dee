"""Opens check-ins: for the plan, the team or the patient. Never leaves a patient with two open ones."""

from datetime import datetime
from typing import Literal

from bot.app.checkins.answering import close_as
from bot.app.checkins.answers import answer_row
from bot.app.checkins.reminders import DAILY, next_action_after_answer
from bot.app.checkins.silence import note_missed, open_silence_task, unanswered_before
from bot.app.checkins.skips import SEARCHED_CHECKINS
from bot.app.concerns.follow_up import close_watch_of
from bot.app.concerns.memory import recall
from bot.app.records.checkins import CheckInRow
from bot.app.records.patients import Patient, PatientState
from bot.app.schedules.plans import plan_of
from bot.app.work import Work
from bot.core import checkin as core
from bot.core.follow_up import asked_again, usual_signs
from bot.core.protocol import Answers, Tier
from bot.core.schedule import phase_at

CheckInKind = Literal["scheduled", "baseline", "extra", "worse", "follow_up"]
EARLY = "early"
"""Prefix of the names of phases in which two missed check-ins in a row become a task for the team."""
WORSE_ANSWERS: Answers = {"change": ("yes",)}
"""The first answer of the quick check, which "I feel worse now" gives."""


class DueTwiceError(RuntimeError):
    """The patient already has a check-in with this due time."""


def open_checkin(work: Work, patient: Patient, *, form: str, kind: CheckInKind, due_at: datetime) -> CheckInRow | None:
    """Open a check-in and ask its first question. It replaces an open one, whose answers stay stored.

    Return None, having changed nothing, if the patient already has one with this due time. The patient must be locked.
    """
    known = WORSE_ANSWERS if kind == "worse" else {}
    memory = recall(work, patient).value
    about = asked_again(memory, close_watch_of(work, patient))
    opened = core.open_checkin(form, work.clinic.protocol, known, about)
    row = CheckInRow(
        patient_id=patient.id,
        kind=kind,
        due_at=due_at,
        opened_at=work.at,
        unanswered=unanswered_before(work, patient),
        protocol_name=work.clinic.protocol.name,
        protocol_version=work.clinic.protocol.version,
        protocol_hash=work.clinic.protocol.content_hash,
        value=opened.model_copy(update={"usual": usual_signs(memory)}),
    )
    row = row.model_copy(update={"next_action_at": next_action_after_answer(row, patient, work.clinic, work.at)})
    made: list[tuple[CheckInRow, CheckInRow | None]] = []

    def replace() -> None:
        made.clear()
        replaced = work.checkins.open_of(patient.id)
        if replaced is not None:
            replaced = close_as(work, patient, replaced, core.Replace())
        if (added := work.checkins.add(row)) is None:
            raise DueTwiceError
        made.append((added, replaced))

    error = work.attempt(replace)
    if isinstance(error, DueTwiceError):
        # This happens after the clock was set back: the open check-in, perhaps the same one, must stay open.
        return None
    if error is not None:
        raise error
    ((added, replaced),) = made
    for question, choices in known.items():
        work.answers.record(answer_row(patient, added, question, choices, work.at))
    if replaced is not None:
        _missed(work, patient, replaced)
    work.notices.checkin_opened(patient, added)
    return added


def close_open(work: Work, patient: Patient) -> None:
    """Close the open check-in, if there is one, because another follows; act on its answers, which stay stored."""
    row = work.checkins.open_of(patient.id)
    if row is not None:
        _missed(work, patient, close_as(work, patient, row, core.Replace()))


def send_now(work: Work, patient: Patient) -> CheckInRow | None:
    """Open a quick check outside the plan and return it; None if the patient is not active or has no chat."""
    if patient.state is not PatientState.ACTIVE or patient.chat_id is None:
        return None
    row = open_checkin(work, patient, form="quick", kind="extra", due_at=work.at)
    if row is not None:
        work.record("checkin_sent_now", patient.code)
    return row


def _missed(work: Work, patient: Patient, row: CheckInRow) -> None:
    """Open tasks for a replaced check-in: one if the plan isn't daily, one if two in a row stayed unanswered."""
    if row.kind == "worse" or row.value.raised >= Tier.URGENT:
        return  # Outside the plan, or answered: a call screen was shown.
    note_missed(work, patient, row)
    if row.silent_at is None and work.at - row.opened_at > DAILY:
        open_silence_task(work, patient, "not_heard_from")
    before = next((c for c in work.checkins.of_patient(patient.id, limit=SEARCHED_CHECKINS) if c.id < row.id), None)
    early = (phase_at(plan_of(patient, work.clinic), row.due_at.date()) or "").startswith(EARLY)
    if early and not row.value.answers and before is not None and not before.value.answers:
        open_silence_task(work, patient, "missed_twice")
