"""Check-ins opened: by the plan, by the team, by the patient; one is open at a time for a patient."""

from datetime import datetime
from typing import Literal

from bot.app.checkins.reminders import DAILY, next_action_at
from bot.app.checkins.silence import note_silence
from bot.app.checkins.steps import answer_row, close_as
from bot.app.records.checkins import CheckInRow
from bot.app.records.patients import Patient, PatientState
from bot.app.schedules.plans import plan_of
from bot.app.work import Work
from bot.core import checkin as core
from bot.core.protocol import Answers, Tier
from bot.core.schedule import phase_at

CheckInKind = Literal["scheduled", "baseline", "extra", "worse", "follow_up"]
EARLY = "early"
"""How the phases are named in which two check-ins missed in a row are shown to the coordinator."""
WORSE_ANSWERS: Answers = {"change": ("yes",)}
""" "I feel worse now" has answered the quick check's first question."""


class DueTwiceError(RuntimeError):
    """A check-in of this patient was due at that moment already."""


def open_checkin(work: Work, patient: Patient, *, form: str, kind: CheckInKind, due_at: datetime) -> CheckInRow | None:
    """Open one and ask its first question; an open one is replaced, what was answered stays stored.

    None (and nothing changed) when this patient already had one due at that moment. The patient must be locked.
    """
    known = WORSE_ANSWERS if kind == "worse" else {}
    row = CheckInRow(
        patient_id=patient.id,
        kind=kind,
        due_at=due_at,
        opened_at=work.at,
        protocol_name=work.clinic.protocol.name,
        protocol_version=work.clinic.protocol.version,
        protocol_hash=work.clinic.protocol.content_hash,
        value=core.open_checkin(form, work.clinic.protocol, known),
    )
    row = row.model_copy(update={"next_action_at": next_action_at(row, patient, work.clinic)})
    made: list[tuple[CheckInRow, CheckInRow | None]] = []

    def replace() -> None:
        made.clear()
        replaced = work.checkins.open_of(patient.id)
        if replaced is not None:
            replaced = close_as(work, patient, replaced, core.Replace())
        if (added := work.checkins.add(row)) is None:
            raise DueTwiceError(DueTwiceError.__doc__)
        made.append((added, replaced))

    error = work.attempt(replace)
    if isinstance(error, DueTwiceError):
        # As after the clock was set back: the one that is open, perhaps the very same, must stay so.
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


def send_now(work: Work, patient: Patient) -> CheckInRow | None:
    """Send a quick check at once, outside the plan; None when the patient isn't active or has no chat."""
    if patient.state is not PatientState.ACTIVE or patient.chat_id is None:
        return None
    row = open_checkin(work, patient, form="quick", kind="extra", due_at=work.at)
    if row is not None:
        work.record("checkin_sent_now", patient.code)
    return row


def _missed(work: Work, patient: Patient, row: CheckInRow) -> None:
    """A check-in was replaced before it was finished: silence where the plan isn't daily, or twice in a row."""
    if row.kind == "worse" or row.value.raised >= Tier.URGENT:
        return  # outside the plan, or not silent at all: a call screen was shown
    if row.silent_at is None and work.at - row.opened_at > DAILY:
        note_silence(work, patient, "not_heard_from")
    before = next((c for c in work.checkins.of_patient(patient.id) if c.id < row.id), None)
    early = (phase_at(plan_of(patient, work.clinic), row.due_at.date()) or "").startswith(EARLY)
    if early and not row.value.answers and before is not None and not before.value.answers:
        note_silence(work, patient, "missed_twice")
