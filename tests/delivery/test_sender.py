"""The sender as it runs: nudges, slots, leases, replicas, a database that is away, stopping."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
import structlog

from bot.app.store import Lane, OutboxState
from bot.clock import SandboxClock
from bot.delivery import outbox
from bot.delivery.budget import Lease, Slots, take
from bot.delivery.lanes import PUBLISHED, UNLIMITED

from .stand_ins import AT, Post, until


@pytest.fixture
async def running(post: Post) -> AsyncIterator[Post]:
    task = asyncio.create_task(post.sender.run())
    yield post
    post.api.gate.set()
    await post.sender.stop()
    await task


async def test_a_nudge_sends_at_once(running, monkeypatch):
    monkeypatch.setattr(outbox, "IDLE_SECONDS", 3600)
    await until(lambda: running.database.transactions == 1)
    await asyncio.sleep(0)
    number = running.put("EMERGENCY", lane=Lane.RED_FLAG)
    running.sender.nudge()
    await until(lambda: running.state(number) is OutboxState.SENT)


async def test_a_nudge_during_a_claim_is_not_lost(post, monkeypatch):
    monkeypatch.setattr(outbox, "IDLE_SECONDS", 3600)
    number = None
    claim = post.sender._claim

    async def slow_claim():
        nonlocal number
        found = await claim()
        if number is None:
            number = post.put("EMERGENCY", lane=Lane.RED_FLAG)
            post.sender.nudge()
        return found

    monkeypatch.setattr(post.sender, "_claim", slow_claim)
    task = asyncio.create_task(post.sender.run())
    await until(lambda: number is not None and post.state(number) is OutboxState.SENT)
    await post.sender.stop()
    await task


async def test_what_falls_due_by_itself_is_found_without_a_nudge(running, monkeypatch):
    monkeypatch.setattr(outbox, "IDLE_SECONDS", 0.001)
    number = running.put("later", not_before=AT + timedelta(seconds=5))
    await until(lambda: running.database.transactions > 3)
    running.later(seconds=5)
    await until(lambda: running.state(number) is OutboxState.SENT)


async def test_a_message_behind_another_of_its_chat_goes_as_soon_as_that_is_written_down(running, monkeypatch):
    monkeypatch.setattr(outbox, "IDLE_SECONDS", 3600)
    number = running.put("EMERGENCY", lane=Lane.RED_FLAG)
    card = running.put("card", lane=Lane.RED_FLAG)
    running.sender.nudge()
    await until(lambda: running.state(card) is OutboxState.SENT)
    assert running.state(number) is OutboxState.SENT


async def test_ends_that_come_together_share_a_transaction(post):
    post.sender = post.make_sender(pace=UNLIMITED)
    for chat in range(20):
        post.put("due", chat=chat + 1, lane=Lane.CHECKIN)
    post.api.gate.clear()
    await post.sender._claim()
    await until(lambda: len(post.api.calls) == 20)
    before = post.database.transactions
    post.api.gate.set()
    await until(lambda: post.sender.under_way == 0)
    assert post.database.transactions - before <= 3


async def test_send_once_waits_for_what_another_loop_has_under_way(running):
    running.api.gate.clear()
    number = running.put("hello")
    running.sender.nudge()
    await until(lambda: len(running.api.calls) == 1)
    waiting = asyncio.create_task(running.send())
    await asyncio.sleep(0.01)
    assert not waiting.done()
    running.api.gate.set()
    assert await waiting
    assert running.state(number) is OutboxState.SENT


# -- leases


async def test_what_one_replica_has_under_way_no_other_takes(post):
    post.put("hello")
    post.api.gate.clear()
    first = asyncio.create_task(post.send())
    await until(lambda: len(post.api.calls) == 1)
    other = post.make_sender(owner="two")
    assert not await other.send_once()
    post.api.gate.set()
    await first
    assert len(post.api.calls) == 1


async def test_a_lease_that_ran_out_is_taken_by_another_and_the_message_doubled_not_lost(post):
    number = post.put("hello")
    post.api.gate.clear()
    lost = asyncio.create_task(post.send())
    await until(lambda: len(post.api.calls) == 1)
    other = post.make_sender(owner="two")
    post.later(seconds=59)
    assert not await other.send_once()
    post.later(seconds=1)
    post.api.gate.set()
    assert await other.send_once()
    await lost
    assert post.texts == ["hello", "hello"]
    assert post.state(number) is OutboxState.SENT
    post.later(days=1)
    assert not await other.send_once()


async def test_a_clock_that_jumps_past_a_lease_doubles_nothing_in_the_same_process(post):
    post.put("hello")
    post.api.gate.clear()
    first = asyncio.create_task(post.send())
    await until(lambda: len(post.api.calls) == 1)
    post.later(days=1)
    await post.sender._claim()
    await asyncio.sleep(0.01)
    assert len(post.api.calls) == 1
    post.api.gate.set()
    await first
    await post.send_all()
    assert len(post.api.calls) == 1


@pytest.mark.parametrize("hours", [-2, 2])
async def test_a_claim_that_comes_when_it_may_be_over_is_let_go_and_made_again(post, hours):
    """A transaction that hangs, or a clock that is set in it: to others that lease is over, and the message theirs."""
    number = post.put("hello")
    transact = post.database.transact

    async def hanging(fn):
        found = await transact(fn)
        post.later(hours=hours)
        post.database.transact = transact
        return found

    post.database.transact = hanging
    assert not await post.sender.send_once()
    assert post.api.calls == []
    assert post.state(number) is OutboxState.WAITING
    post.later(hours=-min(hours, 0))
    assert await post.make_sender(owner="two").send_once(), "no lease stands in the way"
    assert post.texts == ["hello"]


async def test_a_claim_let_go_leaves_alone_what_another_has_taken_since(post):
    post.put("hello")
    transact, other = post.database.transact, post.make_sender(owner="two")

    async def hanging(fn):
        post.database.transact = transact
        found = await transact(fn)
        post.later(hours=2)
        await other._claim()
        return found

    post.database.transact = hanging
    post.api.gate.clear()
    assert not await post.sender.send_once()
    assert not await post.make_sender(owner="three").send_once(), "the second still has it"
    post.api.gate.set()
    await until(lambda: not other.under_way)
    assert post.texts == ["hello"]


@pytest.mark.parametrize("hours", [-2, 2])
async def test_a_clock_set_while_a_claim_waits_takes_nothing_out_of_anothers_hand(post, hours):
    post.put("hello")
    other, transact = post.make_sender(owner="two"), post.database.transact
    post.api.gate.clear()
    await other._claim()

    async def set_meanwhile(fn):
        post.later(hours=hours)
        return await transact(fn)

    post.database.transact = set_meanwhile
    assert not await post.sender.send_once()
    post.database.transact = transact
    post.later(hours=-hours)
    assert not (await post.make_sender(owner="three")._claim()).taken, "the second still has it"
    post.api.gate.set()
    await until(lambda: not other.under_way)
    assert post.texts == ["hello"]


def test_a_claim_that_waited_for_the_budget_spends_it_from_then_on(post):
    for chat in range(8):
        post.put("hello", chat=chat + 1)

    def claim(store, owner):
        budget = store.limiter
        # Another replica has it for ten seconds.
        store.limiter = lambda: (post.later(seconds=10), budget())[1]
        lease = Lease(owner, timedelta(seconds=60), frozenset())
        return take(store, post.clock.now, Slots(8, 0), lease, PUBLISHED).taken

    had_it = AT + timedelta(seconds=10)
    assert len(post.database.run(lambda s: claim(s, "one"))) == PUBLISHED.burst
    assert post.database.run(lambda s: s.limiter()).all_free_at == had_it + PUBLISHED.burst * PUBLISHED.every
    post.later(seconds=49)
    (found, *_) = post.database.run(lambda s: claim(s, "two"))
    assert found.claim.row.chat_id == PUBLISHED.burst + 1, "the first five are leased until 70 seconds are over"


async def test_replicas_share_one_budget(post):
    senders = [post.make_sender(owner=name) for name in ("one", "two", "three")]
    for chat in range(40):
        post.put("hello", chat=chat + 1)
    for sender in senders * 3:
        await sender.send_once()
    assert len(post.api.calls) == PUBLISHED.burst


# -- a database that is away


async def test_the_loop_outlives_a_database_that_is_away(running, monkeypatch):
    monkeypatch.setattr(outbox, "DATABASE_WAIT_SECONDS", 0.001)
    await until(lambda: running.database.transactions > 0)
    running.database.down = True
    before = running.database.transactions
    with structlog.testing.capture_logs() as logs:
        running.sender.nudge()
        await until(lambda: running.database.transactions > before + 3)
    assert logs[0]["action"] == "sender_failed"
    assert "secret" not in str(logs)
    running.database.down = False
    number = running.put("hello")
    await until(lambda: running.state(number) is OutboxState.SENT)


async def test_an_end_that_cannot_be_written_is_kept_and_the_message_not_sent_again(post, monkeypatch):
    monkeypatch.setattr(outbox, "DATABASE_WAIT_SECONDS", 0.001)
    number = post.put("hello")
    post.api.gate.clear()
    sending = asyncio.create_task(post.send())
    await until(lambda: len(post.api.calls) == 1)
    post.database.down = True
    before = post.database.transactions
    post.api.gate.set()
    await until(lambda: post.database.transactions > before + 3)
    post.database.down = False
    await sending
    assert post.state(number) is OutboxState.SENT
    assert len(post.api.calls) == 1


# -- stopping


async def test_stop_finishes_what_is_under_way_and_claims_no_more(post):
    task = asyncio.create_task(post.sender.run())
    number = post.put("hello")
    post.api.gate.clear()
    post.sender.nudge()
    await until(lambda: len(post.api.calls) == 1)
    stopping = asyncio.create_task(post.sender.stop())
    await asyncio.sleep(0.01)
    assert not stopping.done()
    late = post.put("late", chat=1)
    post.api.gate.set()
    await stopping
    await task
    assert post.state(number) is OutboxState.SENT
    assert post.state(late) is OutboxState.WAITING
    assert not await post.send()


async def test_stop_gives_back_what_does_not_end_in_time(post, monkeypatch):
    monkeypatch.setattr(outbox, "FINISH_SECONDS", 0.01)
    stuck, done = post.put("stuck", chat=1), post.put("done", chat=2)
    post.api.gate.clear()
    post.api.held = {1}
    await post.sender._claim()
    await until(lambda: post.state(done) is OutboxState.SENT)
    await post.sender.stop()
    assert post.sender.under_way == 0
    assert post.state(stuck) is OutboxState.WAITING
    post.api.gate.set()
    assert await post.make_sender(owner="two").send_once()
    assert post.state(stuck) is OutboxState.SENT


async def test_stop_writes_down_what_telegram_took_while_the_database_was_away(post, monkeypatch):
    monkeypatch.setattr(outbox, "FINISH_SECONDS", 0.01)
    monkeypatch.setattr(outbox, "DATABASE_WAIT_SECONDS", 3600)
    number = post.put("hello")
    claim = post.sender._claim
    await claim()
    post.database.down = True
    await until(lambda: post.sender._writer is not None and post.database.transactions == 2)
    post.database.down = False
    await post.sender.stop()
    assert post.state(number) is OutboxState.SENT


async def test_stop_ends_even_if_nothing_can_be_written(post, monkeypatch):
    monkeypatch.setattr(outbox, "FINISH_SECONDS", 0.01)
    number = post.put("hello")
    post.api.gate.clear()
    await post.sender._claim()
    post.database.down = True
    await post.sender.stop()
    assert post.state(number) is OutboxState.WAITING


async def test_a_claim_that_is_made_while_stopping_is_finished_too(post):
    number = post.put("hello")
    claiming = asyncio.create_task(post.sender._claim())
    await asyncio.sleep(0)
    await post.sender.stop()
    await claiming
    assert post.state(number) is OutboxState.SENT


# -- the sandbox's clock


async def test_at_a_fast_clock_waits_and_leases_are_real_time(post):
    clock = SandboxClock(start=AT, speed=3600)
    post.clock = clock
    post.sender = post.make_sender()
    post.put("one", not_before=AT)
    number = post.put("two", not_before=AT)
    post.api.fail("sendMessage", 502, "Bad Gateway")
    await post.send()
    wait = post.row(number - 1).row.not_before - AT
    assert timedelta(seconds=0.5 * 3600) <= wait < timedelta(seconds=20 * 3600)
