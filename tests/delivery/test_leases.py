"""The messages a sender has in flight and those that the database says it has must not differ for long."""

import asyncio
import time
from datetime import timedelta

import pytest

from bot.app.ports.errors import StoreDownError
from bot.app.records.messages import Lane, OutboxState
from bot.delivery import outbox
from bot.delivery.outbox import CLAIM_PAUSE_SECONDS, _record_all

from .stand_ins import Post, until


async def in_flight_send(post: Post) -> "asyncio.Task[bool]":
    """Send the waiting messages; Telegram holds back its answer until the gate is set."""
    post.api.gate.clear()
    sending = asyncio.create_task(post.send())
    await until(lambda: bool(post.api.calls) and post.sender.in_flight == 1)
    return sending


async def test_released_message_is_not_leased_by_an_abandoned_claim(post):
    """The result is recorded, and the sender doesn't know yet, when another tap polls the outbox."""
    post.put("one", slot="s", mode="edit")
    await post.send()
    number = post.put("two", slot="s", mode="edit", revision=1)
    post.api.fail("editMessageText", 400, "Bad Request: message to edit not found")
    transact = post.database.transact

    async def nudged(fn):
        found = await transact(fn)
        if getattr(fn, "func", None) is _record_all:
            post.database.transact = transact
            await post.sender._claim()
        return found

    post.database.transact = nudged
    await post.send()
    post.later(seconds=1)
    await post.send_all()
    assert post.state(number) is OutboxState.SENT


async def test_red_flag_of_a_lost_claim_is_sent_at_the_next_poll(post):
    number, transact = post.put("EMERGENCY", lane=Lane.RED_FLAG), post.database.transact

    async def unheard(fn):
        await transact(fn)
        post.database.transact = transact
        raise StoreDownError

    post.database.transact = unheard
    with pytest.raises(StoreDownError):
        await post.send()
    assert post.row(number).owner == "one"
    await post.send()
    assert post.state(number) is OutboxState.SENT


async def test_in_flight_message_keeps_its_claim_during_a_release(post):
    first = post.put("hello", chat=1)
    sending = await in_flight_send(post)
    post.sender._has_uncertain_claims = True
    await post.sender._claim()
    assert post.row(first).owner == "one"
    post.api.gate.set()
    await sending
    assert post.texts == ["hello"]


@pytest.mark.parametrize("mode", ["new", "edit"])
@pytest.mark.parametrize("hours", [-2, 2])
async def test_newer_screen_waits_for_in_flight_after_a_clock_jump(post, mode, hours):
    """By that clock the lease has expired or is implausible; but its sender is this one, and it is running."""
    post.put("q0", slot="checkin:1")
    await post.send()
    post.later(seconds=10)
    post.put("q1", slot="checkin:1", mode=mode, revision=1, lane=Lane.CHECKIN)
    post.api.calls.clear()
    sending = await in_flight_send(post)
    post.later(hours=hours)
    post.put("q2", slot="checkin:1", mode="edit", revision=2)
    assert not (await post.sender._claim()).messages
    assert post.texts == ["q1"]
    post.api.gate.set()
    await sending
    post.later(hours=abs(hours))
    await post.send_all()
    assert post.texts == ["q1", "q2"]


async def test_in_flight_lease_is_renewed_even_without_capacity(seconds, post):
    post.sender = post.make_sender(concurrency=1, lease_seconds=0.2)
    number = post.put("hello")
    sending = await in_flight_send(post)
    for _ in range(4):
        seconds.at += 0.06
        post.later(seconds=0.06)
        await post.sender._claim()
    assert post.row(number).leased_until > post.clock.now(), "otherwise it would have expired"
    post.api.gate.set()
    await sending


async def test_sender_that_renews_continues_claiming(seconds, post):
    sender = post.make_sender(shared=True, lease_seconds=0.2)
    seconds.at += 0.06
    assert not (await sender._claim()).messages
    post.put("hello")
    assert (await sender._claim()).messages


async def test_database_outage_pauses_claiming_until_all_renew(seconds, post):
    one = post.sender = post.make_sender(owner="one", shared=True, lease_seconds=0.4)
    two = post.make_sender(owner="two", shared=True, lease_seconds=0.4)
    post.put("hello")
    sending = await in_flight_send(post)
    post.database.down = True
    seconds.at += 0.25
    post.later(seconds=0.5)
    for each in (one, two):
        with pytest.raises(ConnectionError):
            await each._claim()
    post.database.down = False
    assert not (await two._claim()).messages, (
        "the lease has expired, but its holder may only have lost the database, too"
    )
    await one._claim()
    seconds.at += CLAIM_PAUSE_SECONDS
    assert not (await two._claim()).messages, "its holder has renewed it by now"
    post.api.gate.set()
    await sending
    assert post.texts == ["hello"]


async def test_suspended_sender_does_not_send_its_claimed_message(post, monkeypatch):
    """Another sender may have sent the message meanwhile, and a newer screen after it."""
    number, render = post.put("hello"), post.sender._rendered

    async def halted(claim):
        rendered = await render(claim)
        later = time.monotonic() + 60
        monkeypatch.setattr(outbox.time, "monotonic", lambda: later)
        return rendered

    monkeypatch.setattr(post.sender, "_rendered", halted)
    await post.send()
    assert post.api.calls == []
    assert post.state(number) is OutboxState.WAITING
    monkeypatch.undo()
    await post.send()
    assert post.state(number) is OutboxState.SENT


async def test_red_flag_is_not_delayed_by_a_second_bot_wide_429(post):
    number = post.put("EMERGENCY", lane=Lane.RED_FLAG)
    for _ in range(2):
        post.api.fail("sendMessage", 429, "Too Many Requests: retry after 60", retry_after=60)
    for _ in range(10):
        await post.send()
        post.later(seconds=1)
    assert post.state(number) is OutboxState.SENT


# -- the shared clock


def shared_clock_shows(post: Post, time_shown) -> None:
    post.database.shared_now = time_shown


async def test_leases_use_the_shared_clock(post):
    number = post.put("hello")
    shared_clock_shows(post, post.clock.now() + timedelta(seconds=1))
    sending = await in_flight_send(post)
    assert post.row(number).leased_until == post.clock.now() + timedelta(seconds=61)
    post.api.gate.set()
    await sending


@pytest.mark.parametrize("hours", [-2, 2])
async def test_shared_clock_jump_pauses_claiming_until_all_renew(seconds, post, hours):
    one = post.sender = post.make_sender(owner="one", shared=True)
    two = post.make_sender(owner="two", shared=True)
    post.put("hello")
    sending = await in_flight_send(post)
    shared_clock_shows(post, post.clock.now() + timedelta(hours=hours))
    assert not (await two._claim()).messages, "no sender knows of the jump yet, and by that clock the lease has expired"
    post.later(hours=hours)
    assert not (await two._claim()).messages, "its claiming is paused"
    await one._claim()
    seconds.at += CLAIM_PAUSE_SECONDS
    assert not (await two._claim()).messages, "the first has renewed its lease"
    post.put("more", chat=2)
    await two._claim()
    post.api.gate.set()
    await sending
    await until(lambda: not two.in_flight)
    assert post.texts == ["hello", "more"]


async def test_renewal_uses_the_shared_clock_before_ours_is_synced(post):
    number = post.put("hello")
    sending = await in_flight_send(post)
    shared = post.clock.now() + timedelta(hours=2)
    shared_clock_shows(post, shared)
    for _ in range(2):
        assert not (await post.sender._claim()).messages
    assert post.row(number).leased_until == shared + timedelta(seconds=60)
    post.api.gate.set()
    await sending


async def test_sender_with_a_slow_clock_claims_nothing_until_synced(post):
    post.put("hello")
    shared_clock_shows(post, post.clock.now() + timedelta(seconds=70))
    assert not await post.send()
    post.later(seconds=70)
    assert await post.send()
