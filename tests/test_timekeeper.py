"""The clock that replicas share: it goes by the database's, whatever this machine's own shows."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from bot import timekeeper
from bot.clock import FrozenClock, SharedClock
from bot.timekeeper import CLOCK_ERRORS, Timekeeper, keeping_time
from tests.delivery.stand_ins import until
from tests.fakes.memory_store import MemoryDatabase

LATER = datetime(2031, 5, 4, 3, 2, tzinfo=UTC)
SECOND = timedelta(seconds=1)


class Shared(MemoryDatabase):
    """A database whose clock shows LATER, and that can be down."""

    down = False

    def __init__(self) -> None:
        super().__init__()
        self.tables.put("shared_now", 1, LATER)

    async def read(self, fn):
        if self.down:
            raise ConnectionError
        return await super().read(fn)


def seconds_off(clock: SharedClock, moment: datetime) -> float:
    return abs((clock.now() - moment).total_seconds())


async def test_it_is_set_by_a_look_and_goes_on_by_itself():
    clock = SharedClock()
    assert seconds_off(clock, datetime.now(UTC)) < 60
    await Timekeeper(Shared(), clock).look()
    assert seconds_off(clock, LATER) < 1
    before = clock.now()
    await asyncio.sleep(0.01)
    assert clock.now() > before


async def test_where_no_clock_is_shared_a_look_changes_nothing():
    clock = SharedClock()
    await Timekeeper(MemoryDatabase(), clock).look()
    assert seconds_off(clock, datetime.now(UTC)) < 60


def test_what_a_look_took_is_no_difference():
    """It was that moment at some time within the look, which may have waited for a connection."""
    clock = SharedClock()
    clock.told(LATER, timedelta(0))
    clock.told(clock.now() - 3 * SECOND, 4 * SECOND)
    assert seconds_off(clock, LATER) < 0.05
    clock.told(clock.now() - 3 * SECOND, 2 * SECOND)
    assert 1.5 < (LATER - clock.now()).total_seconds() < 2.5


async def test_it_is_kept_while_the_database_is_away_and_looked_at_again(monkeypatch):
    monkeypatch.setattr(timekeeper, "EVERY_SECONDS", 0.01)
    database, clock, before = Shared(), SharedClock(), CLOCK_ERRORS._value.get()
    async with asyncio.timeout(30), keeping_time(database, clock):
        database.down = True
        database.tables.put("shared_now", 1, LATER + timedelta(hours=2))
        await until(lambda: CLOCK_ERRORS._value.get() >= before + 2)
        assert seconds_off(clock, LATER) < 10
        database.down = False
        await until(lambda: seconds_off(clock, LATER) > 7000)


async def test_a_start_without_the_shared_clock_is_refused_and_other_clocks_are_left_alone():
    database = Shared()
    database.down = True
    with pytest.raises(ConnectionError):
        async with keeping_time(database, SharedClock()):
            raise AssertionError("not reached")
    async with keeping_time(database, FrozenClock(LATER)):
        pass
