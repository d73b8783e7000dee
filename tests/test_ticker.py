"""The ticker: it ticks, a sweep that fails holds up no other, a stop waits for what is being worked off."""

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from bot import ticker as ticking
from bot.app.store import Store
from bot.clock import FrozenClock
from bot.ticker import SWEEP_ERRORS, Ticker
from tests.app.conftest import packaged
from tests.fakes.memory_store import MemoryDatabase

AT = datetime(2026, 3, 2, 9, tzinfo=UTC)


class Rows(MemoryDatabase):
    """A database that can be down, or slow."""

    down = False
    slow = 0.0

    async def transact(self, fn: Callable[[Store], Any]) -> Any:
        if self.down:
            raise ConnectionError
        await asyncio.sleep(self.slow)
        return await super().transact(fn)


@pytest.fixture
def rows() -> Rows:
    return Rows()


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock(AT)


@pytest.fixture
def ticker(rows: Rows, clock: FrozenClock) -> Ticker:
    return Ticker(rows, packaged(), clock, nudge=lambda: None)


def failed(sweep: str) -> float:
    return SWEEP_ERRORS.labels(sweep)._value.get()


async def test_a_tick_says_when_it_was(ticker: Ticker, monkeypatch: pytest.MonkeyPatch) -> None:
    now = time.monotonic()
    monkeypatch.setattr(ticking.time, "monotonic", lambda: now + 100)
    assert ticker.seconds_since_tick > 99, "one that never ticks is seen"
    await ticker.tick()
    assert ticker.seconds_since_tick < 1


async def test_a_stop_lets_the_chunk_under_way_commit(
    ticker: Ticker, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ticking, "EVERY", 0.01)
    done: list[str] = []
    first = ticking.sweeps.ALL[0]

    def noted(store: Store, clinic: Any, at: datetime, limit: int, after: Any) -> Any:
        done.append("begun")
        return first(store, clinic, at, limit, after)

    monkeypatch.setattr(ticking.sweeps, "ALL", (noted,))
    rows.slow = 0.2
    ticker.start()
    await asyncio.sleep(0.1)
    assert done == [], "it waits for the database"
    await ticker.stop()
    assert done == ["begun"]
    await asyncio.sleep(0.3)
    assert done == ["begun"], "and no tick comes after a stop"


async def test_a_stop_before_a_start_is_nothing(ticker: Ticker) -> None:
    await ticker.stop()


async def test_a_stop_ends_a_sweep_that_goes_on_and_on(
    ticker: Ticker, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows.slow = 0.01
    chunks: list[int] = []

    def endless(_store: Store, _clinic: Any, _at: datetime, limit: int, after: Any) -> Any:
        chunks.append(limit)
        return ticking.sweeps.Swept(done=limit, last=after)

    monkeypatch.setattr(ticking, "EVERY", 0.01)
    monkeypatch.setattr(ticking.sweeps, "ALL", (endless,))
    ticker.start()
    await asyncio.sleep(0.1)
    begun = len(chunks)
    assert begun > 0
    await ticker.stop()
    assert len(chunks) <= begun + 1, "the chunk under way, and no more"


async def test_a_sweep_that_fails_is_counted_and_tried_again(ticker: Ticker, rows: Rows) -> None:
    name = ticking.sweeps.ALL[0].__name__
    before = failed(name)
    rows.down = True
    assert not await ticker.tick()
    assert failed(name) == before + 1
    rows.down = False
    await ticker.tick()
    assert failed(name) == before + 1
