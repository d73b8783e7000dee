"""Remind me later: an hour, this evening, tomorrow; never in quiet hours; local time decides."""

# ruff: noqa: DTZ001 - what a clock on the wall shows has no zone
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import strategies as st

from bot.core.local_time import in_quiet_hours
from bot.core.postpone import LocalTimes, Postponement, remind_at
from tests.core.drawn import drawn

BERLIN = ZoneInfo("Europe/Berlin")
DAY = LocalTimes(zone="Europe/Berlin", send_time=time(10), quiet_from=time(21), quiet_to=time(9))


def local(later, *timestamp):
    return remind_at(later, DAY, datetime(*timestamp, tzinfo=BERLIN)).astimezone(BERLIN).replace(tzinfo=None)


def test_an_hour_is_an_hour():
    assert local(Postponement.HOUR, 2026, 3, 10, 10, 15) == datetime(2026, 3, 10, 11, 15)


def test_an_hour_before_midnight_waits_for_the_end_of_quiet_hours():
    assert local(Postponement.HOUR, 2026, 3, 10, 20, 30) == datetime(2026, 3, 11, 9)
    assert local(Postponement.HOUR, 2026, 3, 10, 23, 30) == datetime(2026, 3, 11, 9)


@pytest.mark.parametrize(
    ("hour", "minute", "expected"), [(10, 0, (18, 0)), (17, 30, (18, 0)), (17, 31, (18, 31)), (19, 0, (20, 0))]
)
def test_this_evening_is_six_o_clock_or_an_hour_when_that_passed(hour, minute, expected):
    assert local(Postponement.EVENING, 2026, 3, 10, hour, minute) == datetime(2026, 3, 10, *expected)


@pytest.mark.parametrize("day", [(2026, 3, 28), (2026, 10, 24)])
def test_tomorrow_is_the_same_time_of_day_over_a_change_of_the_clocks(day):
    asked = datetime(*day, 20, tzinfo=BERLIN)
    found = remind_at(Postponement.TOMORROW, DAY, asked)
    assert found.astimezone(BERLIN).time() == time(10)
    assert found - asked.astimezone(UTC) != timedelta(hours=14)


@drawn(
    later=st.sampled_from(list(Postponement)),
    at=st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC)),
    zone=st.sampled_from(["Europe/Berlin", "America/New_York", "Asia/Kolkata", "Pacific/Chatham"]),
    some=8,
)
def test_never_in_quiet_hours_never_in_the_past_and_within_two_days(later, at, zone):
    day = DAY.model_copy(update={"zone": zone})
    found = remind_at(later, day, at)
    assert not in_quiet_hours(found, zone, day.quiet_from, day.quiet_to)
    assert timedelta(minutes=29) < found - at < timedelta(days=2)
