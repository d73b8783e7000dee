"""Collects a patient's stored check-ins and alerts for exports. Changes nothing."""

from bot.app.records.alerts import AlertRow
from bot.app.records.checkins import AnswerRow, AssessmentRow, CheckInRow
from bot.app.records.patients import Patient
from bot.app.work import Stores
from bot.core.frozen import Frozen

PAGE = 100
"""Patients read at a time."""


class CheckInRecord(Frozen):
    """One check-in with all its answers in the order given, and its newest assessment."""

    row: CheckInRow
    answers: tuple[AnswerRow, ...]
    assessment: AssessmentRow | None


class PatientRecord(Frozen):
    """One patient's check-ins and alerts, oldest first."""

    patient: Patient
    checkins: tuple[CheckInRecord, ...]
    alerts: tuple[AlertRow, ...]

    @property
    def code(self) -> str:
        """Return the study code."""
        return self.patient.code


def record_of(stores: Stores, patient: Patient) -> PatientRecord:
    """Return one patient's check-ins and alerts."""
    newest: dict[int, AssessmentRow] = {}
    for found in reversed(stores.assessments.of_patient(patient.id)):
        newest[found.checkin_id] = found
    return PatientRecord(
        patient=patient,
        checkins=tuple(
            CheckInRecord(row=row, answers=tuple(stores.answers.of_checkin(row.id)), assessment=newest.get(row.id))
            for row in reversed(stores.checkins.of_patient(patient.id))
        ),
        alerts=tuple(reversed(stores.alerts.of_patient(patient.id))),
    )


def codes_after(stores: Stores, code: str) -> list[str]:
    """Return the next study codes, in order: an export reads each patient in a transaction of its own."""
    return [patient.code for patient in stores.patients.page(after_code=code, limit=PAGE)]
