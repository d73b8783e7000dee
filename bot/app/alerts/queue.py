"""The alerts that are not closed, most urgent first, each with a summary of what changed. Changes nothing."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from pydantic import Field

from bot.app.alerts.writer import team_side
from bot.app.concerns import agreed_levels
from bot.app.concerns.memory import recall
from bot.app.ports.clinic import Clinic
from bot.app.records.alerts import ATTEMPT, AgreedLevel, AlertRow
from bot.app.records.checkins import AssessmentRow, Basis, CheckInRow
from bot.app.records.patients import Patient
from bot.app.schedules.plans import plan_of
from bot.app.team import members
from bot.app.work import Stores, Work
from bot.core.alert import TeamSide, may_act
from bot.core.frozen import Frozen
from bot.core.protocol import SKIP, Question, Tier
from bot.core.rota import next_shift_at
from bot.core.schedule import week_of

MAX_ALERTS = 500
"""Alerts in one queue at most: more than a team can handle; the most urgent come first."""
HISTORY_LIMIT = 50
"""Newest check-ins, assessments and alerts of a patient that are searched."""
_URGENCY = {"is_urgent": 0, None: 1, "can_wait": 2}


class WorsenedAnswer(Frozen):
    """An answer on a scale that is worse than the earlier one, as ids of the protocol, and the days between the two."""

    question: str
    before: str
    after: str
    days: int | None


class AlertLine(Frozen):
    """One alert as staff read it in the queue. After `acknowledge_by` it escalates to the next person."""

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
    next_attempt_at: datetime | None
    """When to call again, after an attempt that nobody answered."""
    closed_by: str | None
    mistake: bool
    rules: tuple[str, ...]
    open: tuple[str, ...]
    """The symptoms in it that nobody is known to have spoken about, highest tier first, without what was taken back."""
    changes: tuple[WorsenedAnswer, ...]
    first: bool
    """Whether it is the patient's first alert."""
    is_agreed: bool
    """Whether the finding is within an agreed level."""
    agreed_levels: tuple[str, ...]
    """The patient's agreed levels, one line each."""
    levels: tuple[AgreedLevel, ...] = Field(exclude=True)
    """The same as records."""
    team_side: TeamSide = Field(exclude=True)

    def is_for(self, name: str) -> bool:
        """Return whether a member is offered acts on the alert (see `bot.core.alert.may_act`)."""
        return may_act(self.team_side, name)

    @property
    def not_in_changes(self) -> tuple[str, ...]:
        """Return what is open and named by no change."""
        changed = {change.question for change in self.changes}
        return tuple(symptom for symptom in self.open if symptom not in changed)

    @property
    def summary(self) -> str:
        """Return what changed, in one line."""
        parts = [*self.not_in_changes, *(_described(change) for change in self.changes)] or [", ".join(self.rules)]
        more = [f"week {self.week}", "first report" if self.first else None, self.declared and _DECLARED[self.declared]]
        more += ["tapped by mistake" if self.mistake else None, "within an agreed level" if self.is_agreed else None]
        more += [f"agreed level: {line}" for line in self.agreed_levels]
        return ", ".join([*parts, *(word for word in more if word)])


_DECLARED = {"is_urgent": "the patient says it is urgent", "can_wait": "the patient says it can wait"}


def queue(work: Work, limit: int = MAX_ALERTS) -> list[AlertLine]:
    """Return the alerts that are not closed, by tier, overdue first, then by declared urgency and by deadline."""
    waiting = sorted(work.alerts.in_queue(MAX_ALERTS), key=lambda alert: _sort_key(work.clinic, alert, work.at))
    return [alert_line(work, alert) for alert in waiting[:limit]]


def count_open(stores: Stores) -> int:
    """Return how many alerts are not closed, `MAX_ALERTS` at most."""
    return len(stores.alerts.in_queue(MAX_ALERTS))


def _sort_key(clinic: Clinic, alert: AlertRow, at: datetime) -> tuple[int, bool, int, datetime]:
    acknowledge_by = _acknowledge_by(clinic, alert)
    return -alert.tier, not _is_overdue(alert, acknowledge_by, at), _URGENCY[alert.declared], acknowledge_by


def _acknowledge_by(clinic: Clinic, alert: AlertRow) -> datetime:
    """Return when the alert escalates to the next person. Reopening restarts that clock."""
    return (alert.clock_from or alert.raised_at) + clinic.protocol.clocks.ack[alert.tier].next


def next_attempt_at(work: Work, alert: AlertRow) -> datetime | None:
    """Return when to call the patient again: as long after the attempt as the tier allows to acknowledge an alert.

    For SOON, when the next shift begins, if that is earlier.
    """
    if alert.outcome != ATTEMPT or alert.noted_at is None or alert.closed_at is not None:
        return None
    latest = alert.noted_at + work.clinic.protocol.clocks.ack[alert.tier].next
    shift = next_shift_at(members.rota_of(work), alert.noted_at) if alert.tier is Tier.SOON else None
    return min(latest, shift) if shift is not None else latest


def _is_overdue(alert: AlertRow, acknowledge_by: datetime, at: datetime) -> bool:
    return not alert.is_agreed and alert.owner is None and alert.closed_at is None and acknowledge_by <= at


def alert_line(work: Work, alert: AlertRow) -> AlertLine:
    """Return one alert as staff read it. Raise LookupError if its patient does not exist."""
    patient = work.patients.get(alert.patient_id)
    if patient is None:
        raise LookupError(f"alert {alert.id} belongs to no patient")
    acknowledge_by = _acknowledge_by(work.clinic, alert)
    levels = tuple(agreed_levels.active(work, patient.id))
    return AlertLine(
        team_side=team_side(alert),
        id=alert.id,
        code=patient.code,
        tier=alert.tier.name,
        state=alert.state,
        raised_at=alert.raised_at,
        week=week_of(plan_of(patient, work.clinic), alert.raised_at),
        acknowledge_by=acknowledge_by,
        is_agreed=alert.is_agreed,
        agreed_levels=tuple(agreed_levels.describe(row) for row in levels),
        levels=levels,
        overdue=_is_overdue(alert, acknowledge_by, work.at),
        declared=alert.declared,
        owner=alert.owner,
        acknowledged_at=alert.acknowledged_at,
        outcome=alert.outcome,
        next_attempt_at=next_attempt_at(work, alert),
        closed_by=alert.closed_by,
        mistake=alert.mistake_at is not None,
        rules=alert.rules,
        open=tuple(_open(work, patient, alert)),
        changes=tuple(_changes(work, patient, alert)),
        first=all(other.id >= alert.id for other in work.alerts.of_patient(patient.id, limit=HISTORY_LIMIT)),
    )


def _described(change: WorsenedAnswer) -> str:
    ago = "" if change.days is None else " in 1 day" if change.days == 1 else f" in {change.days} days"
    return f"{change.question} {change.before} → {change.after}{ago}"


# -- what is open, and what changed


def _open(work: Work, patient: Patient, alert: AlertRow) -> Iterator[str]:
    # An alert of an older version names rules alone.
    named = alert.symptoms if alert.closed_at is None else ()
    for concern in recall(work, patient).value.open if named else ():
        if concern.symptom in named and concern.retracted_at is None:
            yield concern.symptom


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
                row for row in work.checkins.of_patient(patient.id, limit=HISTORY_LIMIT) if row.id < found.checkin_id
            ]
            days = _days_since(earlier, question_id, before, found.at)
            yield WorsenedAnswer(question=question_id, before=before[0], after=choices[0], days=days)


def _before(question: Question, basis: Basis) -> tuple[str, ...]:
    """Return the answer to compare with: the previous one, else the baseline's, else the lowest of the scale."""
    for earlier in (basis.previous, basis.baseline):
        given = (earlier or {}).get(question.id, (SKIP,))
        if question.step_of(given[0]) is not None:
            return given
    return (question.choices[0].id,)


def _assessed(stores: Stores, alert: AlertRow) -> AssessmentRow | None:
    """Return the newest assessment of the alert's check-in."""
    rows = stores.assessments.of_patient(alert.patient_id, limit=HISTORY_LIMIT)
    return next((row for row in rows if row.checkin_id == alert.checkin_id), None)


def _days_since(earlier: Sequence[CheckInRow], question: str, before: tuple[str, ...], at: datetime) -> int | None:
    """Return the whole days since that answer was last given; None if none of the `earlier` check-ins has it."""
    same = next((row for row in earlier if row.value.answers.get(question) == before), None)
    return max(0, round((at - same.opened_at) / timedelta(days=1))) if same is not None else None


def start_of_day(clinic: Clinic, at: datetime) -> datetime:
    """Return when the clinic's local day of `at` began (UTC)."""
    zone = ZoneInfo(clinic.timezone)
    return datetime.combine(at.astimezone(zone).date(), time(), zone).astimezone(UTC)


def current_week(clinic: Clinic, patient: Patient, at: datetime) -> int:
    """Return the patient's week of treatment, counted from the ICI start."""
    return week_of(plan_of(patient, clinic), at)
