"""Treatment periods of a patient: what an edit makes of them, and their rows. Overwrites nothing, plans nothing."""

import re
from collections.abc import Iterator
from datetime import date, datetime, timedelta

from bot.app.records.patients import Patient, TreatmentPeriod
from bot.app.work import Stores, Work
from bot.core.frozen import Frozen
from bot.core.treatment import StopReason

DRUG = re.compile(r"[^\W_][\w +\-/(),.]{1,59}")
DRUG_FORMAT = "use its name in 2 to 60 letters, digits, spaces and + - / ( ) ,"
LONGEST_AGO = timedelta(days=3660)
"""The oldest ICI start accepted: an earlier one is a typing error."""
LONGEST_AHEAD = timedelta(days=366)


class TreatmentEdit(Frozen):
    """What to change of the treatment; None leaves a field unchanged.

    `ici_restart` begins a new period, with a new early phase, and changes no earlier one. The other fields correct the
    period with the number `period` (1: the first; None: the newest). A stop without a reason is stored as UNKNOWN.
    """

    ici_start: date | None = None
    ici_stop: date | None = None
    stop_reason: StopReason | None = None
    ici_restart: date | None = None
    drug: str | None = None
    """The drug of the period, or of the one that `ici_restart` begins; "" if it is not known."""
    period: int | None = None
    no_ici_stop: bool = False
    """The stop was entered by mistake."""
    no_ici_restart: bool = False
    """The newest period was entered by mistake."""


class PeriodView(Frozen):
    """One version of a treatment period, as staff see it."""

    period: int | None
    """Its number, counted from 1; None if it was removed."""
    start: date
    stop: date | None
    stop_reason: StopReason | None
    drug: str | None
    is_removed: bool
    recorded_at: datetime
    recorded_by: str


# -- editing


def faults(patient: Patient, edit: TreatmentEdit, today: date) -> Iterator[str]:
    """Yield every fault of the edit, one sentence each."""
    count = len(patient.periods)
    if edit.period is not None and not 1 <= edit.period <= count:
        yield f"treatment period {edit.period}: {patient.code} has {count}"
        return
    if edit.drug and not DRUG.fullmatch(edit.drug):
        yield f"drug {edit.drug!r}: {DRUG_FORMAT}"
    if edit.ici_restart is not None:
        yield from _restart_faults(patient, edit, edit.ici_restart)
    if edit.ici_start is not None and edit.ici_start < today - LONGEST_AGO:
        yield f"ICI start {edit.ici_start}: that is more than ten years ago"
    for name, day in (("start", edit.ici_start), ("stop", edit.ici_stop), ("restart", edit.ici_restart)):
        if day is not None and day > today + LONGEST_AHEAD:
            yield f"ICI {name} {day}: that is more than a year ahead"
    if edit.no_ici_restart and count == 1:
        yield f"{patient.code} has one treatment period: there is no restart to remove"
    if edit.ici_restart is None and not edit.no_ici_restart:
        yield from _correction_faults(patient, edit)


def _restart_faults(patient: Patient, edit: TreatmentEdit, restart: date) -> Iterator[str]:
    newest = patient.treatment.newest
    corrections = (edit.ici_start, edit.ici_stop, edit.stop_reason, edit.period)
    if any(value is not None for value in corrections) or edit.no_ici_stop or edit.no_ici_restart:
        yield "a restart sets ICI start and stop itself: leave those out"
    if restart < (newest.stop or newest.start):
        since = f"the stop on {newest.stop}" if newest.stop else f"the start on {newest.start}"
        yield f"ICI restart {restart}: it is before {since}"
    elif newest.stop is None and restart == newest.start:
        yield f"ICI restart {restart}: the period that began on that day has no stop"


def _correction_faults(patient: Patient, edit: TreatmentEdit) -> Iterator[str]:
    index = _index(patient, edit)
    period = patient.periods[index]
    start = edit.ici_start or period.start
    stop = None if edit.no_ici_stop else edit.ici_stop or period.stop
    if edit.no_ici_stop and (edit.ici_stop is not None or edit.stop_reason is not None):
        yield "a stop can't be changed and removed at once"
    elif edit.stop_reason is not None and stop is None:
        yield f"stop reason {edit.stop_reason}: the treatment has no stop: give its date as well"
    if stop is not None and stop < start:
        yield f"ICI stop {stop}: it is before the start on {start}"
    if index > 0:
        before = patient.periods[index - 1]
        earliest = before.stop or before.start + timedelta(days=1)
        if start < earliest:
            yield f"ICI start {start}: the treatment period before it lasts until {earliest}"
    if index + 1 < len(patient.periods):
        after = patient.periods[index + 1]
        if (stop or start + timedelta(days=1)) > after.start:
            yield f"treatment period {index + 1}: the next one begins on {after.start}"


def _index(patient: Patient, edit: TreatmentEdit) -> int:
    return (edit.period or len(patient.periods)) - 1


def edited(patient: Patient, edit: TreatmentEdit, at: datetime, actor: str) -> Patient:
    """Return the patient, not saved, with the edit applied; the edit has no faults."""
    recorded = {"recorded_at": at, "recorded_by": actor}
    periods = list(patient.periods)
    if edit.ici_restart is not None:
        drug = periods[-1].drug if edit.drug is None else edit.drug or None
        periods.append(TreatmentPeriod(patient_id=patient.id, start=edit.ici_restart, drug=drug, **recorded))
    elif edit.no_ici_restart:
        periods.pop()
    else:
        index = _index(patient, edit)
        corrected = _corrected(periods[index], edit)
        if corrected != periods[index]:
            periods[index] = corrected.model_copy(update=recorded)
    return patient.model_copy(update={"periods": tuple(periods)})


def _corrected(period: TreatmentPeriod, edit: TreatmentEdit) -> TreatmentPeriod:
    changes: dict[str, object] = {}
    if edit.ici_start is not None:
        changes["start"] = edit.ici_start
    if edit.no_ici_stop:
        changes |= {"stop": None, "stop_reason": None}
    elif edit.ici_stop is not None:
        kept = period.stop_reason if period.stop is not None else StopReason.UNKNOWN
        changes |= {"stop": edit.ici_stop, "stop_reason": edit.stop_reason or kept}
    elif edit.stop_reason is not None:
        changes["stop_reason"] = edit.stop_reason
    if edit.drug is not None:
        changes["drug"] = edit.drug or None
    return period.model_copy(update=changes)


def changes(before: Patient, after: Patient) -> dict[str, str | None]:
    """Return what an edit changed of the treatment, as the audit stores it."""
    detail: dict[str, str | None] = {}
    for number, period in enumerate(after.periods, start=1):
        if number > len(before.periods):
            detail |= {"ici_restart": str(period.start), "drug": period.drug}
            continue
        old = before.periods[number - 1]
        names = {"start": "ici_start", "stop": "ici_stop", "stop_reason": "stop_reason", "drug": "drug"}
        differing = {
            shown: _word(getattr(period, name))
            for name, shown in names.items()
            if getattr(period, name) != getattr(old, name)
        }
        if differing and number < len(after.periods):
            detail["period"] = str(number)
        detail |= differing
    if len(after.periods) < len(before.periods):
        detail["ici_restart_removed"] = str(before.periods[-1].start)
    return detail


def _word(value: object) -> str | None:
    return None if value is None else str(value)


# -- rows


def record(work: Work, before: Patient, after: Patient) -> Patient:
    """Store the periods of an edited patient, each changed one as a further version; return the patient.

    A period that is there no more is marked as removed: its row and history stay.
    """
    stored = {period.id: period for period in work.treatments.of_patient(after.id)}
    periods = tuple(_recorded(work, period, stored.get(period.id)) for period in after.periods)
    kept = {period.id for period in periods}
    for gone in before.periods:
        if gone.id in stored and gone.id not in kept:
            mark = {"is_removed": True, "recorded_at": work.at, "recorded_by": work.actor}
            work.treatments.save(stored[gone.id].model_copy(update=mark))
    return after.model_copy(update={"periods": periods})


def _recorded(work: Work, period: TreatmentPeriod, stored: TreatmentPeriod | None) -> TreatmentPeriod:
    if stored is None:
        return work.treatments.add(period)
    return period if period == stored else work.treatments.save(period)


def current(patient: Patient) -> tuple[PeriodView, ...]:
    """Return the treatment periods, oldest first."""
    return tuple(_view(period, number) for number, period in enumerate(patient.periods, start=1))


def history(stores: Stores, patient: Patient) -> tuple[PeriodView, ...]:
    """Return every version of every period, removed ones too, in the order in which they were recorded."""
    numbers = {period.id: number for number, period in enumerate(patient.periods, start=1)}
    return tuple(_view(row, numbers.get(row.period_id)) for row in stores.treatments.history(patient.id))


def _view(period: TreatmentPeriod, number: int | None) -> PeriodView:
    reason = (period.stop_reason or StopReason.UNKNOWN) if period.stop is not None else None
    return PeriodView(
        period=number,
        start=period.start,
        stop=period.stop,
        stop_reason=reason,
        drug=period.drug,
        is_removed=period.is_removed,
        recorded_at=period.recorded_at,
        recorded_by=period.recorded_by,
    )
