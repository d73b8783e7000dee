"""Collects what a patient answered over the weeks, for the picture and the sentence of "My answers". Shows nothing."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time

from bot.app.concerns.follow_up import local_day
from bot.app.ports.clinic import Clinic
from bot.app.records.checkins import CheckInRow
from bot.app.records.concerns import ConcernChange
from bot.app.records.patients import Patient
from bot.app.schedules.plans import end_of_day, plan_of
from bot.app.work import Stores, Work
from bot.core.changes import NEWS
from bot.core.checkin import State
from bot.core.local_time import zone_of
from bot.core.plan_override import next_with_override
from bot.core.protocol import Protocol, Question, Tier
from bot.core.trend import AnsweredDay, Gap, gaps

TREND_CHECKINS = 150
"""Newest check-ins in the trend: a year of a standard plan with some daily weeks."""


def finished(stores: Stores, patient: Patient, since: datetime | None = None) -> list[CheckInRow]:
    """Return the finished check-ins since then, newest first."""
    return [
        row
        for row in stores.checkins.of_patient(patient.id, limit=TREND_CHECKINS)
        if row.value.state is State.DONE and (since is None or row.opened_at >= since)
    ]


def severity_pair(protocol: Protocol) -> tuple[Question | None, Question | None]:
    """Return the questions of the composite rule: how strong it was, and how much it got in the way."""
    composite = next((rule.composite for rule in protocol.rules if rule.composite is not None), None)
    if composite is None:
        return None, None
    return protocol.questions.get(composite.severity), protocol.questions.get(composite.interference)


def function_questions(protocol: Protocol) -> tuple[Question, ...]:
    """Return the other questions whose answers can be compared: what muscles and feet can do."""
    pair = severity_pair(protocol)
    return tuple(question for question in protocol.questions.values() if question.scale and question not in pair)


def answered_days(clinic: Clinic, patient: Patient, found: Sequence[CheckInRow]) -> list[AnsweredDay]:
    """Return what the check-ins, newest first, answered to the questions that can be compared, in order."""
    asked = [q for q in (*severity_pair(clinic.protocol), *function_questions(clinic.protocol)) if q is not None]
    return [AnsweredDay(local_day(patient, clinic, row.opened_at), _steps(asked, row)) for row in reversed(found)]


def _steps(asked: Sequence[Question], row: CheckInRow) -> Mapping[str, int]:
    given = {question.id: row.value.answers.get(question.id, ()) for question in asked}
    steps = {q.id: q.step_of(given[q.id][0]) for q in asked if given[q.id]}
    return {question: step for question, step in steps.items() if step is not None}


def gaps_of(work: Work, patient: Patient, days: Sequence[AnsweredDay]) -> tuple[Gap, ...]:
    """Return where answers are missing until today: for more than a week, and for longer than the plan leaves out."""
    plan = plan_of(patient, work.clinic).model_copy(update={"pauses": ()})

    def planned_after(day: date) -> date | None:
        end = end_of_day(datetime.combine(day, time(12), zone_of(plan.timezone)), plan.timezone)
        following = next_with_override(plan, patient.plan_override, end)
        return following.local_date if following is not None else None

    answered = [each.day for each in days if each.steps]
    return tuple(gaps(answered, planned_after, local_day(patient, work.clinic, work.at)))


def calls(work: Work, patient: Patient, since: datetime | None = None) -> list[tuple[date, Tier]]:
    """Return the days on which the patient was asked to call, with the tier, newest first."""
    alerts = work.alerts.of_patient(patient.id, limit=TREND_CHECKINS)
    found = [(a.raised_at, a.call_tier) for a in alerts if a.asked_tier is not Tier.ROUTINE]
    # What was found since joined an alert, which keeps when it was raised first.
    found += [(c.at, c.tier) for c in work.concerns.changes(patient.id) if c.what in NEWS and _is_theirs(c)]
    days = {(local_day(patient, work.clinic, at), tier) for at, tier in found if since is None or at >= since}
    return sorted((each for each in days if each[1] > Tier.ROUTINE), reverse=True)


def _is_theirs(change: ConcernChange) -> bool:
    """Return whether somebody's answer or tap led to it: what opens for the team alone asks nobody to call."""
    return change.checkin_id is not None or change.actor.startswith(("patient:", "caregiver"))
