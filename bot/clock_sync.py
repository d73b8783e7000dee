"""Clock sync: reads the clock that replicas share, the database's, and synchronizes ours to it. Decides nothing."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import TypeVar

import structlog
from prometheus_client import Counter

from bot.app.work import Transactor
from bot.clock import Clock, SharedClock

T = TypeVar("T")
log = structlog.get_logger(__name__)

SYNC_SECONDS = 1.0
CLOCK_SYNC_ERRORS = Counter("nervecheck_clock_errors_total", "Times that the shared clock could not be read.")


class ClockSync:
    """Keeps `clock` synchronized to the database's clock."""

    def __init__(self, database: Transactor, clock: SharedClock) -> None:
        self._database = database
        self._clock = clock

    async def sync_once(self) -> None:
        """Synchronize once; raise what the database raises."""
        started = time.monotonic()
        shared_time = await self._database.read(lambda stores: stores.clock.shared_now())
        if shared_time is not None:
            self._clock.synchronize(shared_time, timedelta(seconds=time.monotonic() - started))

    async def run(self) -> None:
        """Synchronize regularly until cancelled. While the database is down, the clock continues by itself."""
        while True:
            await asyncio.sleep(SYNC_SECONDS)
            try:
                await self.sync_once()
            except Exception as error:  # noqa: BLE001 - the database is down: readiness says so
                CLOCK_SYNC_ERRORS.inc()
                log.warning("the shared clock can't be read", action="clock_sync_failed", error=type(error).__name__)


@asynccontextmanager
async def synchronized(database: Transactor, clock: Clock) -> AsyncIterator[None]:
    """Keep a shared clock synchronized to the database's inside the context; leave any other clock alone."""
    if not isinstance(clock, SharedClock):
        yield
        return
    sync = ClockSync(database, clock)
    await sync.sync_once()
    syncing = asyncio.create_task(sync.run())
    try:
        yield
    finally:
        syncing.cancel()
