"""Owns when a patient's check-ins fall due; never reads a clock, draws a random number or knows what a form asks.

The rules, each held by a test:

* A plan is phases of "every N days" counted from the start of ICI (day 0), then a tail. Stopping ICI ends the phases
  and begins the tail that day; the tail ends `days_after_stop` days after the stop, and without one goes on.
* One check-in a local day at most. Where two cadences meet, the one listed first is asked.
* Local time decides, UTC is returned. A local time that doesn't exist moves to the first that does; a doubled one
  counts once, the first. A local day that doesn't exist has no check-in.
* Nothing falls due in quiet hours. A send time inside them means their end (on the same date). Where a gap leaves no
  later moment on that day, the last one before it is taken, to the second.
* Jitter spreads the load and never leaves the patient's local day or enters quiet hours.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice, pairwise
from typing import Literal, NamedTuple, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AwareDatetime, field_validator, model_validator

from bot.core.screen import Frozen

_DAY = timedelta(days=1)
_SECOND = timedelta(seconds=1)
# No zone was ever further from UTC than 15 h 57 min (Manila before 1845).
_WIDEST_OFFSET = timedelta(hours=16)
_DAYS_IN_WEEK = 7
# Files that zoneinfo opens though they name no place: the machine's own setting, and clocks that count leap seconds.
_NOT_PLACES = ("localtime", "posixrules", "Factory", "posix/", "right/")


class ScheduleError(ValueError):
    """The schedule can't be worked out."""

    def __init__(self, **facts: object) -> None:
        super().__init__((self.__doc__ or "").format(**facts))


class NaiveMomentError(ScheduleError):
    """{moment} has no time zone: pass an aware datetime."""


class UnknownZoneError(ScheduleError):
    """{name!r} is no IANA time zone: use a name such as 'Europe/Berlin'."""


class JitterError(ScheduleError):
    """The jitter's bound must be 0 seconds or more, not {bound}."""


class PlanError(ScheduleError):
    """The plan can't be kept: {faults}."""


class Cadence(Frozen):
    """Ask `form` every `every` days, first on day `offset` of its phase (0 = the phase's first day)."""

    form: str
    every: int
    offset: int = 0


class Phase(Frozen):
    """Days `first_day` to `last_day`, both included, since ICI start (day 0); `last_day` None = no end."""

    name: str
    first_day: int
    last_day: int | None = None
    cadences: tuple[Cadence, ...]


class Tail(Frozen):
    """What is asked once the phases are over or ICI has stopped, until `days_after_stop` days after the stop.

    It begins the day after the last phase or on the day of the stop, whichever comes first; a stop after that doesn't
    restart its rhythm. 183 days (half a year) unless the protocol says otherwise: some events follow the last dose.
    """

    name: str = "tail"
    cadences: tuple[Cadence, ...]
    days_after_stop: int = 183


class PlanTemplate(Frozen):
    """A named schedule of the protocol file: phases in order from day 0, then the tail. See `check_template`."""

    name: str
    phases: tuple[Phase, ...]
    tail: Tail


class Pause(Frozen):
    """No check-ins from `first` to `last`, both included, as local dates. ValueError if `last` comes first."""

    first: date
    last: date
    reason: Literal["hospital", "holiday", "other"] | None = None

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.last < self.first:
            raise PlanError(faults=f"a pause ends on {self.last}, before it begins on {self.first}")
        return self


class Plan(Frozen):
    """One patient's schedule. Dates and times are local to `timezone` (IANA); `quiet_from` == `quiet_to` = none quiet.

    `jitter_seconds` is this patient's own, from `stable_jitter`. ValueError if the template has faults, the zone is
    unknown, a time carries a zone of its own, or ICI stops before it starts.
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
    def _known_zone(cls, name: str) -> str:
        return _zone(name).key

    @field_validator("send_time", "quiet_from", "quiet_to")
    @classmethod
    def _local_time(cls, value: time) -> time:
        if value.tzinfo is not None:
            raise PlanError(faults=f"{value} carries a time zone, but the patient's own applies")
        return value

    @model_validator(mode="after")
    def _keepable(self) -> Self:
        faults = check_template(self.template)
        if self.ici_stop is not None and self.ici_stop < self.ici_start:
            faults.append(f"ICI stops on {self.ici_stop}, before it starts on {self.ici_start}")
        if faults:
            raise PlanError(faults="; ".join(faults))
        return self


class Occurrence(Frozen):
    """One check-in falling due: `due_at` in UTC, the patient's date then, and that date's day since ICI start."""

    due_at: AwareDatetime
    local_date: date
    day: int
    form: str
    phase: str


# --- What the rest of the program asks --------------------------------------------------------------------------------


def occurrences(plan: Plan, after: datetime, limit: int | None = None) -> Iterator[Occurrence]:
    """Yield the check-ins due strictly later than `after`, in order, lazily; at most `limit`, else while the plan runs.

    Costs the same on day 3,000 as on day 0. NaiveMomentError if `after` is naive.
    """
    return islice(_walk(plan, _utc(after)), limit)


def next_occurrence(plan: Plan, after: datetime) -> Occurrence | None:
    """Return the first check-in due strictly later than `after`, or None when the plan is over."""
    return next(occurrences(plan, after), None)


def due_on(plan: Plan, local_date: date) -> datetime | None:
    """Return when (UTC) a check-in on that date falls due, whether or not the plan asks then; None in a pause."""
    day = (local_date - plan.ici_start).days
    return _due_at(plan, _zone(plan.timezone), local_date) if _resumes(plan, day) == day else None


def phase_at(plan: Plan, local_date: date) -> str | None:
    """Return the name of the phase (or tail) on that date; None before ICI start and once the plan is over."""
    day = (local_date - plan.ici_start).days
    return next((stretch.name for stretch in _stretches(plan) if stretch.first <= day <= stretch.last), None)


def day_of(plan: Plan, moment: datetime) -> int:
    """Return the days since ICI start on the patient's date at `moment`; negative before it. Naive: refused."""
    return (_utc(moment).astimezone(_zone(plan.timezone)).date() - plan.ici_start).days


def week_of(plan: Plan, moment: datetime) -> int:
    """Return the week since ICI start at `moment`, counted from 1 (days 0-6); 0 or less before it. Naive: refused."""
    return day_of(plan, moment) // _DAYS_IN_WEEK + 1


def in_quiet_hours(moment: datetime, zone: str, quiet_from: time, quiet_to: time) -> bool:
    """Tell whether a clock in `zone` stands in [quiet_from, quiet_to) at `moment`. Refuses naive, unknown zone."""
    now = _utc(moment).astimezone(_zone(zone)).time()
    return _is_quiet(now, quiet_from, quiet_to)


def after_quiet_hours(moment: datetime, zone: str, quiet_from: time, quiet_to: time) -> datetime:
    """Return the earliest moment outside quiet hours from `moment` on (itself if outside), in UTC.

    Refuses a naive moment and an unknown zone.
    """
    at, place = _utc(moment), _zone(zone)
    # A day before (a local day can resume after a fold at midnight) to three after (one of them may not exist).
    days = (at.astimezone(place).date() + n * _DAY for n in range(-1, 4))
    slots = (slot for day in days for slot in _open_slots(_pieces_around(place, day), day, quiet_from, quiet_to))
    return min(max(slot.begin, at) for slot in slots if slot.end > at)


def stable_jitter(seed: str, bound_seconds: int) -> int:
    """Return whole seconds within ±`bound_seconds`, evenly spread over seeds, always the same for one `seed`.

    JitterError if the bound is negative.
    """
    if bound_seconds < 0:
        raise JitterError(bound=bound_seconds)
    number = int.from_bytes(hashlib.sha256(seed.encode()).digest())
    return number % (2 * bound_seconds + 1) - bound_seconds


def valid_timezone(name: str) -> bool:
    """Tell whether `name` is an IANA zone that means the same on every machine."""
    try:
        _zone(name)
    except UnknownZoneError:
        return False
    return True


# --- Faults of a template ---------------------------------------------------------------------------------------------


def check_template(template: PlanTemplate) -> list[str]:
    """Return every fault of a schedule, one sentence each; empty if it can be kept."""
    tail = template.tail
    faults = check_phases(template.phases) + list(_cadence_faults(tail.name, tail.cadences, None))
    if tail.days_after_stop < 0:
        faults.append(f"phase '{tail.name}' ends {tail.days_after_stop} days after the stop: must be 0 or more")
    return faults


def check_phases(phases: Sequence[Phase]) -> list[str]:
    """Return every gap, overlap, disorder and impossible cadence of phases, one sentence each; empty if none."""
    faults: list[str] = []
    if not phases:
        faults.append("there are no phases: days from 0 on have no phase")
    elif phases[0].first_day != 0:
        faults.append(f"phase '{phases[0].name}' starts at day {phases[0].first_day}: the first phase starts at day 0")
    for phase in phases:
        faults += _phase_faults(phase)
    for before, after in pairwise(phases):
        faults += _seam_faults(before, after)
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
        yield f"phase '{phase}' asks nothing: give it a cadence"
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


def _seam_faults(before: Phase, after: Phase) -> Iterator[str]:
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


# --- Days: which are due ----------------------------------------------------------------------------------------------


class _Stretch(NamedTuple):
    """A phase as it applies to one patient: `first` to `last` included; empty when `last` is lower."""

    name: str
    first: int
    last: int
    cadences: tuple[Cadence, ...]


def _stretches(plan: Plan) -> list[_Stretch]:
    """Return the plan's phases, cut off where ICI stops, then its tail."""
    end = (date.max - plan.ici_start).days - 2  # the calendar's, with room for the offsets of its last days
    stop = end + 1 if plan.ici_stop is None else (plan.ici_stop - plan.ici_start).days
    stretches = []
    for phase in plan.template.phases:
        last = min(end if phase.last_day is None else phase.last_day, stop - 1)
        stretches.append(_Stretch(phase.name, phase.first_day, last, phase.cadences))
    tail = plan.template.tail
    last = min(end, stop + tail.days_after_stop)
    return [*stretches, _Stretch(tail.name, stretches[-1].last + 1, last, tail.cadences)]


def _walk(plan: Plan, after: datetime) -> Iterator[Occurrence]:
    zone = _zone(plan.timezone)
    # West of Greenwich the local date may still be the day before UTC's.
    earliest = max(0, (after.date() - plan.ici_start).days - 1)
    for stretch in _stretches(plan):
        for day, form in _due_days(plan, stretch, max(earliest, stretch.first)):
            local_date = plan.ici_start + day * _DAY
            due_at = _due_at(plan, zone, local_date)
            if due_at is not None and due_at > after:
                yield Occurrence(due_at=due_at, local_date=local_date, day=day, form=form, phase=stretch.name)


def _due_days(plan: Plan, stretch: _Stretch, day: int) -> Iterator[tuple[int, str]]:
    """Yield (day, form) from `day` on, jumping over pauses and over days without a check-in."""
    while (hit := _next_hit(stretch, day)) is not None:
        day = _resumes(plan, hit[0])
        if day == hit[0]:
            yield hit
            day += 1


def _next_hit(stretch: _Stretch, day: int) -> tuple[int, str] | None:
    hits = ((_first_from(cadence, stretch.first, day), cadence.form) for cadence in stretch.cadences)
    hit = min(hits, key=lambda each: each[0])  # of equals, min() returns the first listed
    return hit if hit[0] <= stretch.last else None


def _first_from(cadence: Cadence, phase_first: int, day: int) -> int:
    begins = phase_first + cadence.offset
    rounds = max(0, -((begins - day) // cadence.every))  # rounded up
    return begins + rounds * cadence.every


def _resumes(plan: Plan, day: int) -> int:
    """Return `day` itself, or the day after the pauses that cover it (another may cover that one)."""
    for pause in plan.pauses:
        first, last = ((end - plan.ici_start).days for end in (pause.first, pause.last))
        if first <= day <= last:
            day = last + 1
    return day


# --- Moments: local time into UTC -------------------------------------------------------------------------------------


class _Piece(NamedTuple):
    """A stretch of UTC, `end` excluded, in which the zone's offset doesn't change."""

    begin: datetime
    end: datetime
    offset: timedelta


class _Slot(NamedTuple):
    """A stretch of UTC, `end` excluded, of one local day and outside quiet hours."""

    begin: datetime
    end: datetime


def _due_at(plan: Plan, zone: ZoneInfo, local_date: date) -> datetime | None:
    """Return when that day's check-in falls due, in UTC; None if the day has no moment outside quiet hours."""
    pieces = _pieces_around(zone, local_date)
    slots = _open_slots(pieces, local_date, plan.quiet_from, plan.quiet_to)
    if not slots:
        return None
    quiet = _is_quiet(plan.send_time, plan.quiet_from, plan.quiet_to)
    clock = datetime.combine(local_date, plan.quiet_to if quiet else plan.send_time, UTC)
    # The first moment at which the local clock shows that time or, after a gap, a later one.
    wanted = next(max(piece.begin, clock - piece.offset) for piece in pieces if clock - piece.offset < piece.end)
    slot = next((slot for slot in slots if slot.end > wanted), slots[-1])
    return _jittered(max(slot.begin, min(wanted, slot.end - _SECOND)), slot, plan.jitter_seconds)


def _jittered(moment: datetime, slot: _Slot, seconds: int) -> datetime:
    """Move by the jitter or, where that leaves the slot, the other way: else half of all would be due on its edge."""
    for shift in (seconds, -seconds):
        moved = moment + shift * _SECOND
        if slot.begin <= moved < slot.end:
            return moved
    return moment


def _open_slots(pieces: Iterable[_Piece], local_date: date, quiet_from: time, quiet_to: time) -> list[_Slot]:
    """Return, in order, the stretches of UTC on that local date outside quiet hours."""
    # A local clock's time is written as if it were UTC here: subtracting the offset makes it a true moment.
    midnight = datetime.combine(local_date, time(), UTC)
    begins, ends = (datetime.combine(local_date, edge, UTC) for edge in (quiet_to, quiet_from))
    if quiet_from == quiet_to:
        spans = [(midnight, midnight + _DAY)]
    elif quiet_from > quiet_to:
        spans = [(begins, ends)]
    else:
        spans = [(midnight, ends), (begins, midnight + _DAY)]
    cut = (
        _Slot(max(piece.begin, first - piece.offset), min(piece.end, last - piece.offset))
        for piece in pieces
        for first, last in spans
    )
    return [slot for slot in cut if slot.begin < slot.end]


def _pieces_around(zone: ZoneInfo, local_date: date) -> list[_Piece]:
    """Return the pieces of UTC that hold every moment of that local date, whatever the offset."""
    midnight = datetime.combine(local_date, time(), UTC)
    return list(_pieces(zone, midnight - _WIDEST_OFFSET, midnight + _DAY + _WIDEST_OFFSET))


def _pieces(zone: ZoneInfo, begin: datetime, end: datetime) -> Iterator[_Piece]:
    """Yield [begin, end) cut where the offset changes. Changes stand a week apart or more in all of tzdata."""
    offset = _offset(zone, begin)
    if _offset(zone, end) == offset:
        yield _Piece(begin, end, offset)
        return
    before, after = begin, end
    while after - before > _SECOND:
        middle = before + (after - before) // _SECOND // 2 * _SECOND
        before, after = (middle, after) if _offset(zone, middle) == offset else (before, middle)
    yield _Piece(begin, after, offset)
    yield _Piece(after, end, _offset(zone, after))


def _offset(zone: ZoneInfo, moment: datetime) -> timedelta:
    return moment.astimezone(zone).replace(tzinfo=UTC) - moment


def _is_quiet(clock: time, quiet_from: time, quiet_to: time) -> bool:
    if quiet_from <= quiet_to:
        return quiet_from <= clock < quiet_to
    return clock >= quiet_from or clock < quiet_to


def _utc(moment: datetime) -> datetime:
    if moment.utcoffset() is None:
        raise NaiveMomentError(moment=moment)
    return moment.astimezone(UTC)


def _zone(name: str) -> ZoneInfo:
    if name.startswith(_NOT_PLACES):
        raise UnknownZoneError(name=name)
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # a misspelling, a path out of the database, a folder
        raise UnknownZoneError(name=name) from None
