"""A patient's silence, shown to the coordinator."""

from typing import Literal

from bot.app.records.alerts import Task
from bot.app.records.patients import Patient
from bot.app.work import Work


def note_silence(work: Work, patient: Patient, kind: Literal["not_heard_from", "missed_twice"]) -> None:
    """Show a patient's silence to the coordinator, once."""
    work.tasks.add(Task(kind=kind, patient_id=patient.id, subject=patient.code, raised_at=work.at))
