"""Clock sync: reads the clock that replicas share, the database's, and synchronizes ours to it. Decides nothing.

The clock watch notices that a clock was set forward; one that was set back is noticed by the heartbeat
(`bot/app/operations/outages.py`), also after a restart.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import TypeVar

import structlog
from prometheus_client import Counter

from bot.app.operations import outages
from bot.app.work import Transactor
from bot.clock import Clock, SandboxClock, SharedClock

T = TypeVar("T")
log = structlog.get_logger(__name__)

SYNC_SECONDS = 1.0
WATCH_SECONDS = 1.0
SET_FORWARD = timedelta(minutes=1)
"""More than clocks are corrected by while they run."""
CLOCK_SYNC_ERRORS = Counter(
    "nervecheck_clock_errors_total",
    "Times that the shared clock could not be read, or a jump of it not be stored.",
)


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


class ClockWatch:
    """Notices that `clock` was set forward: it went further than this machine's monotonic clock."""

    def __init__(self, database: Transactor, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._last = (clock.now(), time.monotonic())

    async def check_once(self) -> None:
        """Store a jump since the last check, if there was one; raise what the database raises, and check again."""
        now, monotonic_now = self._clock.now(), time.monotonic()
        elapsed = timedelta(seconds=monotonic_now - self._last[1])
        if now - self._last[0] - elapsed >= SET_FORWARD:
            log.warning("the clock was set forward", action="clock_set_forward")
            await self._database.transact(lambda stores: outages.note_jump(stores, now))
        self._last = now, monotonic_now

    async def run(self) -> None:
        """Check regularly until cancelled. What was not stored because the database is down is noticed again."""
        while True:
            await asyncio.sleep(WATCH_SECONDS)
            try:
                await self.check_once()
            except Exception as error:  # noqa: BLE001 - the database is down: readiness says so
                CLOCK_SYNC_ERRORS.inc()
                log.warning(
                    "a jump of the clock was not stored", action="clock_watch_failed", error=type(error).__name__
                )


@asynccontextmanager
async def watched(database: Transactor, clock: Clock) -> AsyncIterator[None]:
    """Watch a clock inside the context; the sandbox's clock skips ahead to let time pass, so its days are days."""
    if isinstance(clock, SandboxClock):
        yield
        return
    now = clock.now()
    await database.transact(lambda stores: outages.note_start(stores, now))
    watching = asyncio.create_task(ClockWatch(database, clock).run())
    try:
        yield
    finally:
        watching.cancel()
