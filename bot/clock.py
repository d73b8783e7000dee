"""The clocks: the real one, the one that replicas share, and the sandbox's. Nothing else reads the time.

A clock only moves forward, unless the machine's clock, or the one that replicas share, is set.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """The source of `at` for the outer layers."""

    def now(self) -> datetime:
        """Return the current time as an aware datetime in UTC."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)


_SLACK = timedelta(milliseconds=100)
"""Clocks that differ by less count as equal, because reading one takes time."""


class SharedClock:
    """The clock that all replicas share, continued by this machine's monotonic clock between two synchronizations.

    So an error or a change of this machine's own clock has no effect.
    """

    def __init__(self) -> None:
        self._base, self._mono = datetime.now(UTC), time.monotonic()

    def now(self) -> datetime:
        return self._base + timedelta(seconds=time.monotonic() - self._mono)

    def synchronize(self, time_shown: datetime, duration: timedelta) -> None:
        """Adopt the shared time: it was `time_shown` at some point within the last `duration`, which the read took."""
        now = self.now()
        if time_shown - _SLACK <= now <= time_shown + duration + _SLACK:
            return
        self._base, self._mono = time_shown + duration / 2, time.monotonic()


class ClockJumpDetector:
    """Detects that a clock jumped: it moved by a different amount than the monotonic clock."""

    def __init__(self, clock: Clock, *, speed: float = 1.0, tolerance: timedelta = timedelta(seconds=2)) -> None:
        self._clock = clock
        self._speed = speed
        self._tolerance = tolerance
        self._last_check: tuple[datetime, float] | None = None

    def has_jumped(self) -> bool:
        """Return whether the clock jumped since the last call."""
        now, monotonic_now = self._clock.now(), time.monotonic()
        last, self._last_check = self._last_check, (now, monotonic_now)
        if last is None:
            return False
        expected = timedelta(seconds=(monotonic_now - last[1]) * self._speed)
        return abs(now - last[0] - expected) > self._tolerance * max(1.0, self._speed)


class SandboxClock:
    """A clock that runs `speed` times as fast as the machine's and can skip ahead.

    `start` is the time it shows when created (default: now). `on_jump` callbacks run after each skip.
    """

    def __init__(self, *, start: datetime | None = None, speed: float = 1.0) -> None:
        if speed <= 0:
            raise ValueError(f"the sandbox clock's speed must be above 0, not {speed}")
        self._base = start or datetime.now(UTC)
        self._mono = time.monotonic()
        self._speed = speed
        self.on_jump: list[Callable[[], None]] = []

    @property
    def speed(self) -> float:
        """Clock seconds per real second."""
        return self._speed

    def now(self) -> datetime:
        return self._base + timedelta(seconds=(time.monotonic() - self._mono) * self._speed)

    def advance(self, by: timedelta) -> None:
        """Skip ahead by `by`; raise ValueError if it is negative."""
        if by < timedelta(0):
            raise ValueError("the sandbox clock only moves forward")
        self._base += by
        for callback in self.on_jump:
            callback()

    def advance_to(self, target: datetime) -> None:
        """Skip ahead to `target`; do nothing if that is in the past."""
        self.advance(max(timedelta(0), target - self.now()))


class FrozenClock:
    """A clock for tests that stops until it is moved."""

    def __init__(self, at: datetime) -> None:
        self._at = at

    def now(self) -> datetime:
        return self._at

    def advance(self, by: timedelta) -> None:
        """Move forward by `by`."""
        self._at += by
