"""The alerts that staff work on, worst first, each with what changed in one line. Changes nothing."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from bot.app.concerns import agreed_levels as snoozes
from bot.app.ports.clinic import Clinic
from bot.app.records.alerts import AlertRow
from bot.app.records.checkins import AssessmentRow, Basis, CheckInRow
from bot.app.records.patients import Patient
from bot.app.schedules.plans import plan_of
from bot.app.work import Stores, Work
from bot.core.frozen import Frozen
from bot.core.protocol import SKIP, Question
from bot.core.schedule import week_of

MOST = 500
"""Alerts shown at once: more than a team can work on; the worst come first."""
LOOKED_BACK = 50
"""Check-ins that are searched for when an answer was another one."""
_URGENCY = {"is_urgent": 0, None: 1, "can_wait": 2}


class WorsenedAnswer(Frozen):
    """An answer on a scale that is worse than the one before it, as ids of the protocol; `days` between the two."""

    question: str
    before: str
    after: str
    days: int | None


class AlertLine(Frozen):
    """One alert as staff read it in the queue. After `acknowledge_by` it is the next person's."""

    id: int
    code: str
    tier: str
    state: str
    raised_at: datetime
    week: int
    acknowledge_by: datetime
    overdue: bool
    declared: str | None
    owner: str | None
    acknowledged_at: datetime | None
    outcome: str | None
    closed_by: str | None
    mistake: bool
    rules: tuple[str, ...]
    changes: tuple[WorsenedAnswer, ...]
    first: bool
    """Whether it is the patient's first alert."""
    is_agreed: bool
    """Whether it is no more than the team expects."""
    agreed_levels: tuple[str, ...]
    """What the team expects of this patient now, a line each."""

    @property
    def said(self) -> str:
        """What changed, in one line."""
        parts = [_said(change) for change in self.changes] or [", ".join(self.rules)]
        more = [f"week {self.week}", "first report" if self.first else None, self.declared and _DECLARED[self.declared]]
        more += ["tapped by mistake" if self.mistake else None, "expected" if self.is_agreed else None]
        more += [f"expecting {line}" for line in self.agreed_levels]
        return ", ".join([*parts, *(word for word in more if word)])


_DECLARED = {"is_urgent": "the patient says it is urgent", "can_wait": "the patient says it can wait"}


def queue(work: Work, limit: int = MOST) -> list[AlertLine]:
    """Return the alerts that nobody closed: by tier, the overdue first, then as the patient declared, then by clock."""
    waiting = sorted(work.alerts.in_queue(MOST), key=lambda alert: _place(work.clinic, alert, work.at))
    return [line(work, alert) for alert in waiting[:limit]]


def count(stores: Stores) -> int:
    """Return how many alerts nobody closed, as far as they are counted."""
    return len(stores.alerts.in_queue(MOST))


def _place(clinic: Clinic, alert: AlertRow, at: datetime) -> tuple[int, bool, int, datetime]:
    acknowledge_by = _acknowledge_by(clinic, alert)
    return -alert.tier, not _is_overdue(alert, acknowledge_by, at), _URGENCY[alert.declared], acknowledge_by


def _acknowledge_by(clinic: Clinic, alert: AlertRow) -> datetime:
    """When it becomes the next person's; after it was opened again the clock runs anew."""
    return (alert.clock_from or alert.raised_at) + clinic.protocol.clocks.ack[alert.tier].next


def _is_overdue(alert: AlertRow, acknowledge_by: datetime, at: datetime) -> bool:
    return not alert.is_agreed and alert.owner is None and alert.closed_at is None and acknowledge_by <= at


def line(work: Work, alert: AlertRow) -> AlertLine:
    """Return one alert as staff read it."""
    patient = work.patients.get(alert.patient_id)
    if patient is None:
        raise LookupError(f"alert {alert.id} is of no patient")
    acknowledge_by = _acknowledge_by(work.clinic, alert)
    return AlertLine(
        id=alert.id,
        code=patient.code,
        tier=alert.tier.name,
        state=alert.state,
        raised_at=alert.raised_at,
        week=week_of(plan_of(patient, work.clinic), alert.raised_at),
        acknowledge_by=acknowledge_by,
        is_agreed=alert.is_agreed,
        agreed_levels=tuple(snoozes.described(row) for row in snoozes.active(work, patient.id)),
        overdue=_is_overdue(alert, acknowledge_by, work.at),
        declared=alert.declared,
        owner=alert.owner,
        acknowledged_at=alert.acknowledged_at,
        outcome=alert.outcome,
        closed_by=alert.closed_by,
        mistake=alert.mistake_at is not None,
        rules=alert.rules,
        changes=tuple(_changes(work, patient, alert)),
        first=all(other.id >= alert.id for other in work.alerts.of_patient(patient.id, limit=LOOKED_BACK)),
    )


def _said(change: WorsenedAnswer) -> str:
    ago = "" if change.days is None else " in 1 day" if change.days == 1 else f" in {change.days} days"
    return f"{change.question} {change.before} → {change.after}{ago}"


# -- what changed


def _changes(work: Work, patient: Patient, alert: AlertRow) -> Iterator[WorsenedAnswer]:
    found = _assessed(work, alert)
    if found is None or found.basis is None:
        return
    for question_id, choices in found.basis.answers.items():
        question = work.clinic.protocol.questions.get(question_id)
        if question is None or not question.scale or SKIP in choices:
            continue
        before = _before(question, found.basis)
        was, now = question.step_of(before[0]), question.step_of(choices[0])
        if was is not None and now is not None and now > was:
            earlier = [
                row for row in work.checkins.of_patient(patient.id, limit=LOOKED_BACK) if row.id < found.checkin_id
            ]
            days = _days_since(earlier, question_id, before, found.at)
            yield WorsenedAnswer(question=question_id, before=before[0], after=choices[0], days=days)


def _before(question: Question, basis: Basis) -> tuple[str, ...]:
    """The answer that this one is worse than: the last, else the baseline's; what was never recorded was none."""
    for earlier in (basis.previous, basis.baseline):
        given = (earlier or {}).get(question.id, (SKIP,))
        if SKIP not in given:
            return given
    return (question.choices[0].id,)


def _assessed(stores: Stores, alert: AlertRow) -> AssessmentRow | None:
    """Return the newest assessment of the alert's check-in."""
    rows = stores.assessments.of_patient(alert.patient_id, limit=LOOKED_BACK)
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
