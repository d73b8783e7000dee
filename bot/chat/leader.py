"""Which of several replicas polls: the one that holds the lease, a row they share. It fetches nothing itself.

Telegram ends a poll when another begins, so two that poll would only disturb each other. The holder renews its lease
every two seconds; when it dies the lease runs out, and another takes it within ten.
"""

import asyncio
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Protocol, TypeVar

import structlog
from prometheus_client import Counter

from bot.app.store import Store
from bot.clock import Clock, JumpWatch

T = TypeVar("T")
log = structlog.get_logger(__name__)

LEASE = "polling"
LEASE_SECONDS = 7.0
RENEW_SECONDS = 2.0
LOOK_SECONDS = 1.0
"""How often one that waits looks whether the lease is over."""
CLOCK_SET = timedelta(seconds=2)
"""By so much the clock that replicas share was set, if it differs from what we knew of it a second ago."""
REST_SECONDS = 15.0
"""How long one whose polls fail leaves the lease to others, which may reach Telegram."""
LEADS = Counter("nervecheck_poll_leases_total", "Times that this process became the one that polls.")
LEASE_ERRORS = Counter("nervecheck_poll_lease_errors_total", "Leases not renewed or given back.", ["step"])


class Transactor(Protocol):
    """What is needed of a database."""

    async def transact(self, fn: Callable[[Store], T]) -> T: ...


class Leader:
    """One replica's side of it. `others_lead`: another holds the lease, so that polling is taken care of."""

    def __init__(self, database: Transactor, clock: Clock, *, owner: str) -> None:
        self._database = database
        self._clock = clock
        self._owner = owner
        self._jumps = JumpWatch(clock)
        self._until = 0.0
        self._other_seen: float | None = None
        self._saw_it_set = False

    @property
    def others_lead(self) -> bool:
        """Whether another replica was seen to hold the lease a moment ago."""
        return self._other_seen is not None and time.monotonic() - self._other_seen < LEASE_SECONDS

    async def wait(self) -> None:
        """Return once this process holds the lease, however long the database is away meanwhile."""
        while True:
            if self._jumps.jumped() or self._saw_it_set:
                # The holder renews first: to a clock that was set forward every lease is over.
                self._saw_it_set = False
                await asyncio.sleep(2 * RENEW_SECONDS)
            try:
                async with asyncio.timeout(LEASE_SECONDS):
                    if await self._take():
                        break
            except Exception as error:  # noqa: BLE001 - the database is down: looked at again as soon as ever
                LEASE_ERRORS.labels("take").inc()
                log.warning("the lease of polling can't be read", action="poll_lease", error=type(error).__name__)
            await asyncio.sleep(LOOK_SECONDS)
        LEADS.inc()
        log.info("this process polls", action="poll_leads")

    async def keep(self) -> None:
        """Renew the lease for as long as that works; return when it was lost."""
        while True:
            # No later than the lease ends: from then on another may poll.
            await asyncio.sleep(min(RENEW_SECONDS, max(0.0, self._until - time.monotonic())))
            try:
                async with asyncio.timeout(LEASE_SECONDS - RENEW_SECONDS):
                    kept = await self._take()
            except Exception as error:  # noqa: BLE001 - the database is down: what it can't renew it holds to its end
                LEASE_ERRORS.labels("renew").inc()
                log.warning("the lease of polling was not renewed", action="poll_lease", error=type(error).__name__)
                kept = time.monotonic() < self._until
            if not kept:
                log.warning("another process polls now", action="poll_lost")
                return

    async def give_up(self) -> None:
        """Let another begin at once; when that fails the lease runs out by itself."""
        try:
            async with asyncio.timeout(RENEW_SECONDS):
                await self._database.transact(lambda store: store.drop_lease(LEASE, owner=self._owner))
        except Exception as error:  # noqa: BLE001 - see above
            LEASE_ERRORS.labels("give_up").inc()
            log.warning("the lease of polling was not given back", action="poll_lease", error=type(error).__name__)

    async def _take(self) -> bool:
        holds, begun = time.monotonic() < self._until, time.monotonic()

        def take(store: Store) -> bool:
            at = store.shared_now() or self._clock.now()
            self._saw_it_set = abs(at - self._clock.now()) > CLOCK_SET
            if self._saw_it_set and not holds:
                return False
            return store.take_lease(LEASE, owner=self._owner, at=at, until=at + timedelta(seconds=LEASE_SECONDS))

        taken = await self._database.transact(take)
        if taken:
            self._until = begun + LEASE_SECONDS
        self._other_seen = None if taken else time.monotonic()
        return taken
