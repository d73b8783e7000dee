"""Polling that goes on: one replica leads, another takes over, a poll that went silent is built anew."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from bot.chat import leader as leading
from bot.chat import receiver as receiving
from bot.chat.leader import LEASE_SECONDS, LOOK_SECONDS, Leader
from bot.chat.poll import LONG_POLL
from bot.chat.receiver import SILENT_SECONDS, Receiver
from bot.clock import FrozenClock
from tests.fakes.memory_store import MemoryDatabase

from .stand_ins import AT, House, message, until


class Rows:
    """A database whose lease both replicas share, and that can be down."""

    def __init__(self) -> None:
        self.database = MemoryDatabase()
        self.down = False

    async def transact(self, fn: Callable[[Any], Any]) -> Any:
        if self.down:
            raise ConnectionError
        return self.database.run(fn)


def test_a_hand_over_takes_less_than_ten_seconds_and_a_rebuild_less_than_a_minute():
    assert LEASE_SECONDS + 2 * LOOK_SECONDS < 10
    assert LONG_POLL + 10 < SILENT_SECONDS < 60 - 5


async def silent(house: House, asked: list[Any]) -> None:
    """The first poll never ends; those after it answer."""
    first = house.api.do_request

    async def request(url: str, *args: Any, **kwargs: Any) -> Any:
        if url.endswith("getUpdates"):
            asked.append(url)
            if len(asked) == 1:
                await asyncio.sleep(3600)
        return await first(url, *args, **kwargs)

    house.api.do_request = request


async def test_a_poll_that_never_ends_is_noticed_and_built_anew(house: House, monkeypatch) -> None:
    asked: list[Any] = []
    connected: list[str] = []

    async def noted(what: str) -> None:
        connected.append(what)

    monkeypatch.setattr(house.api, "shutdown", lambda: noted("closed"))
    monkeypatch.setattr(house.api, "initialize", lambda: noted("opened"))
    await silent(house, asked)
    rebuilt = receiving.REBUILT._value.get()
    receiver = Receiver(house.bot, house.dispatcher, house.clock, silent_seconds=0.05)
    run = asyncio.create_task(receiver.run())
    house.api.put(message(1, 7))
    await until(lambda: house.api.confirmed == 1)
    assert house.log == [("said", 7)]
    assert receiving.REBUILT._value.get() == rebuilt + 1
    assert connected == ["closed", "opened"], "the dead connection is not used again"
    await receiver.stop()
    await run


@pytest.fixture
def quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RENEW_SECONDS", "LOOK_SECONDS"):
        monkeypatch.setattr(leading, name, 0.01)


async def test_one_of_two_polls_and_the_other_takes_over_when_it_is_gone(house: House, quickly: None) -> None:
    rows, clock = Rows(), FrozenClock(AT)
    first, second = (Leader(rows, clock, owner=name) for name in ("first", "second"))
    await first.wait()
    waiting = asyncio.create_task(second.wait())
    await until(lambda: second.others_lead)
    receiver = Receiver(house.bot, house.dispatcher, house.clock, leader=second)
    assert receiver.seconds_since_poll == 0.0, "polling is taken care of"
    assert receiver.seconds_since_heard is None, "what the other hears is not known here"
    # The first is killed: nobody renews.
    clock.advance(timedelta(seconds=LEASE_SECONDS))
    await asyncio.wait_for(waiting, 20)
    assert not second.others_lead
    lost = asyncio.create_task(first.keep())
    await asyncio.wait_for(lost, 20)


async def test_after_the_clock_was_set_the_holder_renews_before_another_may_take_over(house: House) -> None:
    """To a clock set forward every lease is over, also that of a leader who is well."""
    rows, clock = Rows(), FrozenClock(AT)
    first, second = (Leader(rows, clock, owner=name) for name in ("first", "second"))
    await first.wait()
    keeping = asyncio.create_task(first.keep())
    waiting = asyncio.create_task(second.wait())
    await until(lambda: second.others_lead)
    clock.advance(timedelta(hours=2))
    await asyncio.sleep(LOOK_SECONDS + 2 * leading.RENEW_SECONDS + 0.5)
    assert not waiting.done()
    assert not keeping.done(), "the first leads on"
    for task in (keeping, waiting):
        task.cancel()
    await asyncio.gather(keeping, waiting, return_exceptions=True)


async def test_a_stop_hands_over_at_once(house: House, quickly: None) -> None:
    rows = Rows()
    receiver = Receiver(house.bot, house.dispatcher, house.clock, leader=Leader(rows, house.clock, owner="first"))
    run = asyncio.create_task(receiver.run())
    house.api.put(message(1, 7))
    await until(lambda: house.api.confirmed == 1)
    await receiver.stop()
    await run
    await asyncio.wait_for(Leader(rows, house.clock, owner="second").wait(), 5)


async def test_one_that_lost_its_lease_polls_no_more_until_it_has_it_again(house: House, quickly: None) -> None:
    rows = Rows()
    receiver = Receiver(house.bot, house.dispatcher, house.clock, leader=Leader(rows, house.clock, owner="first"))
    run = asyncio.create_task(receiver.run())
    await until(lambda: receiver.poller is not None)
    poller = receiver.poller
    rows.database.run(lambda s: s.drop_lease("polling", owner="first"))
    rows.database.run(lambda s: s.take_lease("polling", owner="x", at=AT, until=AT + timedelta(seconds=7)))
    await until(lambda: receiver.seconds_since_poll == 0.0)
    rows.database.run(lambda s: s.drop_lease("polling", owner="x"))
    await until(lambda: receiver.poller is not poller)
    await receiver.stop()
    await run


async def test_one_that_lost_its_lease_asks_telegram_nothing_more(house: House, quickly: None) -> None:
    """Not even to confirm: it would end the poll of the one that leads now, who then waits before it asks again."""
    rows = Rows()
    receiver = Receiver(house.bot, house.dispatcher, house.clock, leader=Leader(rows, house.clock, owner="first"))
    run = asyncio.create_task(receiver.run())
    house.api.put(message(1, 7))
    await until(lambda: house.log == [("said", 7)])
    rows.database.run(lambda s: s.drop_lease("polling", owner="first"))
    rows.database.run(lambda s: s.take_lease("polling", owner="x", at=AT, until=AT + timedelta(seconds=7)))
    await until(lambda: receiver.seconds_since_poll == 0.0)
    await asyncio.sleep(0.05)
    assert [asked for name, asked in house.api.calls if name == "getUpdates" and not asked["timeout"]] == []
    run.cancel()
    await asyncio.gather(run, return_exceptions=True)


async def test_one_that_hears_nothing_from_telegram_lets_another_try(house: House, quickly, monkeypatch) -> None:
    monkeypatch.setattr(receiving, "UNANSWERED_SECONDS", 0.02)
    monkeypatch.setattr(receiving, "WATCH_SECONDS", 0.01)
    asked: list[Any] = []
    await silent(house, asked)
    rows = Rows()
    receiver = Receiver(house.bot, house.dispatcher, house.clock, leader=Leader(rows, house.clock, owner="first"))
    run = asyncio.create_task(receiver.run())
    await until(lambda: bool(asked))
    await asyncio.wait_for(Leader(rows, house.clock, owner="second").wait(), 5)
    run.cancel()
    await asyncio.gather(run, return_exceptions=True)


async def test_one_that_telegram_asks_to_wait_does_so_and_lets_no_other_ask(house: House, quickly, monkeypatch) -> None:
    monkeypatch.setattr(receiving, "UNANSWERED_SECONDS", 0.02)
    monkeypatch.setattr(receiving, "WATCH_SECONDS", 0.01)
    monkeypatch.setenv("PTB_TIMEDELTA", "1")
    house.api.fail("getUpdates", 429, "slow down", retry_after=60)
    rows, rebuilt = Rows(), receiving.REBUILT._value.get()
    leader = Leader(rows, house.clock, owner="first")
    receiver = Receiver(house.bot, house.dispatcher, house.clock, leader=leader, silent_seconds=0.05)
    run = asyncio.create_task(receiver.run())
    await until(lambda: len(house.api.sent("getUpdates")) == 1)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(Leader(rows, house.clock, owner="second").wait(), 0.5)
    assert len(house.api.sent("getUpdates")) == 1
    assert receiving.REBUILT._value.get() == rebuilt
    await receiver.stop()
    await run


async def test_one_that_was_stopped_while_it_waited_begins_no_poll_and_keeps_no_lease(house: House, quickly) -> None:
    rows = Rows()
    rows.database.run(lambda s: s.take_lease("polling", owner="x", at=AT, until=AT + timedelta(seconds=7)))
    receiver = Receiver(house.bot, house.dispatcher, house.clock, leader=Leader(rows, house.clock, owner="first"))
    run = asyncio.create_task(receiver.run())
    await until(lambda: receiver.seconds_since_poll == 0.0)
    await receiver.stop()
    rows.database.run(lambda s: s.drop_lease("polling", owner="x"))
    await asyncio.wait_for(run, 20)
    assert receiver.poller is None
    await asyncio.wait_for(Leader(rows, house.clock, owner="second").wait(), 5)


async def test_one_that_waits_outlives_a_database_that_is_down(quickly: None) -> None:
    """It would rest up to a minute before the next look, and nobody would poll meanwhile."""
    rows, failed = Rows(), leading.LEASE_ERRORS.labels("take")._value
    rows.down, before = True, failed.get()
    waiting = asyncio.create_task(Leader(rows, FrozenClock(AT), owner="first").wait())
    await until(lambda: failed.get() > before + 2)
    rows.down = False
    await asyncio.wait_for(waiting, 20)


async def test_while_the_database_is_down_the_lease_is_held_to_its_end_and_no_longer(quickly, monkeypatch) -> None:
    monkeypatch.setattr(leading, "LEASE_SECONDS", 0.2)
    rows = Rows()
    first = Leader(rows, FrozenClock(AT), owner="first")
    await first.wait()
    rows.down = True
    await asyncio.wait_for(first.keep(), 20)


async def test_when_the_shared_clock_was_set_its_holder_renews_before_another_may_take_over(quickly: None) -> None:
    """By it the lease is over; who looks first must not take it from one that is well."""
    rows, clock = Rows(), FrozenClock(AT)
    first, second = (Leader(rows, clock, owner=name) for name in ("first", "second"))
    await first.wait()
    rows.database.tables.put("shared_now", 1, AT + timedelta(hours=2))
    assert not await second._take()
    assert await first._take(), "which holds it on"
    clock.advance(timedelta(hours=2))
    assert not await second._take()


async def test_one_that_can_not_renew_polls_no_longer_than_its_lease(monkeypatch) -> None:
    monkeypatch.setattr(leading, "LEASE_SECONDS", 0.3)
    rows = Rows()
    first = Leader(rows, FrozenClock(AT), owner="first")
    await first.wait()
    taken = asyncio.get_running_loop().time()
    rows.down = True
    await asyncio.wait_for(first.keep(), 20)
    # RENEW_SECONDS is 2: it would be looked at only then.
    assert asyncio.get_running_loop().time() - taken < leading.RENEW_SECONDS


@pytest.mark.parametrize("step", ["wait", "give_up"])
async def test_a_database_that_answers_no_more_holds_up_no_leader(step: str, quickly: None, monkeypatch) -> None:
    monkeypatch.setattr(leading, "LEASE_SECONDS", 0.05)
    rows = Rows()
    transact, hanging = rows.transact, asyncio.Event()

    async def hangs(fn: Callable[[Any], Any]) -> Any:
        rows.transact = transact  # type: ignore[method-assign]
        await hanging.wait()

    rows.transact = hangs  # type: ignore[method-assign]
    await asyncio.wait_for(getattr(Leader(rows, FrozenClock(AT), owner="first"), step)(), 20)
