"""Plays the random faults of a run from a seed: Telegram's, the network's, the database's, the clock's."""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from random import Random
from typing import Any

from bot.sandbox.faults import Faults
from tests.chaos.databases import Trouble
from tests.chaos.evidence import Window
from tests.chaos.offset import OffsetClock

CALLS = ("sendMessage", "sendPhoto", "sendContact", "editMessageText", "editMessageReplyMarkup", "answerCallbackQuery")
JUMP = timedelta(hours=2)


class FaultPlayer:
    """Plays faults until cancelled. `outage_seconds` is 30 in the long form."""

    def __init__(
        self,
        faults: Faults,
        database: Trouble,
        clock: OffsetClock,
        rng: Random,
        pids: Callable[[], list[int]],
        *,
        every: float,
        outage_seconds: float,
    ) -> None:
        self._faults = faults
        self._database = database
        self._clock = clock
        self._rng = rng
        self._pids = pids
        self._every = every
        self._outage = outage_seconds
        self._left: list[str] = []
        self.played: Counter[str] = Counter()
        self.set_clock: set[int] = set()
        """Which of the times that the clock was set are this one's."""
        self.windows: list[Window] = []
        """When each fault was played, in real seconds."""

    def always(self) -> None:
        """Start the permanent faults: 5 % bad gateways, 2 % lost answers, duplicated and reordered webhook updates."""
        self._faults.add("502", percent=5, methods=[*CALLS, "getUpdates"])
        self._faults.add("reply_lost", percent=2, methods=CALLS)
        self._faults.add("duplicate", percent=5)
        self._faults.add("reorder", percent=10, seconds=1.0)

    async def run(self) -> None:
        """Play each kind in turn, in random order with random pauses."""
        while True:
            await asyncio.sleep(self._every * (0.5 + self._rng.random()))
            if not self._left:
                self._left = [*self._kinds(), *self._database.kinds()]
                self._rng.shuffle(self._left)
            kind = self._left.pop()
            self.played[kind] += 1
            played, begun = self._kinds().get(kind), time.monotonic()
            try:
                await (played() if played is not None else self._database.play(kind, self._pids()))
            finally:
                self.windows.append(Window(kind, begun, time.monotonic()))

    def kinds(self) -> frozenset[str]:
        """Return all kinds of faults."""
        return frozenset((*self._kinds(), *self._database.kinds()))

    def _kinds(self) -> dict[str, Callable[[], Awaitable[None]]]:
        return {
            "429 storm": self._storm,
            "outage": self._no_telegram,
            "slow answers": self._slow,
            "connections reset": self._reset,
            "half-open": self._half_open,
            "clock +2 h": lambda: self._set_clock(JUMP),
            "clock -2 h": lambda: self._set_clock(-JUMP),
        }

    @contextmanager
    def _fault(self, kind: str, **how: Any) -> Iterator[None]:
        """Keep a fault active; it ends with its window, also when the end of all faults cuts that short."""
        fault = self._faults.add(kind, **how)
        try:
            yield
        finally:
            self._faults.clear(fault.id)

    async def _storm(self) -> None:
        with self._fault("429", percent=50, methods=CALLS, retry_after=self._rng.randint(1, 3)):
            await asyncio.sleep(4)

    async def _no_telegram(self) -> None:
        with self._fault("outage", seconds=self._outage):
            await asyncio.sleep(self._outage)

    async def _slow(self) -> None:
        # Not for as long as it takes until twenty were asked: a bot that is starting asks one at a time.
        with self._fault("slow", seconds=10, count=20):
            await asyncio.sleep(6)

    async def _reset(self) -> None:
        with self._fault("outage", percent=30):
            await asyncio.sleep(5)

    async def _half_open(self) -> None:
        self._faults.add("half_open", count=5, methods=CALLS)
        if self._rng.random() < 0.3:
            self._faults.add("half_open", count=1, methods=["getUpdates"])
        await asyncio.sleep(2)

    async def _set_clock(self, by: timedelta) -> None:
        self.set_clock.add(len(self._clock.jumps))
        self._clock.jump(by)
        await asyncio.sleep(0)
