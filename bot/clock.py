"""The clocks: the real one, and the sandbox's, which can be moved forward. Nothing else reads the time.

A clock only ever moves forward, unless the machine's, or the one that replicas share, is set.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Where the edge of the program gets `at` from."""

    def now(self) -> datetime:
        """Return the present moment, aware, in UTC."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)


_SLACK = timedelta(milliseconds=100)
"""Clocks that differ by less are the same: a look takes time."""


class SharedClock:
    """The clock that all replicas go by, carried on by this machine's steady one between two looks.

    So it matters neither whether this machine's own clock is right nor whether it is set.
    """

    def __init__(self) -> None:
        self._base, self._mono = datetime.now(UTC), time.monotonic()

    def now(self) -> datetime:
        return self._base + timedelta(seconds=time.monotonic() - self._mono)

    def told(self, moment: datetime, took: timedelta) -> None:
        """It was `moment` at some time within the `took` that the look, which has just ended, has taken."""
        now = self.now()
        if moment - _SLACK <= now <= moment + took + _SLACK:
            return
        self._base, self._mono = moment + took / 2, time.monotonic()


class JumpWatch:
    """Notices that a clock was set: it moved by another amount than time did."""

    def __init__(self, clock: Clock, *, speed: float = 1.0, most: timedelta = timedelta(seconds=2)) -> None:
        self._clock = clock
        self._speed = speed
        self._most = most
        self._seen: tuple[datetime, float] | None = None

    def jumped(self) -> bool:
        """Whether it was set since this was last asked."""
        now, passed = self._clock.now(), time.monotonic()
        before, self._seen = self._seen, (now, passed)
        if before is None:
            return False
        expected = timedelta(seconds=(passed - before[1]) * self._speed)
        return abs(now - before[0] - expected) > self._most * max(1.0, self._speed)


class SandboxClock:
    """A clock that runs `speed` times as fast as the machine's and can skip ahead.

    `start` is the moment it shows when made (default: now). `on_jump` callbacks run after each skip.
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
        """How many seconds pass here in one real second."""
        return self._speed

    def now(self) -> datetime:
        return self._base + timedelta(seconds=(time.monotonic() - self._mono) * self._speed)

    def advance(self, by: timedelta) -> None:
        """Skip ahead; a skip back is refused with ValueError."""
        if by < timedelta(0):
            raise ValueError("the sandbox clock only moves forward")
        self._base += by
        for callback in self.on_jump:
            callback()

    def advance_to(self, moment: datetime) -> None:
        """Skip ahead to `moment`; a moment already past changes nothing."""
        self.advance(max(timedelta(0), moment - self.now()))


class FrozenClock:
    """A clock for tests: stands still until moved."""

    def __init__(self, at: datetime) -> None:
        self._at = at

    def now(self) -> datetime:
        return self._at

    def advance(self, by: timedelta) -> None:
        """Move forward by `by`."""
        self._at += by
