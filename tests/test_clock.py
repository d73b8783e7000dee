"""The watch that notices a clock being set."""

from datetime import UTC, datetime, timedelta

import pytest

from bot.clock import FrozenClock, JumpWatch, SystemClock

AT = datetime(2026, 3, 2, 9, tzinfo=UTC)


@pytest.mark.parametrize("hours", [-2, 2])
def test_a_clock_that_is_set_is_noticed_once(hours: int) -> None:
    clock = FrozenClock(AT)
    watch = JumpWatch(clock)
    assert not watch.jumped(), "nothing is known of before"
    assert not watch.jumped()
    clock.advance(timedelta(hours=hours))
    assert watch.jumped()
    assert not watch.jumped()


def test_a_clock_that_only_goes_has_not_been_set() -> None:
    watch = JumpWatch(SystemClock())
    assert [watch.jumped() for _ in range(3)] == [False] * 3


def test_a_clock_that_runs_fast_may_be_off_by_more() -> None:
    clock = FrozenClock(AT)
    watch = JumpWatch(clock, speed=60.0)
    watch.jumped()
    clock.advance(timedelta(minutes=1))
    assert not watch.jumped()
    clock.advance(timedelta(hours=1))
    assert watch.jumped()
