"""The ticker: it ticks, a failed sweep does not block the others, a stop waits for the current chunk."""

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot import ticker as ticking
from bot.app.ports.errors import TRIES, StaleRecordError
from bot.app.records.patients import Patient
from bot.app.work import Stores, Work
from bot.clock import FrozenClock
from bot.ticker import SWEEP_ERRORS, Ticker
from tests.contract import samples
from tests.fakes.databases import MemoryDatabase
from tests.fakes.work import packaged_clinic
from tests.polling import until

AT = datetime(2026, 3, 2, 9, tzinfo=UTC)


class Rows(MemoryDatabase):
    """A database that can be down, or slow."""

    down = False

    def __init__(self) -> None:
        super().__init__()
        self.asked = 0
        self.free = asyncio.Event()
        self.free.set()

    async def transact(self, fn: Callable[[Stores], Any]) -> Any:
        if self.down:
            raise ConnectionError
        self.asked += 1
        await self.free.wait()
        return await super().transact(fn)


@pytest.fixture
def rows() -> Rows:
    return Rows()


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock(AT)


@pytest.fixture
def ticker(rows: Rows, clock: FrozenClock) -> Ticker:
    return Ticker(rows, packaged_clinic(), clock, nudge=lambda: None)


def failed(sweep: str) -> float:
    return SWEEP_ERRORS.labels(sweep)._value.get()


async def test_tick_updates_seconds_since_tick(ticker: Ticker, monkeypatch: pytest.MonkeyPatch) -> None:
    now = time.monotonic()
    monkeypatch.setattr(ticking.time, "monotonic", lambda: now + 100)
    assert ticker.seconds_since_tick > 99, "a ticker that never ticks is noticed"
    await ticker.tick()
    assert ticker.seconds_since_tick < 1


async def test_stop_lets_the_current_chunk_commit(ticker: Ticker, rows: Rows, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ticking, "TICK_SECONDS", 0.01)
    done: list[str] = []
    first = ticking.sweeps.ALL[0]

    def noted(work: Work, limit: int, after: Any) -> Any:
        done.append("begun")
        return first(work, limit, after)

    monkeypatch.setattr(ticking.sweeps, "ALL", (noted,))
    rows.free.clear()
    ticker.start()
    await until(lambda: rows.asked)
    assert done == [], "it waits for the database"
    stopping = asyncio.create_task(ticker.stop())
    rows.free.set()
    await stopping
    assert done == ["begun"]
    await until(lambda: not ticker._scheduler.running)
    assert done == ["begun"], "and no tick comes after a stop"


async def test_stop_before_start_does_nothing(ticker: Ticker) -> None:
    await ticker.stop()


async def test_stop_ends_an_endless_sweep(ticker: Ticker, monkeypatch: pytest.MonkeyPatch) -> None:
    chunks: list[int] = []

    def endless(_work: Work, limit: int, after: Any) -> Any:
        chunks.append(limit)
        return ticking.SweepResult(done=limit, last=after)

    monkeypatch.setattr(ticking, "TICK_SECONDS", 0.01)
    monkeypatch.setattr(ticking.sweeps, "ALL", (endless,))
    ticker.start()
    await until(lambda: chunks)
    begun = len(chunks)
    await ticker.stop()
    assert len(chunks) <= begun + 1, "the current chunk and no more"


async def test_tick_failed_sweep_is_counted_and_retried(ticker: Ticker, rows: Rows) -> None:
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
        rows.run(lambda s, n=n: s.patients.add(samples.active(f"P-{n}", AT - timedelta(minutes=9 - n), chat_id=n)))
        for n in range(5)
    ]
    tried: list[str] = []

    def fall_due(work: Work, patient: Patient) -> None:
        tried.append(patient.code)
        if patient.id == made[1].id:
            raise StaleRecordError
        # One stays where it is, another falls due again at once: neither is gone round and round for.
        later = patient.next_due_at if patient.id == made[2].id else work.at
        work.patients.save(patient.model_copy(update={"next_due_at": later}))

    monkeypatch.setattr(ticking.sweeps, "_open_due", fall_due)
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
        rows.run(lambda s, n=n: s.patients.add(samples.active(f"P-{n}", AT, chat_id=n)))
    seen: list[set[str]] = []

    def fall_due(work: Work, patient: Patient) -> None:
        seen[-1].add(patient.code)
        work.patients.save(patient.model_copy(update={"next_due_at": None}))

    transact = rows.transact

    async def noted(fn: Callable[[Stores], Any]) -> Any:
        seen.append(set())
        return await transact(fn)

    monkeypatch.setattr(ticking.sweeps, "_open_due", fall_due)
    monkeypatch.setattr(ticking.sweeps, "ALL", (ticking.sweeps.check_ins_due,))
    monkeypatch.setattr(rows, "transact", noted)
    await ticker.tick()
    assert seen == [{"P-0"}, {"P-1"}, {"P-2"}, set()]
