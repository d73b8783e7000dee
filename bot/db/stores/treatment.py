"""The store of treatment periods, in SQL, and what processes of the previous version wrote of them. Decides nothing."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import bindparam, select

from bot.app.records.patients import Patient, TreatmentPeriod, TreatmentVersion
from bot.core.treatment import StopReason
from bot.db.rows import Row, Seal, Section, Shape
from bot.db.tables_treatment import treatment_period, treatment_period_history

_REASON = Seal(dump=lambda reason: str(reason).encode(), load=lambda raw: StopReason(raw.decode()))
PERIOD = Shape(treatment_period, TreatmentPeriod, sealed={"stop_reason": _REASON})
HISTORY = Shape(treatment_period_history, TreatmentVersion, sealed={"stop_reason": _REASON})
EARLIER = "earlier version"
"""Who recorded what a process of the previous version wrote, which kept one start, stop and drug per patient."""

_P, _H = treatment_period.c, treatment_period_history.c
_OF_PATIENTS = select(treatment_period).where(_P.patient_id.in_(bindparam("of_patients", expanding=True)))
_HISTORY = select(treatment_period_history).where(_H.patient_id == bindparam("of_patient")).order_by(_H.id)


class SqlTreatments(Section):
    """See `bot.app.ports.patients.TreatmentStore`."""

    def add(self, period: TreatmentPeriod) -> TreatmentPeriod:
        return self._kept(self._add(PERIOD, period))

    def save(self, period: TreatmentPeriod) -> TreatmentPeriod:
        return self._kept(self._save(PERIOD, period))

    def of_patient(self, patient_id: int) -> Sequence[TreatmentPeriod]:
        return self.of_patients([patient_id]).get(patient_id, [])

    def history(self, patient_id: int) -> Sequence[TreatmentVersion]:
        return self._records(HISTORY, _HISTORY, of_patient=patient_id)

    def of_patients(self, patient_ids: Collection[int]) -> Mapping[int, list[TreatmentPeriod]]:
        """Return the periods of several patients by patient, removed ones too, in order of start."""
        found: dict[int, list[TreatmentPeriod]] = defaultdict(list)
        periods = self._records(PERIOD, _OF_PATIENTS, of_patients=list(patient_ids))
        for period in sorted(periods, key=lambda each: (each.start, each.id)):
            found[period.patient_id].append(period)
        return found

    def _kept(self, period: TreatmentPeriod) -> TreatmentPeriod:
        """Add the period as it is now to the history."""
        self._add(HISTORY, TreatmentVersion(period_id=period.id, **period.model_dump()))
        return period


def repeated(patient: Patient) -> dict[str, Any]:
    """Return the columns of `patient` that repeat the newest period."""
    newest = patient.treatment.newest
    return {"ici_start": newest.start, "ici_stop": newest.stop, "drug": newest.drug}


def periods_of(row: Row, stored: Sequence[TreatmentPeriod]) -> tuple[TreatmentPeriod, ...]:
    """Return a patient's periods: those stored, with what a process of the previous version wrote since.

    Such a process adds patients without a period, corrects start, stop and drug in place, and overwrites the start at a
    restart, which begins a further period here.
    """
    start, stop, drug = row["ici_start"], row["ici_stop"], row["drug"]
    periods = [period for period in stored if not period.is_removed]
    written = {"start": start, "stop": stop, "drug": drug}
    if not periods:
        return (TreatmentPeriod(patient_id=row["id"], recorded_at=row["created_at"], recorded_by=EARLIER, **written),)
    newest = periods[-1]
    if (newest.start, newest.stop, newest.drug) == (start, stop, drug):
        return tuple(periods)
    if stop is None and start > newest.start and start >= (newest.stop or newest.start):
        again = {"id": 0, "version": 0, "stop_reason": None, "recorded_by": EARLIER, **written}
        return (*periods, newest.model_copy(update=again))
    if stop != newest.stop:
        written["stop_reason"] = None
    return (*periods[:-1], newest.model_copy(update={"recorded_by": EARLIER, **written}))
