"""The ticker: it ticks, a sweep that fails holds up no other, a stop waits for what is being worked off."""

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot import ticker as ticking
from bot.app.store import Patient, Store
from bot.app.store_errors import TRIES, StaleRecordError
from bot.clock import FrozenClock
from bot.ticker import SWEEP_ERRORS, Ticker
from tests.app.conftest import packaged
from tests.contract import samples
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


async def test_a_row_that_fails_each_time_is_tried_once_a_tick_and_holds_up_no_other(
    ticker: Ticker, rows: Rows, clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = [
        rows.run(lambda s, n=n: s.add_patient(samples.active(f"P-{n}", AT - timedelta(minutes=9 - n), chat_id=n)))
        for n in range(5)
    ]
    tried: list[str] = []

    def fall_due(store: Store, _clinic: Any, patient: Patient, at: datetime) -> None:
        tried.append(patient.code)
        if patient.id == made[1].id:
            raise StaleRecordError
        # One stays where it stands, another falls due again at once: neither is gone round and round for.
        later = patient.next_due_at if patient.id == made[2].id else at
        store.save_patient(patient.model_copy(update={"next_due_at": later}))

    monkeypatch.setattr(ticking.sweeps, "_fall_due", fall_due)
    monkeypatch.setattr(ticking.sweeps, "ALL", (ticking.sweeps.check_ins_due,))
    before = failed("check_ins_due")
    assert await ticker.tick()
    assert failed("check_ins_due") == before + 1
    assert tried.count("P-1") == TRIES, "read anew and tried again, and then left for the next tick"
    assert list(dict.fromkeys(tried)) == ["P-0", "P-1", "P-2", "P-3", "P-4"]
    assert tried.count("P-2") == 1


async def test_each_row_has_a_transaction_of_its_own(
    ticker: Ticker, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    for n in range(3):
        rows.run(lambda s, n=n: s.add_patient(samples.active(f"P-{n}", AT, chat_id=n)))
    seen: list[set[str]] = []

    def work(store: Store, _clinic: Any, patient: Patient, _at: datetime) -> None:
        seen[-1].add(patient.code)
        store.save_patient(patient.model_copy(update={"next_due_at": None}))

    transact = rows.transact

    async def noted(fn: Callable[[Store], Any]) -> Any:
        seen.append(set())
        return await transact(fn)

    monkeypatch.setattr(ticking.sweeps, "_fall_due", work)
    monkeypatch.setattr(ticking.sweeps, "ALL", (ticking.sweeps.check_ins_due,))
    monkeypatch.setattr(rows, "transact", noted)
    await ticker.tick()
    assert seen == [{"P-0"}, {"P-1"}, {"P-2"}, set()]
