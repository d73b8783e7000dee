"""All that is stored of a patient's check-ins and alerts, for files that leave the program. Changes nothing."""

from collections.abc import Iterator

from bot.app.store import AlertRow, AnswerRow, AssessmentRow, CheckInRow, Patient, Store
from bot.core.screen import Frozen

PAGE = 100
"""Patients read in one go."""
ALL = 1_000_000


class CheckInRecord(Frozen):
    """One check-in, all its answers in order of giving, and the newest assessment."""

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
        """The study code."""
        return self.patient.code


def record_of(store: Store, patient: Patient) -> PatientRecord:
    """Return all that is stored of one patient."""
    newest: dict[int, AssessmentRow] = {}
    for found in reversed(store.assessments(patient.id, limit=ALL)):
        newest[found.checkin_id] = found
    return PatientRecord(
        patient=patient,
        checkins=tuple(
            CheckInRecord(row=row, answers=tuple(store.answers(row.id)), assessment=newest.get(row.id))
            for row in reversed(store.checkins(patient.id, limit=ALL))
        ),
        alerts=tuple(reversed(store.alerts(patient.id, limit=ALL))),
    )


def codes_after(store: Store, code: str) -> list[str]:
    """Return the next study codes, in order: who exports all reads each in a transaction of its own."""
    return [patient.code for patient in store.patients(after_code=code, limit=PAGE)]


def all_codes(store: Store) -> Iterator[str]:
    """Yield every study code, in order, a page at a time."""
    last = ""
    while codes := codes_after(store, last):
        yield from codes
        last = codes[-1]
