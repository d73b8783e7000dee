"""The ticker: APScheduler runs the sweeps every second. It decides nothing and stores nothing; the database does.

Jobs are in memory and in UTC. A late tick runs once (coalesce), and ticks never overlap (max_instances=1).
"""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from typing import TypeVar

import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from prometheus_client import Counter

from bot.app.operations import sweeps
from bot.app.ports.clinic import Clinic
from bot.app.records.operations import BEGINNING, Place, SweepResult
from bot.app.work import SYSTEM, Stores, Transactor
from bot.clock import Clock
from bot.dialog.work import work_on

T = TypeVar("T")
log = structlog.get_logger(__name__)

SWEEP_ERRORS = Counter("nervecheck_sweep_errors_total", "Sweeps that failed; the next tick retries.", ["sweep"])
TICK_SECONDS = 1.0
"""Seconds between ticks; when nothing is due, a tick costs one indexed query per sweep."""
HOUSEKEEPING_SECONDS = 3600.0
STOP_SECONDS = 5.0
MAX_ROWS = 1000
"""Rows of one sweep in one tick. More wait for the next tick, so that alerts never wait for a crowd of check-ins."""


class Ticker:
    """Runs the sweeps. `nudge` is called after a sweep that did work, because it may have queued messages."""

    def __init__(self, database: Transactor, clinic: Clinic, clock: Clock, nudge: Callable[[], None]) -> None:
        self._database = database
        self._clinic = clinic
        self._clock = clock
        self._nudge = nudge
        self._scheduler = AsyncIOScheduler(timezone=UTC)
        self._last_tick = time.monotonic()
        self._stopping = False
        self._idle = asyncio.Event()
        self._idle.set()

    @property
    def seconds_since_tick(self) -> float:
        """Real seconds since the last tick ended or the ticker was created, independent of the clock."""
        return time.monotonic() - self._last_tick

    def start(self) -> None:
        """Start ticking."""
        job_options = {"coalesce": True, "max_instances": 1, "misfire_grace_time": None}
        self._scheduler.add_job(self._tick, "interval", seconds=TICK_SECONDS, **job_options)
        for sweep in sweeps.HOURLY:
            self._scheduler.add_job(
                self._run_sweep, "interval", seconds=HOUSEKEEPING_SECONDS, args=[sweep], **job_options
            )
        self._scheduler.start()

    async def stop(self) -> None:
        """Stop ticking after the current transaction is committed, but wait no longer than 5 s."""
        self._stopping = True
        if not self._scheduler.running:
            return
        self._scheduler.pause()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._idle.wait(), STOP_SECONDS)
        self._scheduler.shutdown(wait=False)

    async def tick(self) -> bool:
        """Process everything that is due now; return whether there was anything."""
        found = [await self._run_until_done(sweep) for sweep in sweeps.ALL]
        self._last_tick = time.monotonic()
        return any(found)

    async def _tick(self) -> None:
        self._idle.clear()
        try:
            await self.tick()
        finally:
            self._idle.set()

    async def _run_until_done(self, sweep: sweeps.Sweep) -> bool:
        found, after = False, BEGINNING
        for _ in range(MAX_ROWS):
            if self._stopping:
                break
            result = await self._run_sweep(sweep, after)
            found = found or result.done > 0
            if result.last is None:
                break
            # Also past a row that can't be processed: it waits for the next tick, the others don't.
            after = result.last
        return found

    async def _run_sweep(self, sweep: sweeps.Sweep, after: Place = BEGINNING) -> SweepResult:
        try:
            result = await self._database.transact(partial(self._sweep_once, sweep, self._clock.now(), after))
        except Exception as error:  # noqa: BLE001 - the next tick retries; readiness shows a sweep that never succeeds
            result = SweepResult(errors=(error,))
        for failure in result.errors:
            SWEEP_ERRORS.labels(sweep.__name__).inc()
            row = result.last.id if result.last is not None else None
            kind = type(failure).__name__
            log.error("sweep failed", action="sweep_failed", sweep=sweep.__name__, row=row, error=kind)
        if result.done:
            self._nudge()
        return result

    def _sweep_once(self, sweep: sweeps.Sweep, at: datetime, after: Place, stores: Stores) -> SweepResult:
        """Process the first row after a place, in an open transaction."""
        return sweep(work_on(stores, self._clinic, at, actor=SYSTEM), 1, after)
