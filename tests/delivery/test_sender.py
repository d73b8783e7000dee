"""The running sender: nudges, capacity, leases, replicas, a database outage, stopping."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
import structlog

from bot.app.records.messages import Lane, OutboxState
from bot.clock import SandboxClock
from bot.delivery import outbox
from bot.delivery.budget import Capacity, Lease, claim_batch
from bot.delivery.lanes import TELEGRAM_LIMITS
from tests.fakes.outbox import UNLIMITED

from .stand_ins import AT, Post, until


@pytest.fixture
async def running(post: Post) -> AsyncIterator[Post]:
    task = asyncio.create_task(post.sender.run())
    yield post
    post.api.gate.set()
    await post.sender.stop()
    await task


async def test_nudge_sends_at_once(running, monkeypatch):
    monkeypatch.setattr(outbox, "IDLE_POLL_SECONDS", 3600)
    await until(lambda: running.database.transactions == 1)
    await asyncio.sleep(0)
    number = running.put("EMERGENCY", lane=Lane.RED_FLAG)
    running.sender.nudge()
    await until(lambda: running.state(number) is OutboxState.SENT)


async def test_nudge_during_a_claim_is_not_lost(post, monkeypatch):
    monkeypatch.setattr(outbox, "IDLE_POLL_SECONDS", 3600)
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


async def test_run_finds_due_messages_without_a_nudge(running, monkeypatch):
    monkeypatch.setattr(outbox, "IDLE_POLL_SECONDS", 0.001)
    number = running.put("later", not_before=AT + timedelta(seconds=5))
    await until(lambda: running.database.transactions > 3)
    running.later(seconds=5)
    await until(lambda: running.state(number) is OutboxState.SENT)


async def test_chats_next_message_follows_as_soon_as_one_is_recorded(running, monkeypatch):
    monkeypatch.setattr(outbox, "IDLE_POLL_SECONDS", 3600)
    number = running.put("EMERGENCY", lane=Lane.RED_FLAG)
    card = running.put("card", lane=Lane.RED_FLAG)
    running.sender.nudge()
    await until(lambda: running.state(card) is OutboxState.SENT)
    assert running.state(number) is OutboxState.SENT


async def test_results_that_arrive_together_share_a_transaction(post):
    post.sender = post.make_sender(limits=UNLIMITED)
    for chat in range(20):
        post.put("due", chat=chat + 1, lane=Lane.CHECKIN)
    post.api.gate.clear()
    await post.sender._claim()
    await until(lambda: len(post.api.calls) == 20)
    before = post.database.transactions
    post.api.gate.set()
    await until(lambda: post.sender.in_flight == 0)
    assert post.database.transactions - before <= 3


async def test_send_once_waits_for_in_flight_messages_of_the_loop(running):
    running.api.gate.clear()
    number = running.put("hello")
    running.sender.nudge()
    await until(lambda: len(running.api.calls) == 1)
    claim, claimed_by = running.sender._claim, []

    async def noted():
        batch = await claim()
        claimed_by.append(asyncio.current_task())
        return batch

    running.sender._claim = noted
    waiting = asyncio.create_task(running.send())
    await until(lambda: waiting in claimed_by)
    assert not waiting.done()
    running.api.gate.set()
    assert await waiting
    assert running.state(number) is OutboxState.SENT


# -- leases


async def test_in_flight_message_is_not_claimed_by_another_replica(post):
    post.put("hello")
    post.api.gate.clear()
    first = asyncio.create_task(post.send())
    await until(lambda: len(post.api.calls) == 1)
    other = post.make_sender(owner="two")
    assert not await other.send_once()
    post.api.gate.set()
    await first
    assert len(post.api.calls) == 1


async def test_expired_lease_is_claimed_by_another_and_sent_twice(post):
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


async def test_clock_jump_past_a_lease_sends_nothing_twice(post):
    post.put("hello")
    post.api.gate.clear()
    first = asyncio.create_task(post.send())
    await until(lambda: len(post.api.calls) == 1)
    post.later(days=1)
    assert not (await post.sender._claim()).messages
    assert len(post.api.calls) == 1
    post.api.gate.set()
    await first
    await post.send_all()
    assert len(post.api.calls) == 1


@pytest.mark.parametrize("hours", [-2, 2])
async def test_late_claim_is_released_and_repeated(post, hours):
    """The transaction hangs, or the clock jumps in it: for others the lease has expired and the message is theirs."""
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
    assert await post.make_sender(owner="two").send_once(), "no lease prevents it"
    assert post.texts == ["hello"]


async def test_released_claim_keeps_what_another_has_claimed_since(post):
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
    await until(lambda: not other.in_flight)
    assert post.texts == ["hello"]


@pytest.mark.parametrize("hours", [-2, 2])
async def test_clock_jump_during_claim_leaves_others_in_flight_alone(post, hours):
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
    assert not (await post.make_sender(owner="three")._claim()).messages, "the second still has it"
    post.api.gate.set()
    await until(lambda: not other.in_flight)
    assert post.texts == ["hello"]


def test_claim_that_waited_for_the_budget_uses_the_later_time(post):
    for chat in range(8):
        post.put("hello", chat=chat + 1)

    def claim(stores, owner):
        budget, waits = stores.limits.budget, [10]

        def first_waits():
            # Another replica holds it for ten seconds.
            if waits:
                post.later(seconds=waits.pop())
            return budget()

        stores.limits.budget = first_waits
        lease = Lease(owner, timedelta(seconds=60), frozenset())
        try:
            return claim_batch(stores, post.clock.now, Capacity(8, 0), lease, TELEGRAM_LIMITS).messages
        finally:
            del stores.limits.budget  # the database has one store for all its transactions

    had_it = AT + timedelta(seconds=10)
    assert len(post.database.run(lambda s: claim(s, "one"))) == TELEGRAM_LIMITS.burst
    assert (
        post.database.run(lambda s: s.limits.budget()).all_free_at
        == had_it + TELEGRAM_LIMITS.burst * TELEGRAM_LIMITS.interval
    )
    post.later(seconds=49)
    (found, *_) = post.database.run(lambda s: claim(s, "two"))
    assert found.claim.row.chat_id == TELEGRAM_LIMITS.burst + 1, "the first five are leased for 70 seconds"


async def test_card_that_goes_ahead_is_charged_to_the_bot_and_to_the_chat(post):
    post.put("emergency", lane=Lane.RED_FLAG)
    await post.send()
    assert [call.method for call in post.api.calls] == ["sendContact", "sendMessage"]
    charged = post.database.run(lambda s: s.limits.budget())
    assert charged.all_free_at == AT + 2 * timedelta(milliseconds=40), "25 calls a second"
    for name in ("third", "fourth"):
        post.put(name)
        await post.send()
    assert [call.method for call in post.api.calls].count("sendMessage") == 2, (
        "three at once in one chat, then one a second"
    )


async def test_every_card_of_a_batch_is_charged(post):
    for chat in range(5):
        post.put("emergency", chat=chat + 1, lane=Lane.RED_FLAG)
    await post.send()
    assert len(post.api.calls) == 10
    charged = post.database.run(lambda s: s.limits.budget())
    assert charged.all_free_at == AT + 10 * timedelta(milliseconds=40), "the next messages wait for what they went over"


async def test_replicas_share_one_budget(post):
    senders = [post.make_sender(owner=name) for name in ("one", "two", "three")]
    for chat in range(40):
        post.put("hello", chat=chat + 1)
    for sender in senders * 3:
        await sender.send_once()
    assert len(post.api.calls) == TELEGRAM_LIMITS.burst


# -- a database outage


async def test_run_survives_a_database_outage(running, monkeypatch):
    monkeypatch.setattr(outbox, "DATABASE_RETRY_SECONDS", 0.001)
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


async def test_unrecorded_result_is_kept_and_not_sent_again(post, monkeypatch):
    monkeypatch.setattr(outbox, "DATABASE_RETRY_SECONDS", 0.001)
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


async def test_stop_finishes_in_flight_and_claims_no_more(post):
    task = asyncio.create_task(post.sender.run())
    number = post.put("hello")
    post.api.gate.clear()
    post.sender.nudge()
    await until(lambda: len(post.api.calls) == 1)
    stopping = asyncio.create_task(post.sender.stop())
    await until(lambda: post.sender._stopping and not post.sender._claiming.locked())
    assert not stopping.done()
    late = post.put("late", chat=1)
    post.api.gate.set()
    await stopping
    await task
    assert post.state(number) is OutboxState.SENT
    assert post.state(late) is OutboxState.WAITING
    assert not await post.send()


async def test_stop_releases_what_does_not_end_in_time(post, monkeypatch):
    monkeypatch.setattr(outbox, "DRAIN_SECONDS", 0.01)
    stuck, done = post.put("stuck", chat=1), post.put("done", chat=2)
    post.api.gate.clear()
    post.api.held = {1}
    await post.sender._claim()
    await until(lambda: post.state(done) is OutboxState.SENT)
    await post.sender.stop()
    assert post.sender.in_flight == 0
    assert post.state(stuck) is OutboxState.WAITING
    post.api.gate.set()
    assert await post.make_sender(owner="two").send_once()
    assert post.state(stuck) is OutboxState.SENT


async def test_stop_records_results_after_a_database_outage(post, monkeypatch):
    monkeypatch.setattr(outbox, "DRAIN_SECONDS", 0.01)
    monkeypatch.setattr(outbox, "DATABASE_RETRY_SECONDS", 3600)
    number = post.put("hello")
    claim = post.sender._claim
    await claim()
    post.database.down = True
    await until(lambda: post.sender._recorder is not None and post.database.transactions == 2)
    post.database.down = False
    await post.sender.stop()
    assert post.state(number) is OutboxState.SENT


async def test_stop_ends_even_if_nothing_can_be_recorded(post, monkeypatch):
    monkeypatch.setattr(outbox, "DRAIN_SECONDS", 0.01)
    number = post.put("hello")
    post.api.gate.clear()
    await post.sender._claim()
    post.database.down = True
    await post.sender.stop()
    assert post.state(number) is OutboxState.WAITING


async def test_claim_made_while_stopping_is_finished(post):
    number = post.put("hello")
    claiming = asyncio.create_task(post.sender._claim())
    await asyncio.sleep(0)
    await post.sender.stop()
    await claiming
    assert post.state(number) is OutboxState.SENT


# -- the sandbox's clock


async def test_fast_clock_keeps_backoffs_and_leases_in_real_time(post):
    clock = SandboxClock(start=AT, speed=3600)
    post.clock = clock
    post.sender = post.make_sender()
    post.put("one", not_before=AT)
    number = post.put("two", not_before=AT)
    post.api.fail("sendMessage", 502, "Bad Gateway")
    await post.send()
    wait = post.row(number - 1).row.not_before - AT
    assert timedelta(seconds=0.5 * 3600) <= wait < timedelta(seconds=20 * 3600)
