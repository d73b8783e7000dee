"""Every zone of the tz database, 2025 to 2035, every day: a daily plan asks once a local day, never in quiet hours.

Zones whose clocks show the same in these years are one (there are some 600 names and far fewer clocks).
"""

from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from itertools import pairwise
from zoneinfo import ZoneInfo, available_timezones

import pytest

from bot.core.schedule import Cadence, Phase, Plan, PlanTemplate, Tail, in_quiet_hours, occurrences

FIRST, LAST = date(2025, 1, 1), date(2035, 12, 31)
DAYS = (LAST - FIRST).days + 1
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
# Send time, quiet hours, jitter: a usual morning; the small hours, in which clocks change; midnight.
HABITS = (
    (time(10), (time(21), time(9)), 600),
    (time(2, 30), (time(4), time(1)), 0),
    (time(0, 0), (time(12), time(14)), 0),
)
SHARES = 2


@cache
def clocks() -> list[str]:
    """One zone of each clock: those whose offset is the same in every hour around each change, and at each start."""
    found: dict[tuple[object, ...], str] = {}
    for name in sorted(available_timezones()):
        place = ZoneInfo(name)
        shown, at, before = [], datetime(2024, 12, 30, tzinfo=UTC), None
        while at < datetime(2036, 1, 2, tzinfo=UTC):
            offset = at.astimezone(place).utcoffset()
            if before is not None and offset != before:
                hours = (at - DAY + n * HOUR / 4 for n in range(97))
                moment = next(m for m in hours if m.astimezone(place).utcoffset() == offset)
                shown.append((moment, offset))
            elif before is None:
                shown.append((at, offset))
            before, at = offset, at + DAY
        found.setdefault(tuple(shown), name)
    return sorted(found.values())


def daily(zone: str, send: time, quiet: tuple[time, time], jitter: int) -> Plan:
    cadences = (Cadence(form="quick", every=1),)
    template = PlanTemplate(
        name="daily", phases=(Phase(name="daily", first_day=0, cadences=cadences),), tail=Tail(cadences=cadences)
    )
    return Plan(
        template=template,
        ici_start=FIRST - DAY,
        timezone=zone,
        send_time=send,
        quiet_from=quiet[0],
        quiet_to=quiet[1],
        jitter_seconds=jitter,
    )


def proven(zone: str) -> int:
    """Assert it for each habit; return how many check-ins were looked at."""
    place, seen = ZoneInfo(zone), 0
    for send, quiet, jitter in HABITS:
        plan = daily(zone, send, quiet, jitter)
        after = datetime.combine(FIRST - DAY, time(), place).astimezone(UTC)
        ahead = occurrences(plan, after, DAYS + 3)
        found = [each for each in ahead if FIRST <= each.local_date <= LAST]
        days = [each.local_date for each in found]
        assert days == [FIRST + n * DAY for n in range(DAYS)], (zone, send, "once a local day")
        for one, two in pairwise(found):
            assert one.due_at < two.due_at, (zone, one.local_date)
        for each in found:
            assert each.due_at.astimezone(place).date() == each.local_date, (zone, each.local_date)
            assert not in_quiet_hours(each.due_at, zone, *quiet), (zone, each.local_date)
        seen += len(found)
    return seen


def test_there_are_enough_clocks() -> None:
    names = clocks()
    assert len(available_timezones()) > 500
    assert 60 < len(names) < len(available_timezones())
    assert {"Antarctica/Troll", "Australia/LHI"} <= set(names), "clocks like no other"


@pytest.mark.parametrize("share", range(SHARES))
def test_every_clock_asks_once_a_local_day_for_eleven_years(share: int) -> None:
    for zone in clocks()[share::SHARES]:
        assert proven(zone) == len(HABITS) * DAYS
