"""The ticker: APScheduler calls the sweeps every few seconds. It decides nothing and keeps nothing: rows do.

Jobs live in memory, in UTC; a tick that comes late runs once (coalesce) and never beside itself (max_instances=1).
"""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC
from typing import Protocol, TypeVar

import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from prometheus_client import Counter

from bot.app import sweeps
from bot.app.ops_store import BEGINNING, Place
from bot.app.ports import Clinic
from bot.app.store import Store
from bot.clock import Clock

T = TypeVar("T")
log = structlog.get_logger(__name__)

SWEEP_ERRORS = Counter("nervecheck_sweep_errors_total", "Sweeps that failed; the next tick tries again.", ["sweep"])
EVERY = 1.0
"""Seconds between ticks; each is one indexed query a sweep when nothing is due."""
HOUSEKEEPING_EVERY = 3600.0
STOP_SECONDS = 5.0
MOST_ROWS = 1000
"""Rows of one sweep in one tick. More wait for the next tick, so that alerts never wait for a crowd of check-ins."""


class Transactor(Protocol):
    """What the ticker needs of a database."""

    async def transact(self, fn: Callable[[Store], T]) -> T: ...


class Ticker:
    """Runs the sweeps. `nudge` is called when one queued messages."""

    def __init__(self, database: Transactor, clinic: Clinic, clock: Clock, nudge: Callable[[], None]) -> None:
        self._database = database
        self._clinic = clinic
        self._clock = clock
        self._nudge = nudge
        self._scheduler = AsyncIOScheduler(timezone=UTC)
        self._ticked = time.monotonic()
        self._stopping = False
        self._idle = asyncio.Event()
        self._idle.set()

    @property
    def seconds_since_tick(self) -> float:
        """Real seconds since the last tick ended, or since this was made, whatever the clock shows."""
        return time.monotonic() - self._ticked

    def start(self) -> None:
        """Begin to tick."""
        kept = {"coalesce": True, "max_instances": 1, "misfire_grace_time": None}
        self._scheduler.add_job(self._tick, "interval", seconds=EVERY, **kept)
        for sweep in sweeps.HOURLY:
            self._scheduler.add_job(self._one, "interval", seconds=HOUSEKEEPING_EVERY, args=[sweep], **kept)
        self._scheduler.start()

    async def stop(self) -> None:
        """Stop ticking, once the chunk that is being worked off is committed."""
        self._stopping = True
        if not self._scheduler.running:
            return
        self._scheduler.pause()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._idle.wait(), STOP_SECONDS)
        self._scheduler.shutdown(wait=False)

    async def tick(self) -> bool:
        """Work off all that is due now; return whether there was any."""
        found = [await self._work_off(sweep) for sweep in sweeps.ALL]
        self._ticked = time.monotonic()
        return any(found)

    async def _tick(self) -> None:
        self._idle.clear()
        try:
            await self.tick()
        finally:
            self._idle.set()

    async def _work_off(self, sweep: sweeps.Sweep) -> bool:
        found, after = False, BEGINNING
        for _ in range(MOST_ROWS):
            if self._stopping:
                break
            swept = await self._one(sweep, after)
            found = found or swept.done > 0
            if swept.last is None:
                break
            # Also past a row that could not be worked off: it waits for the next tick, the others don't.
            after = swept.last
        return found

    async def _one(self, sweep: sweeps.Sweep, after: Place = BEGINNING) -> sweeps.Swept:
        at = self._clock.now()
        try:
            swept = await self._database.transact(lambda store: sweep(store, self._clinic, at, 1, after))
        except Exception as error:  # noqa: BLE001 - the next tick tries again; readiness shows one that never succeeds
            swept = sweeps.Swept(errors=(error,))
        for failure in swept.errors:
            SWEEP_ERRORS.labels(sweep.__name__).inc()
            row = swept.last.id if swept.last is not None else None
            kind = type(failure).__name__
            log.error("sweep failed", action="sweep_failed", sweep=sweep.__name__, row=row, error=kind)
        if swept.done:
            self._nudge()
        return swept
