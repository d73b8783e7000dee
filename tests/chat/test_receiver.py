"""Polling keeps running: one replica leads, another takes over, a stalled poll is restarted."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from bot.chat import leader as leading
from bot.chat import receiver as receiving
from bot.chat.leader import ACQUIRE_INTERVAL_SECONDS, LEASE_SECONDS, Leader
from bot.chat.poll import LONG_POLL
from bot.chat.receiver import SILENT_SECONDS, Receiver
from bot.clock import FrozenClock
from tests.fakes.databases import MemoryDatabase

from .stand_ins import AT, House, message, until


class Rows:
    """A database with the lease that both replicas share; it can be down."""

    def __init__(self) -> None:
        self.database = MemoryDatabase()
        self.down = False

    async def transact(self, fn: Callable[[Any], Any]) -> Any:
        if self.down:
            raise ConnectionError
        return self.database.run(fn)


def test_failover_takes_below_10_s_and_restart_below_a_minute():
    assert LEASE_SECONDS + 2 * ACQUIRE_INTERVAL_SECONDS < 10
    assert LONG_POLL + 10 < SILENT_SECONDS < 60 - 5


async def silent(house: House, asked: list[Any]) -> None:
    """Make the first poll hang; later polls are answered."""
    first = house.api.do_request

    async def request(url: str, *args: Any, **kwargs: Any) -> Any:
        if url.endswith("getUpdates"):
            asked.append(url)
            if len(asked) == 1:
                await asyncio.Event().wait()
        return await first(url, *args, **kwargs)

    house.api.do_request = request


async def test_receiver_stalled_poll_is_restarted(house: House, monkeypatch) -> None:
    asked: list[Any] = []
    connected: list[str] = []

    async def noted(what: str) -> None:
        connected.append(what)

    monkeypatch.setattr(house.api, "shutdown", lambda: noted("closed"))
    monkeypatch.setattr(house.api, "initialize", lambda: noted("opened"))
    await silent(house, asked)
    rebuilt = receiving.POLLER_RESTARTS._value.get()
    receiver = Receiver(house.bot, house.dispatcher, house.clock, silent_seconds=0.05)
    run = asyncio.create_task(receiver.run())
    house.api.put(message(1, 7))
    await until(lambda: house.api.confirmed == 1)
    assert house.log == [("said", 7)]
    assert receiving.POLLER_RESTARTS._value.get() == rebuilt + 1
    assert connected == ["closed", "opened"], "the stalled connection is not reused"
    await receiver.stop()
    await run


@pytest.fixture
def quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RENEW_SECONDS", "ACQUIRE_INTERVAL_SECONDS"):
        monkeypatch.setattr(leading, name, 0.01)


async def test_one_of_two_replicas_polls_and_the_other_follows_it(house: House, quickly: None) -> None:
    rows, clock = Rows(), FrozenClock(AT)
    first, second = (Leader(rows, clock, owner=name) for name in ("first", "second"))
    await first.acquire()
    waiting = asyncio.create_task(second.acquire())
    await until(lambda: second.has_other_leader)
    receiver = Receiver(house.bot, house.dispatcher, house.clock, leader=second)
    assert receiver.seconds_since_poll == 0.0, "polling is taken care of"
    assert receiver.seconds_since_own_poll is None, "the other replica's polls are not known here"
    # The first is killed, so the lease is not renewed.
    clock.advance(timedelta(seconds=LEASE_SECONDS))
    await asyncio.wait_for(waiting, 20)
    assert not second.has_other_leader
    lost = asyncio.create_task(first.renew_until_lost())
    await asyncio.wait_for(lost, 20)


async def test_own_clock_jump_lets_the_holder_renew_first(house: House, quickly: None, monkeypatch) -> None:
    """By a clock that jumped forward every lease has expired, even that of a healthy leader."""
    rows, clock = Rows(), FrozenClock(AT)
    first, second = (Leader(rows, clock, owner=name) for name in ("first", "second"))
    await first.acquire()
    keeping = asyncio.create_task(first.renew_until_lost())
    waiting = asyncio.create_task(second.acquire())
    await until(lambda: second.has_other_leader)
    tries, acquire = [], second._acquire

    async def tried() -> bool:
        tries.append(acquired := await acquire())
        return acquired

    monkeypatch.setattr(second, "_acquire", tried)
    clock.advance(timedelta(hours=2))
    await until(lambda: len(tries) >= 3)
    assert not any(tries)
    assert not waiting.done()
    assert not keeping.done(), "the first is still the leader"
    for task in (keeping, waiting):
        task.cancel()
    await asyncio.gather(keeping, waiting, return_exceptions=True)


async def test_stop_releases_the_lease_at_once(house: House, quickly: None) -> None:
    rows = Rows()
    receiver = Receiver(house.bot, house.dispatcher, house.clock, leader=Leader(rows, house.clock, owner="first"))
    run = asyncio.create_task(receiver.run())
    house.api.put(message(1, 7))
    await until(lambda: house.api.confirmed == 1)
    await receiver.stop()
    await run
    await asyncio.wait_for(Leader(rows, house.clock, owner="second").acquire(), 5)


async def test_lost_lease_stops_polling_until_reacquired(house: House, quickly: None) -> None:
    rows = Rows()
    receiver = Receiver(house.bot, house.dispatcher, house.clock, leader=Leader(rows, house.clock, owner="first"))
    run = asyncio.create_task(receiver.run())
    await until(lambda: receiver.poller is not None)
    poller = receiver.poller
    rows.database.run(lambda s: s.leases.drop("polling", owner="first"))
    rows.database.run(lambda s: s.leases.take("polling", owner="x", at=AT, until=AT + timedelta(seconds=7)))
    await until(lambda: receiver.seconds_since_poll == 0.0)
    rows.database.run(lambda s: s.leases.drop("polling", owner="x"))
    await until(lambda: receiver.poller is not poller)
    await receiver.stop()
    await run


async def test_lost_lease_sends_no_confirmation(house: House, quickly: None, monkeypatch) -> None:
    """A confirmation would terminate the new leader's poll, which would then wait before it polls again."""
    rows, released = Rows(), asyncio.Event()
    leader = Leader(rows, house.clock, owner="first")
    receiver = Receiver(house.bot, house.dispatcher, house.clock, leader=leader)
    run = asyncio.create_task(receiver.run())
    house.api.put(message(1, 7))
    await until(lambda: house.log == [("said", 7)])
    release = leader.release

    async def noted() -> None:
        await release()
        released.set()

    monkeypatch.setattr(leader, "release", noted)
    rows.database.run(lambda s: s.leases.drop("polling", owner="first"))
    rows.database.run(lambda s: s.leases.take("polling", owner="x", at=AT, until=AT + timedelta(seconds=7)))
    await asyncio.wait_for(released.wait(), 20)
    assert [asked for name, asked in house.api.calls if name == "getUpdates" and not asked["timeout"]] == []
    run.cancel()
    await asyncio.gather(run, return_exceptions=True)


async def test_unanswered_replica_lets_another_try(house: House, quickly, monkeypatch) -> None:
    monkeypatch.setattr(receiving, "UNANSWERED_SECONDS", 0.02)
    monkeypatch.setattr(receiving, "WATCH_SECONDS", 0.01)
    asked: list[Any] = []
    await silent(house, asked)
    rows = Rows()
    receiver = Receiver(house.bot, house.dispatcher, house.clock, leader=Leader(rows, house.clock, owner="first"))
    run = asyncio.create_task(receiver.run())
    await until(lambda: bool(asked))
    await asyncio.wait_for(Leader(rows, house.clock, owner="second").acquire(), 5)
    run.cancel()
    await asyncio.gather(run, return_exceptions=True)


async def test_requested_pause_keeps_the_lease(house: House, quickly, monkeypatch) -> None:
    monkeypatch.setattr(receiving, "UNANSWERED_SECONDS", 0.02)
    monkeypatch.setattr(receiving, "WATCH_SECONDS", 0.01)
    monkeypatch.setenv("PTB_TIMEDELTA", "1")
    house.api.fail("getUpdates", 429, "slow down", retry_after=60)
    rows, rebuilt = Rows(), receiving.POLLER_RESTARTS._value.get()
    leader = Leader(rows, house.clock, owner="first")
    receiver = Receiver(house.bot, house.dispatcher, house.clock, leader=leader, silent_seconds=0.05)
    run = asyncio.create_task(receiver.run())
    await until(lambda: len(house.api.sent("getUpdates")) == 1)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(Leader(rows, house.clock, owner="second").acquire(), 0.5)
    assert len(house.api.sent("getUpdates")) == 1
    assert receiving.POLLER_RESTARTS._value.get() == rebuilt
    await receiver.stop()
    await run


async def test_stop_while_waiting_starts_no_poll_and_keeps_no_lease(house: House, quickly) -> None:
    rows = Rows()
    rows.database.run(lambda s: s.leases.take("polling", owner="x", at=AT, until=AT + timedelta(seconds=7)))
    receiver = Receiver(house.bot, house.dispatcher, house.clock, leader=Leader(rows, house.clock, owner="first"))
    run = asyncio.create_task(receiver.run())
    await until(lambda: receiver.seconds_since_poll == 0.0)
    await receiver.stop()
    rows.database.run(lambda s: s.leases.drop("polling", owner="x"))
    await asyncio.wait_for(run, 20)
    assert receiver.poller is None
    await asyncio.wait_for(Leader(rows, house.clock, owner="second").acquire(), 5)


async def test_acquire_survives_a_database_outage(quickly: None) -> None:
    """Otherwise it would wait up to a minute before the next attempt, without any replica polling."""
    rows, failed = Rows(), leading.LEASE_ERRORS.labels("take")._value
    rows.down, before = True, failed.get()
    waiting = asyncio.create_task(Leader(rows, FrozenClock(AT), owner="first").acquire())
    await until(lambda: failed.get() > before + 2)
    rows.down = False
    await asyncio.wait_for(waiting, 20)


async def test_renew_database_down_holds_the_lease_until_it_expires(quickly, monkeypatch) -> None:
    monkeypatch.setattr(leading, "LEASE_SECONDS", 0.2)
    rows = Rows()
    first = Leader(rows, FrozenClock(AT), owner="first")
    await first.acquire()
    rows.down = True
    await asyncio.wait_for(first.renew_until_lost(), 20)


async def test_shared_clock_jump_lets_the_holder_renew_first(quickly: None) -> None:
    """By that clock the lease has expired; a waiting replica must not take it from a healthy leader."""
    rows, clock = Rows(), FrozenClock(AT)
    first, second = (Leader(rows, clock, owner=name) for name in ("first", "second"))
    await first.acquire()
    rows.database.shared_now = AT + timedelta(hours=2)
    assert not await second._acquire()
    assert await first._acquire(), "the leader keeps it"
    clock.advance(timedelta(hours=2))
    assert not await second._acquire()


async def test_renew_failing_ends_no_later_than_the_lease(monkeypatch) -> None:
    """Without that limit, the next renewal would be in an hour."""
    monkeypatch.setattr(leading, "LEASE_SECONDS", 0.3)
    monkeypatch.setattr(leading, "RENEW_SECONDS", 3600)
    rows = Rows()
    first = Leader(rows, FrozenClock(AT), owner="first")
    await first.acquire()
    rows.down = True
    await asyncio.wait_for(first.renew_until_lost(), 20)


@pytest.mark.parametrize("step", ["acquire", "release"])
async def test_leader_hanging_database_does_not_block(step: str, quickly: None, monkeypatch) -> None:
    monkeypatch.setattr(leading, "LEASE_SECONDS", 0.05)
    rows = Rows()
    transact, hanging = rows.transact, asyncio.Event()

    async def hangs(fn: Callable[[Any], Any]) -> Any:
        rows.transact = transact  # type: ignore[method-assign]
        await hanging.wait()

    rows.transact = hangs  # type: ignore[method-assign]
    await asyncio.wait_for(getattr(Leader(rows, FrozenClock(AT), owner="first"), step)(), 20)
