"""Chooses the tip at the end of a check-in and keeps which ones a patient has seen. Shows nothing itself."""

from bot.app.records.checkins import CheckInRow, TipShown
from bot.app.records.patients import Patient
from bot.app.work import Stores, Work
from bot.core.protocol import Tip
from bot.core.tips import Shown, rested_tip


def next_tip(work: Work, patient: Patient, row: CheckInRow) -> Tip | None:
    """Choose the tip for the end of a check-in, and store that it was shown; None if none that fits has rested."""
    tip = rested_tip(row.value.answers, shown_tips(work, patient.id), work.clinic.protocol, work.at)
    if tip is not None:
        work.tips.add(TipShown(patient_id=patient.id, tip=tip.id, shown_at=work.at))
    return tip


def shown_tips(stores: Stores, patient_id: int) -> tuple[Shown, ...]:
    """Return the tips that the patient saw, newest first."""
    return tuple(Shown(tip=t.tip, shown_at=t.shown_at, rating=t.rating) for t in stores.tips.of_patient(patient_id))
