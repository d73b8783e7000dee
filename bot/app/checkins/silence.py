"""Opens tasks for patients who don't answer. Sends nothing."""

from typing import Literal

from bot.app.records.alerts import Task
from bot.app.records.patients import Patient
from bot.app.work import Work


def open_silence_task(work: Work, patient: Patient, kind: Literal["not_heard_from", "missed_twice"]) -> None:
    """Open a task for a patient who didn't answer, unless one of that kind is open."""
    work.tasks.add(Task(kind=kind, patient_id=patient.id, subject=patient.code, raised_at=work.at))
