"""Elects the replica that polls: the holder of a lease, which is a row that replicas share. It fetches nothing itself.

Telegram terminates a poll when another starts, so two pollers would only interrupt each other. The leader renews its
lease every two seconds; if it dies, the lease expires and another replica acquires it within ten seconds.
"""

import asyncio
import time
from datetime import timedelta
from typing import TypeVar

import structlog
from prometheus_client import Counter

from bot.app.work import Stores, Transactor
from bot.clock import Clock, ClockJumpDetector

T = TypeVar("T")
log = structlog.get_logger(__name__)

LEASE_NAME = "polling"
LEASE_SECONDS = 7.0
RENEW_SECONDS = 2.0
ACQUIRE_INTERVAL_SECONDS = 1.0
"""How often a waiting replica checks whether the lease has expired."""
MAX_CLOCK_DIFFERENCE = timedelta(seconds=2)
"""The clock that replicas share has jumped if it differs by more from our copy, which is at most seconds old."""
YIELD_SECONDS = 15.0
"""How long a replica whose polls fail leaves the lease to others, which may reach Telegram."""
LEASES_ACQUIRED = Counter("nervecheck_poll_leases_total", "Times that this process became the polling leader.")
LEASE_ERRORS = Counter(
    "nervecheck_poll_lease_errors_total", "Polling leases that could not be acquired, renewed or released.", ["step"]
)


class Leader:
    """One replica's part in the election."""

    def __init__(self, database: Transactor, clock: Clock, *, owner: str) -> None:
        self._database = database
        self._clock = clock
        self._owner = owner
        self._jumps = ClockJumpDetector(clock)
        self._until = 0.0
        self._other_leader_seen: float | None = None
        self._has_seen_clock_jump = False

    @property
    def has_other_leader(self) -> bool:
        """Whether another replica was recently seen to hold the lease, so that polling is taken care of."""
        return self._other_leader_seen is not None and time.monotonic() - self._other_leader_seen < LEASE_SECONDS

    async def acquire(self) -> None:
        """Return once this process holds the lease, however long the database is down meanwhile."""
        while True:
            if self._jumps.has_jumped() or self._has_seen_clock_jump:
                # Let the holder renew first: by a clock that jumped forward every lease has expired.
                self._has_seen_clock_jump = False
                await asyncio.sleep(2 * RENEW_SECONDS)
            try:
                async with asyncio.timeout(LEASE_SECONDS):
                    if await self._acquire():
                        break
            except Exception as error:  # noqa: BLE001 - the database is down: retried below
                LEASE_ERRORS.labels("take").inc()
                log.warning("the polling lease can't be acquired", action="poll_lease", error=type(error).__name__)
            await asyncio.sleep(ACQUIRE_INTERVAL_SECONDS)
        LEASES_ACQUIRED.inc()
        log.info("this process is the polling leader", action="poll_leads")

    async def renew_until_lost(self) -> None:
        """Renew the lease as long as possible; return when it is lost."""
        while True:
            # No later than the lease expires: from then on another replica may poll.
            await asyncio.sleep(min(RENEW_SECONDS, max(0.0, self._until - time.monotonic())))
            try:
                async with asyncio.timeout(LEASE_SECONDS - RENEW_SECONDS):
                    kept = await self._acquire()
            except Exception as error:  # noqa: BLE001 - the database is down: the lease is held until it expires
                LEASE_ERRORS.labels("renew").inc()
                log.warning("the polling lease was not renewed", action="poll_lease", error=type(error).__name__)
                kept = time.monotonic() < self._until
            if not kept:
                log.warning("the polling lease was lost: another process may poll now", action="poll_lost")
                return

    async def release(self) -> None:
        """Release the lease so that another replica can start at once; if that fails, the lease expires by itself."""
        try:
            async with asyncio.timeout(RENEW_SECONDS):
                await self._database.transact(lambda stores: stores.leases.drop(LEASE_NAME, owner=self._owner))
        except Exception as error:  # noqa: BLE001 - see above
            LEASE_ERRORS.labels("give_up").inc()
            log.warning("the polling lease was not released", action="poll_lease", error=type(error).__name__)

    async def _acquire(self) -> bool:
        is_leader, started = time.monotonic() < self._until, time.monotonic()

        def take(stores: Stores) -> bool:
            at = stores.clock.shared_now() or self._clock.now()
            self._has_seen_clock_jump = abs(at - self._clock.now()) > MAX_CLOCK_DIFFERENCE
            if self._has_seen_clock_jump and not is_leader:
                return False
            return stores.leases.take(LEASE_NAME, owner=self._owner, at=at, until=at + timedelta(seconds=LEASE_SECONDS))

        acquired = await self._database.transact(take)
        if acquired:
            self._until = started + LEASE_SECONDS
        self._other_leader_seen = None if acquired else time.monotonic()
        return acquired
