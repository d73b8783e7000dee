"""Opens tasks for patients who don't answer. Sends nothing."""

from datetime import timedelta
from typing import Literal

from bot.app.concerns.memory import recall
from bot.app.records.alerts import Task
from bot.app.records.checkins import CheckInRow
from bot.app.records.patients import Patient
from bot.app.work import Work
from bot.core.protocol import Tier

MISSED_AFTER = timedelta(hours=24)
"""An unanswered check-in is missed after a day, if the next one doesn't come before."""


def open_silence_task(work: Work, patient: Patient, kind: Literal["not_heard_from", "missed_twice"]) -> None:
    """Open a task for a patient who didn't answer, unless one of that kind is open."""
    work.tasks.add(Task(kind=kind, patient_id=patient.id, subject=patient.code, raised_at=work.at))


def note_missed(work: Work, patient: Patient, row: CheckInRow) -> None:
    """Open a task to phone a patient at once who has an EMERGENCY or URGENT open and answered nothing."""
    is_urgent = any(concern.tier >= Tier.URGENT for concern in recall(work, patient).value.open)
    if not row.value.answers and is_urgent:
        work.tasks.add(Task(kind="phone_patient", patient_id=patient.id, subject=patient.code, raised_at=work.at))
