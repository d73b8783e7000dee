"""Every zone of the tz database, 2025 to 2035: a daily plan asks once a local day, never in quiet hours.

Zones whose clocks show the same in these years are one (there are some 600 names and far fewer clocks). A few habits are
looked at on every day; those that ask at the very edge of a day or of quiet hours, where jitter could lead out, on the
days around each change of a clock and on the first week: every other day is like those before it. All of it takes a
minute (`make test-slow`); a sample of zones and years is looked at each time.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from itertools import pairwise
from random import Random
from typing import NamedTuple
from zoneinfo import ZoneInfo, available_timezones

import pytest

from bot.core.plan_template import Cadence, Phase, PlanTemplate, Tail
from bot.core.schedule import Occurrence, Plan, occurrences
from bot.core.treatment import Treatment

FIRST, LAST = date(2025, 1, 1), date(2035, 12, 31)
DAYS = (LAST - FIRST).days + 1
DAY, HOUR, SECOND = timedelta(days=1), timedelta(hours=1), timedelta(seconds=1)
AROUND = 2
"""Days before and after a change of a clock: further away it is without influence."""


class Habit(NamedTuple):
    """When to send, what is quiet, and seconds of jitter."""

    send: time
    quiet: tuple[time, time]
    jitter: int


# A usual morning; the small hours, in which clocks change; midnight.
HABITS = (
    Habit(time(10), (time(21), time(9)), 600),
    Habit(time(2, 30), (time(4), time(1)), 0),
    Habit(time(0), (time(12), time(14)), 0),
)
# The first time that isn't quiet, and the last; the first of the day, and the last; what jitter leads just up to them.
# Also where clocks change.
EDGES = tuple(
    Habit(send, quiet, jitter)
    for quiet, sends in (
        ((time(21), time(9)), (time(9), time(9, 10), time(20, 50), time(20, 59), time(20, 59, 59))),
        ((time(4), time(1)), (time(1), time(3, 50), time(3, 59), time(3, 59, 59))),
        ((time(12), time(14)), (time(14), time(11, 59), time(11, 59, 59), time(0), time(23, 59, 59))),
        ((time(5), time(5)), (time(0), time(23, 50), time(23, 59), time(23, 59, 59))),
    )
    for send in sends
    for jitter in (600, -600)
)
ODD = ("Antarctica/Troll", "Australia/LHI")
SHARES = 2
SEED = 7
"""Which clocks and years the sample looks at besides those that are like no other."""


@cache
def shown(zone: str) -> tuple[tuple[datetime, timedelta | None], ...]:
    """The offset at the start, and each time at which another one begins, with it."""
    place = ZoneInfo(zone)
    found, at, before = [], datetime(2024, 12, 30, tzinfo=UTC), None
    while at < datetime(2036, 1, 2, tzinfo=UTC):
        offset = at.astimezone(place).utcoffset()
        if before is not None and offset != before:
            hours = (at - DAY + n * HOUR / 4 for n in range(97))
            timestamp = next(m for m in hours if m.astimezone(place).utcoffset() == offset)
            found.append((timestamp, offset))
        elif before is None:
            found.append((at, offset))
        before, at = offset, at + DAY
    return tuple(found)


def changes(zone: str) -> list[datetime]:
    """The times at which the clock of this zone is changed."""
    return [timestamp for timestamp, _ in shown(zone)[1:]]


@cache
def clocks() -> list[str]:
    """One zone of each clock: those whose offset is the same in every hour around each change, and at each start."""
    found: dict[object, str] = {}
    for name in sorted(available_timezones()):
        found.setdefault(shown(name), name)
    return sorted(found.values())


def daily(zone: str, habit: Habit) -> Plan:
    cadences = (Cadence(form="quick", every=1),)
    template = PlanTemplate(
        name="daily", phases=(Phase(name="daily", first_day=0, cadences=cadences),), tail=Tail(cadences=cadences)
    )
    return Plan(
        template=template,
        treatment=Treatment.begun(FIRST - 9 * DAY),
        timezone=zone,
        send_time=habit.send,
        quiet_from=habit.quiet[0],
        quiet_to=habit.quiet[1],
        jitter_seconds=habit.jitter,
    )


def is_quiet(clock: time, quiet: tuple[time, time]) -> bool:
    begin, end = quiet
    return begin <= clock < end if begin <= end else not end <= clock < begin


def usual(habit: Habit) -> time:
    """What a clock shows then on a day on which it isn't changed: jitter goes the other way where it would lead out."""
    base = datetime.combine(FIRST, habit.quiet[1] if is_quiet(habit.send, habit.quiet) else habit.send)
    moved = [base + habit.jitter * SECOND, base - habit.jitter * SECOND]
    return next(m.time() for m in moved if m.date() == FIRST and not is_quiet(m.time(), habit.quiet))


def between(zone: str, habit: Habit, first: date, last: date) -> list[Occurrence]:
    """Return the check-ins of those days, from a look at all that is due around them."""
    after = datetime.combine(first - 2 * DAY, time(), ZoneInfo(zone)).astimezone(UTC)
    ahead = occurrences(daily(zone, habit), after, (last - first).days + 6)
    return [each for each in ahead if first <= each.local_date <= last]


def proven(zone: str, habit: Habit, first: date, last: date) -> int:
    """Assert it of those days; return how many check-ins were looked at."""
    place, shows, of = ZoneInfo(zone), usual(habit), (zone, habit)
    changed = {m.astimezone(place).date() + n * DAY for m in changes(zone) for n in range(-AROUND, AROUND + 1)}
    found = between(zone, habit, first, last)
    days = [each.local_date for each in found]
    assert days == [first + n * DAY for n in range((last - first).days + 1)], (*of, "once a local day")
    for one, two in pairwise(found):
        assert one.due_at < two.due_at, (*of, one.local_date)
    for each in found:
        local = each.due_at.astimezone(place)
        assert local.date() == each.local_date, (*of, each.local_date)
        assert not is_quiet(local.time(), habit.quiet), (*of, each.local_date)
        assert local.time() == shows or each.local_date in changed, (*of, each.local_date)
    return len(found)


def stretches(zone: str) -> Iterator[tuple[date, date]]:
    """Yield first and last day of what is looked at for the edges."""
    yield FIRST, FIRST + 6 * DAY
    for timestamp in changes(zone):
        day = timestamp.astimezone(ZoneInfo(zone)).date()
        yield day - AROUND * DAY, day + AROUND * DAY


def sample() -> Iterator[tuple[str, date]]:
    """Yield a few zones, each with the first day of a year."""
    rng = Random(SEED)
    for zone in (*ODD, *rng.sample(sorted(available_timezones()), 1)):
        yield zone, date(rng.randint(FIRST.year, LAST.year), 1, 1)


def test_a_sample_of_clocks_asks_once_a_local_day_for_a_year() -> None:
    for zone, first in sample():
        for habit in HABITS:
            assert proven(zone, habit, first, first + 364 * DAY) == 365


def test_in_a_sample_no_jitter_leads_out_of_a_day() -> None:
    for zone, year in sample():
        for habit in Random(zone).sample(EDGES, len(EDGES) // 2):
            for first, last in list(stretches(zone))[:1] + [s for s in stretches(zone) if s[0].year == year.year]:
                proven(zone, habit, first, last)


@pytest.mark.slow
def test_there_are_enough_clocks() -> None:
    names = clocks()
    assert len(available_timezones()) > 500
    assert 60 < len(names) < len(available_timezones())
    assert set(ODD) <= set(names), "clocks like no other"


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("share", range(SHARES))
def test_every_clock_asks_once_a_local_day_for_eleven_years(share: int) -> None:
    for zone in clocks()[share::SHARES]:
        for habit in HABITS:
            assert proven(zone, habit, FIRST, LAST) == DAYS


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("share", range(SHARES))
def test_no_jitter_leads_out_of_a_day_or_into_quiet_hours(share: int) -> None:
    for zone in clocks()[share::SHARES]:
        for habit in EDGES:
            for first, last in stretches(zone):
                proven(zone, habit, first, last)
