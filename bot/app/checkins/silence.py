"""Decides what a patient's silence changes: tasks for the team, and check-ins that come more rarely. Sends nothing."""

from datetime import datetime, timedelta
from typing import Literal

from bot.app.concerns.follow_up import replanned
from bot.app.concerns.memory import recall
from bot.app.ports.errors import StaleRecordError
from bot.app.records.alerts import Task
from bot.app.records.checkins import CheckInRow
from bot.app.records.patients import Patient, PatientState
from bot.app.work import SYSTEM, Stores, Work
from bot.core.back_off import rests_until, step_at
from bot.core.protocol import Tier
from bot.core.schedule import Occurrence

MISSED_AFTER = timedelta(hours=24)
"""An unanswered check-in is missed after a day, if the next one doesn't come before."""


def open_silence_task(work: Work, patient: Patient, kind: Literal["not_heard_from", "missed_twice"]) -> None:
    """Open a task for a patient who didn't answer, unless one of that kind is open."""
    work.tasks.add(Task(kind=kind, patient_id=patient.id, subject=patient.code, raised_at=work.at))


def note_missed(work: Work, patient: Patient, row: CheckInRow) -> None:
    """Open a task to phone a patient at once who has an EMERGENCY or URGENT open and answered nothing."""
    if not row.value.answers and _is_urgent(work, patient):
        work.tasks.add(Task(kind="phone_patient", patient_id=patient.id, subject=patient.code, raised_at=work.at))


def _is_urgent(work: Work, patient: Patient) -> bool:
    return any(concern.tier >= Tier.URGENT for concern in recall(work, patient).value.open)


# -- check-ins come more rarely


def put_off(work: Work, patient: Patient, due: Occurrence) -> Patient:
    """Return the patient, not saved, as this check-in is opened: the next one may have to wait.

    Nothing waits while an EMERGENCY or URGENT is open: it has prompts of its own, and a task to phone the patient. What
    the patient took back as a mistake has no prompts any more, and puts off nothing for the team.
    """
    unanswered = unanswered_at(work, patient, due.due_at)
    steps = work.clinic.protocol.silence
    is_urgent = any(c.tier >= Tier.URGENT and c.retracted_at is None for c in recall(work, patient).value.open)
    until = None if is_urgent else rests_until(steps, unanswered + 1, due.local_date)
    return patient.model_copy(update={"unanswered": unanswered, "rests_until": until})


def unanswered_at(stores: Stores, patient: Patient, due_at: datetime) -> int:
    """Return how many check-ins in a row are unanswered, with the open one if it was due before then."""
    row = stores.checkins.open_of(patient.id)
    is_missed = row is not None and not row.value.answers and row.due_at < due_at
    return patient.unanswered + (1 if is_missed else 0)


def unanswered_before(work: Work, patient: Patient) -> int:
    """Return how many unanswered check-ins the one opened now follows; 0 if they change nothing."""
    is_silent = step_at(work.clinic.protocol.silence, patient.unanswered) is not None
    return patient.unanswered if is_silent and patient.rests_until is not None else 0


def heard_from(work: Work, patient: Patient) -> None:
    """Note that a silent patient, or their caregiver, answered or tapped: the plan is as it was.

    A fault in the plan is recorded, and never keeps a tap from acting.
    """
    if patient.caregiver is not None and patient.caregiver.state != "active":
        return
    heard = patient.model_copy(update={"unanswered": 0, "rests_until": None})

    def plan() -> None:
        is_put_off = patient.rests_until is not None and patient.state is PatientState.ACTIVE
        work.patients.save(replanned(work, heard) if is_put_off else heard)

    error = work.attempt(plan)
    if isinstance(error, StaleRecordError):
        raise error
    if error is not None:
        work.acting(SYSTEM).record("silence_not_ended", patient.code, error=type(error).__name__)
