"""The detector of clock jumps."""

from datetime import UTC, datetime, timedelta

import pytest

from bot.clock import ClockJumpDetector, FrozenClock, SystemClock

AT = datetime(2026, 3, 2, 9, tzinfo=UTC)


@pytest.mark.parametrize("hours", [-2, 2])
def test_clock_jump_is_detected_once(hours: int) -> None:
    clock = FrozenClock(AT)
    detector = ClockJumpDetector(clock)
    assert not detector.has_jumped(), "there is no earlier reading"
    assert not detector.has_jumped()
    clock.advance(timedelta(hours=hours))
    assert detector.has_jumped()
    assert not detector.has_jumped()


def test_clock_that_only_advances_has_not_jumped() -> None:
    detector = ClockJumpDetector(SystemClock())
    assert [detector.has_jumped() for _ in range(3)] == [False] * 3


def test_fast_clock_has_a_larger_tolerance() -> None:
    clock = FrozenClock(AT)
    detector = ClockJumpDetector(clock, speed=60.0)
    detector.has_jumped()
    clock.advance(timedelta(minutes=1))
    assert not detector.has_jumped()
    clock.advance(timedelta(hours=1))
    assert detector.has_jumped()
