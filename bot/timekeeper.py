"""Looks at the clock that replicas share, the database's, and has ours go by it. Decides nothing."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Protocol, TypeVar

import structlog
from prometheus_client import Counter

from bot.app.store import Store
from bot.clock import Clock, SharedClock

T = TypeVar("T")
log = structlog.get_logger(__name__)

EVERY_SECONDS = 1.0
CLOCK_ERRORS = Counter("nervecheck_clock_errors_total", "Times that the clock which replicas share could not be read.")


class Reader(Protocol):
    """What is needed of a database."""

    async def read(self, fn: Callable[[Store], T]) -> T: ...


class Timekeeper:
    """Keeps `clock` by the database's."""

    def __init__(self, database: Reader, clock: SharedClock) -> None:
        self._database = database
        self._clock = clock

    async def look(self) -> None:
        """Look once; raises what the database raises."""
        begun = time.monotonic()
        moment = await self._database.read(lambda store: store.shared_now())
        if moment is not None:
            self._clock.told(moment, timedelta(seconds=time.monotonic() - begun))

    async def run(self) -> None:
        """Look again and again, until cancelled. While the database is away the clock goes on by itself."""
        while True:
            await asyncio.sleep(EVERY_SECONDS)
            try:
                await self.look()
            except Exception as error:  # noqa: BLE001 - the database is down: readiness says so
                CLOCK_ERRORS.inc()
                log.warning("the shared clock can't be read", action="clock_unread", error=type(error).__name__)


@asynccontextmanager
async def keeping_time(database: Reader, clock: Clock) -> AsyncIterator[None]:
    """Have a clock that replicas share go by the database's from here on; any other keeps its own time."""
    if not isinstance(clock, SharedClock):
        yield
        return
    keeper = Timekeeper(database, clock)
    await keeper.look()
    keeping = asyncio.create_task(keeper.run())
    try:
        yield
    finally:
        keeping.cancel()
