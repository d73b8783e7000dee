"""The shared clock follows the database's clock, whatever this machine's clock shows."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from bot import clock_sync
from bot.clock import FrozenClock, SharedClock
from bot.clock_sync import CLOCK_SYNC_ERRORS, ClockSync, synchronized
from tests.delivery.stand_ins import until
from tests.fakes.databases import MemoryDatabase

LATER = datetime(2031, 5, 4, 3, 2, tzinfo=UTC)
SECOND = timedelta(seconds=1)


class Shared(MemoryDatabase):
    """A database whose clock shows LATER; it can be down."""

    down = False

    def __init__(self) -> None:
        super().__init__()
        self.shared_now = LATER

    async def read(self, fn):
        if self.down:
            raise ConnectionError
        return await super().read(fn)


def seconds_off(clock: SharedClock, time_shown: datetime) -> float:
    return abs((clock.now() - time_shown).total_seconds())


async def test_sync_once_sets_the_clock_which_then_continues():
    clock = SharedClock()
    assert seconds_off(clock, datetime.now(UTC)) < 60
    await ClockSync(Shared(), clock).sync_once()
    assert seconds_off(clock, LATER) < 1
    before = clock.now()
    await until(lambda: clock.now() > before)


async def test_sync_once_without_shared_clock_changes_nothing():
    clock = SharedClock()
    await ClockSync(MemoryDatabase(), clock).sync_once()
    assert seconds_off(clock, datetime.now(UTC)) < 60


def test_synchronize_within_the_read_duration_changes_nothing():
    """The database read its clock at some point within the read, which may have waited for a connection."""
    clock = SharedClock()
    clock.synchronize(LATER, timedelta(0))
    clock.synchronize(clock.now() - 3 * SECOND, 4 * SECOND)
    assert seconds_off(clock, LATER) < 0.05
    clock.synchronize(clock.now() - 3 * SECOND, 2 * SECOND)
    assert 1.5 < (LATER - clock.now()).total_seconds() < 2.5


async def test_run_database_down_keeps_the_clock_and_retries(monkeypatch):
    monkeypatch.setattr(clock_sync, "SYNC_SECONDS", 0.01)
    database, clock, before = Shared(), SharedClock(), CLOCK_SYNC_ERRORS._value.get()
    async with asyncio.timeout(30), synchronized(database, clock):
        database.down = True
        database.shared_now = LATER + timedelta(hours=2)
        await until(lambda: CLOCK_SYNC_ERRORS._value.get() >= before + 2)
        assert seconds_off(clock, LATER) < 10
        database.down = False
        await until(lambda: seconds_off(clock, LATER) > 7000)


async def test_synchronized_without_database_raises_for_shared_clock():
    database = Shared()
    database.down = True
    with pytest.raises(ConnectionError):
        async with synchronized(database, SharedClock()):
            raise AssertionError("not reached")
    async with synchronized(database, FrozenClock(LATER)):
        pass
