"""Owns when a patient's check-ins fall due; never reads a clock, draws a random number or knows what a form asks.

The rules, each with a test:

* A plan consists of phases of "every N days", counted from ICI start (day 0), and a tail. A restart begins the phases
  again on its day.
* After ICI has stopped, each day is asked as its phase by days since the start asks or as its phase by days since the
  stop asks, whichever asks more often; if both ask equally often, the phase that lasts longer, so that no change of
  phase makes a gap. The plan ends `days_after_stop` days after the stop; without a stop it doesn't end.
* There is at most one check-in per local day. If two cadences meet, the one listed first applies.
* Local time decides; results are in UTC. No check-in falls due in quiet hours or on a local day that doesn't exist; how
  a local time becomes one in UTC is in local_time.py.
* Jitter spreads the load; it never leaves the patient's local day or enters quiet hours.
"""

import hashlib
from collections.abc import Iterator, Sequence
from datetime import date, datetime, time
from functools import lru_cache
from itertools import islice, pairwise
from typing import Literal, NamedTuple, Self
from zoneinfo import ZoneInfo

from pydantic import AwareDatetime, field_validator, model_validator

from bot.core.frozen import Frozen
from bot.core.local_time import ScheduleError, time_of_day, to_utc, zone_of
from bot.core.plan_template import Cadence, PlanTemplate, after_stop_of, check_template
from bot.core.treatment import Period, Treatment

_DAYS_IN_WEEK = 7
_LAST_DAY = date.max.toordinal() - 2
"""The last day of any plan: the last date that exists, less a margin for offsets."""
_COMPARED_DAYS = 364
"""Days over which two phases are compared: 52 weeks, a multiple of all usual intervals."""


class JitterError(ScheduleError):
    """The jitter's bound must be 0 seconds or more, not {bound}."""


class PlanError(ScheduleError):
    """The plan is invalid: {faults}."""


class Pause(Frozen):
    """A pause without check-ins from `first` to `last`, local dates, both included. ValueError if `last` is earlier."""

    first: date
    last: date
    reason: Literal["hospital", "holiday", "other"] | None = None

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.last < self.first:
            raise PlanError(faults=f"a pause ends on {self.last}, before it begins on {self.first}")
        return self


class Plan(Frozen):
    """One patient's plan. Dates and times are local to `timezone` (IANA); no quiet hours if both ends are equal.

    `jitter_seconds` is the patient's own, from `stable_jitter`. ValueError if the template has faults, the zone is
    unknown, or a time has a zone of its own.
    """

    template: PlanTemplate
    treatment: Treatment
    timezone: str
    send_time: time
    quiet_from: time
    quiet_to: time
    pauses: tuple[Pause, ...] = ()
    jitter_seconds: int = 0

    @field_validator("timezone")
    @classmethod
    def _check_zone(cls, name: str) -> str:
        return zone_of(name).key

    @field_validator("send_time", "quiet_from", "quiet_to")
    @classmethod
    def _check_local_time(cls, value: time) -> time:
        if value.tzinfo is not None:
            raise PlanError(faults=f"{value} has a time zone, but the patient's own applies")
        return value

    @model_validator(mode="after")
    def _check_plan(self) -> Self:
        faults = check_template(self.template)
        if faults:
            raise PlanError(faults="; ".join(faults))
        return self


class Occurrence(Frozen):
    """One check-in of a plan: `due_at` in UTC, the patient's local date then, and its day since the first ICI start."""

    due_at: AwareDatetime
    local_date: date
    day: int
    form: str
    phase: str


# --- When check-ins fall due ------------------------------------------------------------------------------------------


def occurrences(plan: Plan, after: datetime, limit: int | None = None) -> Iterator[Occurrence]:
    """Yield the check-ins due strictly later than `after`, in order and lazily; at most `limit`, or to the plan's end.

    The cost is the same on day 3,000 as on day 0. NaiveDatetimeError if `after` is naive.
    """
    return islice(_occurrences(plan, to_utc(after)), limit)


def next_occurrence(plan: Plan, after: datetime) -> Occurrence | None:
    """Return the first check-in due strictly later than `after`; None if the plan has ended.

    NaiveDatetimeError if `after` is naive.
    """
    return next(occurrences(plan, after), None)


def due_on(plan: Plan, local_date: date) -> datetime | None:
    """Return when (UTC) a check-in on that date is due, whether or not the plan has one then; None in a pause."""
    day = local_date.toordinal()
    return _due_at(plan, zone_of(plan.timezone), local_date) if _day_after_pauses(plan, day) == day else None


def phase_at(plan: Plan, local_date: date) -> str | None:
    """Return the name of the phase or tail on that date; None before ICI start and after the plan has ended."""
    day = local_date.toordinal()
    return next((stretch.name for stretch in _stretches(plan) if stretch.first <= day <= stretch.last), None)


def day_number(plan: Plan, local_date: date) -> int:
    """Return the days from the first ICI start to that date; negative before it. A restart doesn't change them."""
    return (local_date - plan.treatment.first_start).days


def day_of(plan: Plan, timestamp: datetime) -> int:
    """Return the days since the first ICI start on the patient's local date; negative before it.

    NaiveDatetimeError if `timestamp` is naive.
    """
    return day_number(plan, to_utc(timestamp).astimezone(zone_of(plan.timezone)).date())


def week_of(plan: Plan, timestamp: datetime) -> int:
    """Return the week since the first ICI start, counted from 1 (days 0-6); 0 or less before it.

    NaiveDatetimeError if `timestamp` is naive.
    """
    return day_of(plan, timestamp) // _DAYS_IN_WEEK + 1


def stable_jitter(seed: str, bound_seconds: int) -> int:
    """Return whole seconds within ±`bound_seconds`: uniformly distributed over seeds, the same for the same `seed`.

    JitterError if the bound is negative.
    """
    if bound_seconds < 0:
        raise JitterError(bound=bound_seconds)
    number = int.from_bytes(hashlib.sha256(seed.encode()).digest())
    return number % (2 * bound_seconds + 1) - bound_seconds


# --- Which phase applies ----------------------------------------------------------------------------------------------


class _Stretch(NamedTuple):
    """Days `first` to `last` (ordinals of dates, both included) with the cadences counted from `anchor`."""

    name: str
    first: int
    last: int
    anchor: int
    cadences: tuple[Cadence, ...]


def _stretches(plan: Plan) -> Iterator[_Stretch]:
    """Yield the days of the plan in order; each period's end with the next period, with the plan, or never."""
    periods = plan.treatment.periods
    for number, period in enumerate(periods):
        first, last = period.start.toordinal(), _LAST_DAY
        if period.stop is not None:
            last = min(last, period.stop.toordinal() + plan.template.tail.days_after_stop)
        if number + 1 < len(periods):
            last = min(last, periods[number + 1].start.toordinal() - 1)
        yield from _densest([*_by_start(plan.template, first), *_by_stop(plan.template, period)], first, last)


def _by_start(template: PlanTemplate, start: int) -> Iterator[_Stretch]:
    """Yield the phases and the tail by days since the start of a period."""
    following = start
    for phase in template.phases:
        last = _LAST_DAY if phase.last_day is None else start + phase.last_day
        yield _Stretch(phase.name, start + phase.first_day, last, start + phase.first_day, phase.cadences)
        following = last + 1
    yield _Stretch(template.tail.name, following, _LAST_DAY, following, template.tail.cadences)


def _by_stop(template: PlanTemplate, period: Period) -> Iterator[_Stretch]:
    """Yield the phases and the tail by days since the stop of a period."""
    if period.stop is None:
        return
    after = after_stop_of(template)
    stop, following = period.stop.toordinal(), period.stop.toordinal()
    early_stop = (period.stop - period.start).days <= after.at_risk_until_day
    at_risk = early_stop or period.stop_reason in after.at_risk_reasons
    for phase in after.phases:
        if at_risk or not phase.at_risk_only:
            yield _Stretch(phase.name, stop, stop + phase.last_day, stop, phase.cadences)
            following = max(following, stop + phase.last_day + 1)
    yield _Stretch(template.tail.name, following, _LAST_DAY, following, template.tail.cadences)


def _densest(stretches: Sequence[_Stretch], first: int, last: int) -> Iterator[_Stretch]:
    """Yield days `first` to `last`, each with the stretch that asks most often; of equals, the one that ends later."""
    turns = {day for stretch in stretches for day in (stretch.first, stretch.last + 1) if first < day <= last}
    for begins, ends in pairwise([*sorted({first, *turns}), last + 1]):
        there = [stretch for stretch in stretches if stretch.first <= begins <= stretch.last]
        best = max(there, key=lambda stretch: (_asked_days(stretch.cadences), stretch.last))
        yield best._replace(first=begins, last=ends - 1)


@lru_cache(maxsize=256)
def _asked_days(cadences: tuple[Cadence, ...]) -> int:
    """Return on how many days of a year these cadences ask; two that meet on a day ask once."""
    return len({day for cadence in cadences for day in range(cadence.offset, _COMPARED_DAYS, cadence.every)})


# --- Days that are due ------------------------------------------------------------------------------------------------


def _occurrences(plan: Plan, after: datetime) -> Iterator[Occurrence]:
    zone = zone_of(plan.timezone)
    # West of Greenwich, the local date may still be the day before.
    earliest = after.date().toordinal() - 1
    for stretch in _stretches(plan):
        for day, form in _due_days(plan, stretch, max(earliest, stretch.first)):
            local_date = date.fromordinal(day)
            due_at = _due_at(plan, zone, local_date)
            if due_at is not None and due_at > after:
                number = day_number(plan, local_date)
                yield Occurrence(due_at=due_at, local_date=local_date, day=number, form=form, phase=stretch.name)


def _due_days(plan: Plan, stretch: _Stretch, day: int) -> Iterator[tuple[int, str]]:
    """Yield (day, form) from `day` on, without pauses and days without a check-in."""
    while (hit := _next_hit(stretch, day)) is not None:
        day = _day_after_pauses(plan, hit[0])
        if day == hit[0]:
            yield hit
            day += 1


def _next_hit(stretch: _Stretch, day: int) -> tuple[int, str] | None:
    hits = ((_first_from(cadence, stretch.anchor, day), cadence.form) for cadence in stretch.cadences)
    hit = min(hits, key=lambda each: each[0])  # min() returns the first listed of equals
    return hit if hit[0] <= stretch.last else None


def _first_from(cadence: Cadence, anchor: int, day: int) -> int:
    begins = anchor + cadence.offset
    rounds = max(0, -((begins - day) // cadence.every))  # rounded up
    return begins + rounds * cadence.every


def _day_after_pauses(plan: Plan, day: int) -> int:
    """Return `day`, or the first day after the pauses that cover it, which may follow each other."""
    for pause in plan.pauses:
        first, last = pause.first.toordinal(), pause.last.toordinal()
        if first <= day <= last:
            day = last + 1
    return day


def _due_at(plan: Plan, zone: ZoneInfo, local_date: date) -> datetime | None:
    """Return when (UTC) that day's check-in is due; None if the day has no time outside quiet hours."""
    return time_of_day(local_date, zone, plan.send_time, plan.quiet_from, plan.quiet_to, plan.jitter_seconds)
