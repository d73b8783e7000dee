"""A clock that was set forward is noticed while the bot runs, and assumed after it was down for long."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from bot import clock_sync
from bot.app.operations import outages
from bot.clock import FrozenClock, SandboxClock
from bot.clock_sync import ClockWatch, watched
from tests.delivery.stand_ins import until
from tests.fakes.databases import MemoryDatabase

AT = datetime(2026, 3, 2, 9, tzinfo=UTC)
SECOND, MINUTE, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(days=1)


def jumps(database):
    return [(jump.at, jump.back_by) for jump in database.run(lambda s: s.concerns.jumps_after(0))]


@pytest.mark.parametrize(
    ("by", "stored"), [(DAY, [(AT + DAY, 0)]), (2 * MINUTE, [(AT + 2 * MINUTE, 0)]), (30 * SECOND, []), (-DAY, [])]
)
async def test_clock_set_forward_is_stored_once(by, stored):
    database, clock = MemoryDatabase(), FrozenClock(AT)
    watch = ClockWatch(database, clock)
    clock.advance(by)
    await watch.check_once()
    await watch.check_once()
    assert jumps(database) == stored


async def test_jump_while_the_database_is_down_is_stored_afterwards(monkeypatch):
    monkeypatch.setattr(clock_sync, "WATCH_SECONDS", 0.001)
    clock = FrozenClock(AT)

    class Down(MemoryDatabase):
        tries = 0

        async def transact(self, fn):
            self.tries += 1
            if self.tries == 1:
                return await super().transact(fn)
            if self.tries < 4:
                raise ConnectionError
            return await super().transact(fn)

    database = Down()
    async with asyncio.timeout(30), watched(database, clock):
        clock.advance(DAY)
        await until(lambda: database.tries > 3 and jumps(database) == [(AT + DAY, 0)])


async def test_sandbox_clock_lets_time_pass():
    database, clock = MemoryDatabase(), SandboxClock(start=AT)
    async with watched(database, clock):
        clock.advance(DAY)
    assert jumps(database) == []


@pytest.mark.parametrize(("down", "count"), [(timedelta(minutes=29), 0), (timedelta(minutes=30), 1)])
async def test_start_after_an_outage_counts_as_a_jump(down, count):
    database = MemoryDatabase()
    database.run(lambda s: s.settings.set(outages.UP_AT, AT.isoformat()))
    async with watched(database, FrozenClock(AT + down)):
        pass
    assert len(jumps(database)) == count


async def test_first_start_is_no_jump():
    database = MemoryDatabase()
    async with watched(database, FrozenClock(AT)):
        pass
    assert jumps(database) == []
