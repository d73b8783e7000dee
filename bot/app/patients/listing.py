"""Lists patients by urgency: open alerts first, then silent patients, then the rest by code. Changes nothing.

Every query uses an index: open alerts and open tasks are few, and the rest is read a page at a time.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from bot.app.ports.clinic import Clinic
from bot.app.records.alerts import AlertRow
from bot.app.records.patients import Patient, Started
from bot.app.schedules.plans import is_paused, plan_of
from bot.app.work import Stores, Work
from bot.core.frozen import Frozen
from bot.core.protocol import Tier
from bot.core.schedule import week_of

PAGE = 50
MAX_FLAGGED = 500
EARLY_DAYS = 91
"""The first three months: most events begin in them (the clinical table of phases)."""
MIDDLE_DAYS = 182

TreatmentPhase = Literal["early", "middle", "late"]
Silence = Literal["silent", "unreachable"]
_SILENT = frozenset({"not_heard_from", "missed_twice"})


class PatientFilter(Frozen):
    """The filters of the list; `after` is where the previous page ended."""

    code: str = ""
    phase: TreatmentPhase | None = None
    tier: Literal["EMERGENCY", "URGENT", "SOON"] | None = None
    silence: Silence | None = None
    after: str = ""


class ListedPatient(Frozen):
    """One patient in the list."""

    code: str
    state: str
    week: int
    plan: str
    tier: str | None
    """The highest tier of the open alerts."""
    alerts: int
    silent: bool
    unreachable: bool
    next_due_at: datetime | None


class PatientPage(Frozen):
    """One page, and where the next one begins ("" if there is none)."""

    lines: tuple[ListedPatient, ...]
    after: str


def page(work: Work, criteria: PatientFilter) -> PatientPage:
    """Return one page of the patients that match."""
    if criteria.tier is not None or criteria.silence is not None:
        found = [p for p in _flagged(work, criteria) if _matches(work.clinic, p, criteria, work.at)]
        return _page_of(work, found[:PAGE], "")
    if criteria.code:
        found = [
            p
            for p in work.patients.with_prefix(criteria.code, MAX_FLAGGED)
            if _matches(work.clinic, p, criteria, work.at)
        ]
        return _page_of(work, found[:PAGE], "")
    if criteria.phase is not None:
        return _of_phase(work, criteria.phase, criteria.after)
    flagged = _flagged(work, criteria)
    first = flagged if not criteria.after else []
    rest = work.patients.page(after_code=criteria.after, limit=PAGE)
    named = {p.id for p in flagged}
    found = [*first, *(p for p in rest if p.id not in named)]
    return _page_of(work, found, rest[-1].code if len(rest) == PAGE else "")


def _flagged(stores: Stores, criteria: PatientFilter) -> list[Patient]:
    """Return the patients with matching open alerts, highest tier first, then those with matching open tasks."""
    ids: dict[int, None] = {}
    if criteria.silence is None:
        for alert in stores.alerts.in_queue(MAX_FLAGGED):
            if criteria.tier is None or alert.tier.name == criteria.tier:
                ids.setdefault(alert.patient_id)
    if criteria.tier is None:
        kinds = (
            _SILENT
            if criteria.silence == "silent"
            else {"unreachable"}
            if criteria.silence
            else {*_SILENT, "unreachable"}
        )
        for task in stores.tasks.open()[:MAX_FLAGGED]:
            if task.patient_id is not None and task.kind in kinds:
                ids.setdefault(task.patient_id)
    found = stores.patients.by_ids(list(ids))
    return [found[number] for number in ids if number in found]


def _matches(clinic: Clinic, patient: Patient, criteria: PatientFilter, at: datetime) -> bool:
    """Return whether a patient matches the filters by code and by phase."""
    if not patient.code.startswith(criteria.code):
        return False
    if criteria.phase is None:
        return True
    newest, oldest = _starts(clinic, criteria.phase, at)
    return oldest <= patient.treatment.newest.start <= newest


def _starts(clinic: Clinic, phase: TreatmentPhase, at: datetime) -> tuple[date, date]:
    """Return the latest and the earliest start of the newest treatment period of patients in that phase today."""
    today = at.astimezone(ZoneInfo(clinic.timezone)).date()
    return {
        "early": (today + timedelta(days=366), today - timedelta(days=EARLY_DAYS)),
        "middle": (today - timedelta(days=EARLY_DAYS + 1), today - timedelta(days=MIDDLE_DAYS)),
        "late": (today - timedelta(days=MIDDLE_DAYS + 1), date(1990, 1, 1)),
    }[phase]


def _of_phase(work: Work, phase: TreatmentPhase, after: str) -> PatientPage:
    newest, oldest = _starts(work.clinic, phase, work.at)
    rows = work.patients.started_between(oldest, newest, _place(after), PAGE)
    more = f"{rows[-1].treatment.newest.start}.{rows[-1].id}" if len(rows) == PAGE else ""
    return _page_of(work, rows, more)


def _place(after: str) -> Started | None:
    day, _, number = after.partition(".")
    try:
        return Started(date.fromisoformat(day), int(number)) if after else None
    except ValueError:
        return None


def _page_of(work: Work, rows: Sequence[Patient], after: str) -> PatientPage:
    ids = [row.id for row in rows]
    alerts = work.alerts.not_closed_of(ids)
    silent = {task.patient_id for task in work.tasks.open() if task.kind in _SILENT}
    return PatientPage(
        lines=tuple(_line(work.clinic, row, alerts, row.id in silent, work.at) for row in rows), after=after
    )


def _line(
    clinic: Clinic, patient: Patient, alerts: Mapping[int, Sequence[AlertRow]], silent: bool, at: datetime
) -> ListedPatient:
    own = alerts.get(patient.id, ())
    worst = max((alert.tier for alert in own), default=None)
    return ListedPatient(
        code=patient.code,
        state="paused" if is_paused(patient, clinic, at) else str(patient.state),
        week=week_of(plan_of(patient, clinic), at),
        plan=patient.plan,
        tier=Tier(worst).name if worst is not None else None,
        alerts=len(own),
        silent=silent,
        unreachable=patient.unreachable_at is not None,
        next_due_at=patient.next_due_at,
    )
