"""Owns when a patient's check-ins fall due; never reads a clock, draws a random number or knows what a form asks.

The rules, each with a test:

* A plan consists of phases of "every N days", counted from ICI start (day 0), and a tail. Stopping ICI ends the phases
  and begins the tail on that day. The tail ends `days_after_stop` days after the stop; without a stop it doesn't end.
* There is at most one check-in per local day. If two cadences meet, the one listed first applies.
* Local time decides; results are in UTC. No check-in falls due in quiet hours or on a local day that doesn't exist; how
  a local time becomes one in UTC is in local_time.py.
* Jitter spreads the load; it never leaves the patient's local day or enters quiet hours.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, time, timedelta
from itertools import islice, pairwise
from typing import Literal, NamedTuple, Self
from zoneinfo import ZoneInfo

from pydantic import AwareDatetime, field_validator, model_validator

from bot.core.frozen import Frozen
from bot.core.local_time import ScheduleError, time_of_day, to_utc, zone_of

_DAY = timedelta(days=1)
_DAYS_IN_WEEK = 7


class JitterError(ScheduleError):
    """The jitter's bound must be 0 seconds or more, not {bound}."""


class PlanError(ScheduleError):
    """The plan is invalid: {faults}."""


class Cadence(Frozen):
    """A check-in with `form` every `every` days, first on day `offset` of the phase (0 = its first day)."""

    form: str
    every: int
    offset: int = 0


class Phase(Frozen):
    """The days from `first_day` to `last_day` since ICI start (day 0), both included; `last_day` None: no end."""

    name: str
    first_day: int
    last_day: int | None = None
    cadences: tuple[Cadence, ...]


class Tail(Frozen):
    """The part of a plan after the phases have ended or ICI has stopped, until `days_after_stop` days after the stop.

    It begins on the day after the last phase or on the day of the stop, whichever comes first; a later stop doesn't
    restart its cadences. It ends after 183 days (half a year) unless the protocol says otherwise: some adverse events
    begin after the last dose.
    """

    name: str = "tail"
    cadences: tuple[Cadence, ...]
    days_after_stop: int = 183


class PlanTemplate(Frozen):
    """A named plan of the protocol file: phases in order from day 0, then the tail. See `check_template`."""

    name: str
    phases: tuple[Phase, ...]
    tail: Tail


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
    unknown, a time has a zone of its own, or ICI stops before it starts.
    """

    template: PlanTemplate
    ici_start: date
    ici_stop: date | None = None
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
        if self.ici_stop is not None and self.ici_stop < self.ici_start:
            faults.append(f"ICI stops on {self.ici_stop}, before it starts on {self.ici_start}")
        if faults:
            raise PlanError(faults="; ".join(faults))
        return self


class Occurrence(Frozen):
    """One check-in of a plan: `due_at` in UTC, the patient's local date then, and that date's day since ICI start."""

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
    day = (local_date - plan.ici_start).days
    return _due_at(plan, zone_of(plan.timezone), local_date) if _day_after_pauses(plan, day) == day else None


def phase_at(plan: Plan, local_date: date) -> str | None:
    """Return the name of the phase or tail on that date; None before ICI start and after the plan has ended."""
    day = (local_date - plan.ici_start).days
    return next((days.name for days in _phase_days(plan) if days.first <= day <= days.last), None)


def day_of(plan: Plan, timestamp: datetime) -> int:
    """Return the days since ICI start on the patient's local date; negative before it.

    NaiveDatetimeError if `timestamp` is naive.
    """
    return (to_utc(timestamp).astimezone(zone_of(plan.timezone)).date() - plan.ici_start).days


def week_of(plan: Plan, timestamp: datetime) -> int:
    """Return the week since ICI start, counted from 1 (days 0-6); 0 or less before it.

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


# --- Faults of a template ---------------------------------------------------------------------------------------------


def check_template(template: PlanTemplate) -> list[str]:
    """Return every fault of a template, one sentence each; empty if it is valid."""
    tail = template.tail
    faults = check_phases(template.phases) + list(_cadence_faults(tail.name, tail.cadences, None))
    if tail.days_after_stop < 0:
        faults.append(f"phase '{tail.name}' ends {tail.days_after_stop} days after the stop: must be 0 or more")
    return faults


def check_phases(phases: Sequence[Phase]) -> list[str]:
    """Return every gap, overlap, wrong order and impossible cadence of phases, one sentence each; empty if none."""
    faults: list[str] = []
    if not phases:
        faults.append("there are no phases: days from 0 on have no phase")
    elif phases[0].first_day != 0:
        faults.append(f"phase '{phases[0].name}' starts at day {phases[0].first_day}: the first phase starts at day 0")
    for phase in phases:
        faults += _phase_faults(phase)
    for before, after in pairwise(phases):
        faults += _transition_faults(before, after)
    return faults


def _phase_faults(phase: Phase) -> Iterator[str]:
    length = None
    if phase.last_day is not None:
        length = phase.last_day - phase.first_day + 1
        if length < 1:
            yield f"phase '{phase.name}' ends at day {phase.last_day}, before it starts at day {phase.first_day}"
    yield from _cadence_faults(phase.name, phase.cadences, length)


def _cadence_faults(phase: str, cadences: Iterable[Cadence], length: int | None) -> Iterator[str]:
    if not cadences:
        yield f"phase '{phase}' has no check-ins: give it a cadence"
    for cadence in cadences:
        where = f"phase '{phase}', form '{cadence.form}'"
        if cadence.every < 1:
            yield f"{where}: every {cadence.every} days: must be 1 or more"
        elif cadence.offset >= cadence.every:
            yield f"{where}: offset {cadence.offset} is not below every {cadence.every} days"
        if cadence.offset < 0:
            yield f"{where}: offset {cadence.offset} is negative"
        if length is not None and cadence.offset >= length > 0:
            yield f"{where}: offset {cadence.offset} is past the end of a phase of {_count(length)}"


def _transition_faults(before: Phase, after: Phase) -> Iterator[str]:
    starts = f"phase '{after.name}' starts at day {after.first_day} but '{before.name}'"
    if after.first_day <= before.first_day:
        yield f"{starts}, listed before it, starts at day {before.first_day}: list phases in order"
    elif before.last_day is None:
        yield f"{starts} has no last day: they overlap from day {after.first_day} on"
    elif after.first_day > before.last_day + 1:
        yield f"{starts} ends at day {before.last_day}: {_days(before.last_day + 1, after.first_day - 1, 'no phase')}"
    elif after.first_day <= before.last_day:
        yield f"{starts} ends at day {before.last_day}: {_days(after.first_day, before.last_day, 'two phases')}"


def _days(first: int, last: int, have: str) -> str:
    return f"day {first} has {have}" if first == last else f"days {first} to {last} have {have}"


def _count(days: int) -> str:
    return "1 day" if days == 1 else f"{days} days"


# --- Days that are due ------------------------------------------------------------------------------------------------


class _PhaseDays(NamedTuple):
    """A phase as it applies to one patient: days `first` to `last`, both included; empty if `last` is lower."""

    name: str
    first: int
    last: int
    cadences: tuple[Cadence, ...]


def _phase_days(plan: Plan) -> list[_PhaseDays]:
    """Return the plan's phases, ended by the stop of ICI, then its tail."""
    end = (date.max - plan.ici_start).days - 2  # the last date that exists, less a margin for offsets
    stop = end + 1 if plan.ici_stop is None else (plan.ici_stop - plan.ici_start).days
    phase_days = []
    for phase in plan.template.phases:
        last = min(end if phase.last_day is None else phase.last_day, stop - 1)
        phase_days.append(_PhaseDays(phase.name, phase.first_day, last, phase.cadences))
    tail = plan.template.tail
    last = min(end, stop + tail.days_after_stop)
    return [*phase_days, _PhaseDays(tail.name, phase_days[-1].last + 1, last, tail.cadences)]


def _occurrences(plan: Plan, after: datetime) -> Iterator[Occurrence]:
    zone = zone_of(plan.timezone)
    # West of Greenwich, the local date may still be the day before.
    earliest = max(0, (after.date() - plan.ici_start).days - 1)
    for days in _phase_days(plan):
        for day, form in _due_days(plan, days, max(earliest, days.first)):
            local_date = plan.ici_start + day * _DAY
            due_at = _due_at(plan, zone, local_date)
            if due_at is not None and due_at > after:
                yield Occurrence(due_at=due_at, local_date=local_date, day=day, form=form, phase=days.name)


def _due_days(plan: Plan, days: _PhaseDays, day: int) -> Iterator[tuple[int, str]]:
    """Yield (day, form) from `day` on, without pauses and days without a check-in."""
    while (hit := _next_hit(days, day)) is not None:
        day = _day_after_pauses(plan, hit[0])
        if day == hit[0]:
            yield hit
            day += 1


def _next_hit(days: _PhaseDays, day: int) -> tuple[int, str] | None:
    hits = ((_first_from(cadence, days.first, day), cadence.form) for cadence in days.cadences)
    hit = min(hits, key=lambda each: each[0])  # min() returns the first listed of equals
    return hit if hit[0] <= days.last else None


def _first_from(cadence: Cadence, phase_first: int, day: int) -> int:
    begins = phase_first + cadence.offset
    rounds = max(0, -((begins - day) // cadence.every))  # rounded up
    return begins + rounds * cadence.every


def _day_after_pauses(plan: Plan, day: int) -> int:
    """Return `day`, or the first day after the pauses that cover it, which may follow each other."""
    for pause in plan.pauses:
        first, last = ((end - plan.ici_start).days for end in (pause.first, pause.last))
        if first <= day <= last:
            day = last + 1
    return day


def _due_at(plan: Plan, zone: ZoneInfo, local_date: date) -> datetime | None:
    """Return when (UTC) that day's check-in is due; None if the day has no time outside quiet hours."""
    return time_of_day(local_date, zone, plan.send_time, plan.quiet_from, plan.quiet_to, plan.jitter_seconds)
