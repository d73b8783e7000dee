"""The alerts that staff work on, worst first, each with what changed in one line. Changes nothing."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from bot.app import snoozes
from bot.app.plans import plan_of
from bot.app.ports import Clinic
from bot.app.store import AlertRow, AssessmentRow, Basis, CheckInRow, Patient, Store
from bot.core.protocol import SKIP, Question
from bot.core.schedule import week_of
from bot.core.screen import Frozen

MOST = 500
"""Alerts shown at once: more than a team can work on; the worst come first."""
LOOKED_BACK = 50
"""Check-ins that are searched for when an answer was another one."""
_URGENCY = {"is_urgent": 0, None: 1, "can_wait": 2}


class Change(Frozen):
    """An answer on a scale that is worse than the one before it, as ids of the protocol; `days` between the two."""

    question: str
    before: str
    after: str
    days: int | None


class AlertLine(Frozen):
    """One alert as staff read it in the queue. `take_by`: when it becomes the next person's, if nobody takes it up."""

    id: int
    code: str
    tier: str
    state: str
    raised_at: datetime
    week: int
    take_by: datetime
    overdue: bool
    declared: str | None
    taken_by: str | None
    taken_at: datetime | None
    outcome: str | None
    closed_by: str | None
    mistake: bool
    rules: tuple[str, ...]
    changes: tuple[Change, ...]
    first: bool
    """Whether it is the patient's first alert."""
    expected: bool
    """Whether it is no more than the team expects."""
    expecting: tuple[str, ...]
    """What the team expects of this patient now, a line each."""

    @property
    def said(self) -> str:
        """What changed, in one line."""
        parts = [_said(change) for change in self.changes] or [", ".join(self.rules)]
        more = [f"week {self.week}", "first report" if self.first else None, self.declared and _DECLARED[self.declared]]
        more += ["tapped by mistake" if self.mistake else None, "expected" if self.expected else None]
        more += [f"expecting {line}" for line in self.expecting]
        return ", ".join([*parts, *(word for word in more if word)])


_DECLARED = {"is_urgent": "the patient says it is urgent", "can_wait": "the patient says it can wait"}


def queue(store: Store, clinic: Clinic, at: datetime, limit: int = MOST) -> list[AlertLine]:
    """Return the alerts that nobody closed: by tier, the overdue first, then as the patient declared, then by clock."""
    waiting = sorted(store.alerts_in_queue(MOST), key=lambda alert: _place(clinic, alert, at))
    return [line(store, clinic, alert, at) for alert in waiting[:limit]]


def count(store: Store) -> int:
    """Return how many alerts nobody closed, as far as they are counted."""
    return len(store.alerts_in_queue(MOST))


def _place(clinic: Clinic, alert: AlertRow, at: datetime) -> tuple[int, bool, int, datetime]:
    take_by = _take_by(clinic, alert)
    return -alert.tier, not _is_overdue(alert, take_by, at), _URGENCY[alert.declared], take_by


def _take_by(clinic: Clinic, alert: AlertRow) -> datetime:
    """When it becomes the next person's; after it was opened again the clock runs anew."""
    return (alert.clock_from or alert.raised_at) + clinic.protocol.clocks.ack[alert.tier].next


def _is_overdue(alert: AlertRow, take_by: datetime, at: datetime) -> bool:
    return not alert.expected and alert.taken_by is None and alert.closed_at is None and take_by <= at


def line(store: Store, clinic: Clinic, alert: AlertRow, at: datetime) -> AlertLine:
    """Return one alert as staff read it."""
    patient = store.patient(alert.patient_id)
    if patient is None:
        raise LookupError(f"alert {alert.id} is of no patient")
    take_by = _take_by(clinic, alert)
    return AlertLine(
        id=alert.id,
        code=patient.code,
        tier=alert.tier.name,
        state=alert.state,
        raised_at=alert.raised_at,
        week=week_of(plan_of(patient, clinic), alert.raised_at),
        take_by=take_by,
        expected=alert.expected,
        expecting=tuple(snoozes.said(row) for row in snoozes.active(store, patient.id, at)),
        overdue=_is_overdue(alert, take_by, at),
        declared=alert.declared,
        taken_by=alert.taken_by,
        taken_at=alert.taken_at,
        outcome=alert.outcome,
        closed_by=alert.closed_by,
        mistake=alert.mistake_at is not None,
        rules=alert.rules,
        changes=tuple(_changes(store, clinic, patient, alert)),
        first=all(other.id >= alert.id for other in store.alerts(patient.id, limit=LOOKED_BACK)),
    )


def _said(change: Change) -> str:
    ago = "" if change.days is None else " in 1 day" if change.days == 1 else f" in {change.days} days"
    return f"{change.question} {change.before} → {change.after}{ago}"


# -- what changed


def _changes(store: Store, clinic: Clinic, patient: Patient, alert: AlertRow) -> Iterator[Change]:
    found = _assessed(store, alert)
    if found is None or found.basis is None:
        return
    for question_id, choices in found.basis.answers.items():
        question = clinic.protocol.questions.get(question_id)
        if question is None or not question.scale or SKIP in choices:
            continue
        before = _before(question, found.basis)
        was, now = question.step_of(before[0]), question.step_of(choices[0])
        if was is not None and now is not None and now > was:
            earlier = [row for row in store.checkins(patient.id, limit=LOOKED_BACK) if row.id < found.checkin_id]
            days = _days_since(earlier, question_id, before, found.at)
            yield Change(question=question_id, before=before[0], after=choices[0], days=days)


def _before(question: Question, basis: Basis) -> tuple[str, ...]:
    """The answer that this one is worse than: the last, else the baseline's; what was never recorded was none."""
    for earlier in (basis.previous, basis.baseline):
        given = (earlier or {}).get(question.id, (SKIP,))
        if SKIP not in given:
            return given
    return (question.choices[0].id,)


def _assessed(store: Store, alert: AlertRow) -> AssessmentRow | None:
    """Return the newest assessment of the alert's check-in."""
    rows = store.assessments(alert.patient_id, limit=LOOKED_BACK)
    return next((row for row in rows if row.checkin_id == alert.checkin_id), None)


def _days_since(earlier: Sequence[CheckInRow], question: str, before: tuple[str, ...], at: datetime) -> int | None:
    """Whole days since that question was last answered so; None where it stands further back than was looked."""
    same = next((row for row in earlier if row.value.answers.get(question) == before), None)
    return max(0, round((at - same.opened_at) / timedelta(days=1))) if same is not None else None


def start_of_day(clinic: Clinic, at: datetime) -> datetime:
    """Return the last midnight of the clinic's calendar."""
    zone = ZoneInfo(clinic.timezone)
    return datetime.combine(at.astimezone(zone).date(), time(), zone).astimezone(UTC)


def week_now(clinic: Clinic, patient: Patient, at: datetime) -> int:
    """Return the week since ICI start that a patient is in."""
    return week_of(plan_of(patient, clinic), at)
