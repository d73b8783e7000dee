"""Patients as a list to work on: whoever has an open alert first, then who was not heard from, then the rest by code.

A page is read by indexes: open alerts and open work items are few, and the rest comes a page at a time.
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
MOST_FLAGGED = 500
EARLY_DAYS = 91
"""The first three months: most events begin in them (the clinical table of phases)."""
MIDDLE_DAYS = 182

TreatmentPhase = Literal["early", "middle", "late"]
Silence = Literal["silent", "unreachable"]
_SILENT = frozenset({"not_heard_from", "missed_twice"})


class Wanted(Frozen):
    """What the list is narrowed to; `after` is where the page before ended."""

    code: str = ""
    phase: TreatmentPhase | None = None
    tier: Literal["EMERGENCY", "URGENT", "SOON"] | None = None
    silence: Silence | None = None
    after: str = ""


class Line(Frozen):
    """One patient in the list."""

    code: str
    state: str
    week: int
    plan: str
    tier: str | None
    """The highest of the open alerts."""
    alerts: int
    silent: bool
    unreachable: bool
    next_due_at: datetime | None


class Listed(Frozen):
    """One page, and where the next one begins ("" when there is none)."""

    lines: tuple[Line, ...]
    after: str


def page(work: Work, wanted: Wanted) -> Listed:
    """Return a page of the list."""
    if wanted.tier is not None or wanted.silence is not None:
        found = [p for p in _flagged(work, wanted) if _is_like(work.clinic, p, wanted, work.at)]
        return _listed(work, found[:PAGE], "")
    if wanted.code:
        found = [
            p for p in work.patients.with_prefix(wanted.code, MOST_FLAGGED) if _is_like(work.clinic, p, wanted, work.at)
        ]
        return _listed(work, found[:PAGE], "")
    if wanted.phase is not None:
        return _of_phase(work, wanted.phase, wanted.after)
    flagged = _flagged(work, wanted)
    first = flagged if not wanted.after else []
    rest = work.patients.page(after_code=wanted.after, limit=PAGE)
    named = {p.id for p in flagged}
    found = [*first, *(p for p in rest if p.id not in named)]
    return _listed(work, found, rest[-1].code if len(rest) == PAGE else "")


def _flagged(stores: Stores, wanted: Wanted) -> list[Patient]:
    """Patients of open alerts, worst first, and of open work items, narrowed to what is wanted."""
    ids: dict[int, None] = {}
    if wanted.silence is None:
        for alert in stores.alerts.in_queue(MOST_FLAGGED):
            if wanted.tier is None or alert.tier.name == wanted.tier:
                ids.setdefault(alert.patient_id)
    if wanted.tier is None:
        kinds = (
            _SILENT if wanted.silence == "silent" else {"unreachable"} if wanted.silence else {*_SILENT, "unreachable"}
        )
        for item in stores.tasks.open()[:MOST_FLAGGED]:
            if item.patient_id is not None and item.kind in kinds:
                ids.setdefault(item.patient_id)
    found = stores.patients.by_ids(list(ids))
    return [found[number] for number in ids if number in found]


def _is_like(clinic: Clinic, patient: Patient, wanted: Wanted, at: datetime) -> bool:
    """Whether a patient fits the code and the phase that are asked for beside the rest."""
    if not patient.code.startswith(wanted.code):
        return False
    if wanted.phase is None:
        return True
    newest, oldest = _starts(clinic, wanted.phase, at)
    return oldest <= patient.ici_start <= newest


def _starts(clinic: Clinic, phase: TreatmentPhase, at: datetime) -> tuple[date, date]:
    """The latest and the earliest start of ICI of those who are in that phase today."""
    today = at.astimezone(ZoneInfo(clinic.timezone)).date()
    return {
        "early": (today + timedelta(days=366), today - timedelta(days=EARLY_DAYS)),
        "middle": (today - timedelta(days=EARLY_DAYS + 1), today - timedelta(days=MIDDLE_DAYS)),
        "late": (today - timedelta(days=MIDDLE_DAYS + 1), date(1990, 1, 1)),
    }[phase]


def _of_phase(work: Work, phase: TreatmentPhase, after: str) -> Listed:
    newest, oldest = _starts(work.clinic, phase, work.at)
    rows = work.patients.started_between(oldest, newest, _place(after), PAGE)
    more = f"{rows[-1].ici_start}.{rows[-1].id}" if len(rows) == PAGE else ""
    return _listed(work, rows, more)


def _place(after: str) -> Started | None:
    day, _, number = after.partition(".")
    try:
        return Started(date.fromisoformat(day), int(number)) if after else None
    except ValueError:
        return None


def _listed(work: Work, rows: Sequence[Patient], after: str) -> Listed:
    ids = [row.id for row in rows]
    alerts = work.alerts.not_closed_of(ids)
    silent = {i.patient_id for i in work.tasks.open() if i.kind in _SILENT}
    return Listed(lines=tuple(_line(work.clinic, row, alerts, row.id in silent, work.at) for row in rows), after=after)


def _line(
    clinic: Clinic, patient: Patient, alerts: Mapping[int, Sequence[AlertRow]], silent: bool, at: datetime
) -> Line:
    own = alerts.get(patient.id, ())
    worst = max((alert.tier for alert in own), default=None)
    return Line(
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
