"""What a sender has in hand, and what the database believes it has: they must not part for long."""

import asyncio
import time
from datetime import timedelta

import pytest

from bot.app.store import Lane, OutboxState
from bot.app.store_errors import StoreDownError
from bot.delivery import outbox
from bot.delivery.outbox import _write_all

from .stand_ins import Post, until


async def in_the_air(post: Post) -> "asyncio.Task[bool]":
    """Send what waits; Telegram holds its answer back until the gate is set."""
    post.api.gate.clear()
    sending = asyncio.create_task(post.send())
    await until(lambda: bool(post.api.calls) and post.sender.under_way == 1)
    return sending


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "REST_SECONDS", 0.05)


async def test_a_message_given_back_is_not_leased_by_a_claim_that_will_not_send_it(post):
    """Its end is written, and not yet heard of, when another tap has the outbox looked at."""
    post.put("one", slot="s", mode="edit")
    await post.send()
    number = post.put("two", slot="s", mode="edit", revision=1)
    post.api.fail("editMessageText", 400, "Bad Request: message to edit not found")
    transact = post.database.transact

    async def nudged(fn):
        found = await transact(fn)
        if getattr(fn, "func", None) is _write_all:
            post.database.transact = transact
            await post.sender._claim()
        return found

    post.database.transact = nudged
    await post.send()
    post.later(seconds=1)
    await post.send_all()
    assert post.state(number) is OutboxState.SENT


async def test_a_red_flag_whose_claim_was_committed_unheard_goes_out_at_the_next_look(post):
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


async def test_what_is_in_the_air_stays_so_while_such_a_claim_is_let_go(post):
    first = post.put("hello", chat=1)
    sending = await in_the_air(post)
    post.sender._unsure = True
    await post.sender._claim()
    assert post.row(first).owner == "one"
    post.api.gate.set()
    await sending
    assert post.texts == ["hello"]


@pytest.mark.parametrize("mode", ["new", "edit"])
@pytest.mark.parametrize("hours", [-2, 2])
async def test_a_newer_screen_waits_for_one_in_the_air_though_the_clock_was_set(post, mode, hours):
    """To that clock the lease is over, or of a wrong clock; but its sender is this one, and alive."""
    post.put("q0", slot="checkin:1")
    await post.send()
    post.later(seconds=10)
    post.put("q1", slot="checkin:1", mode=mode, revision=1, lane=Lane.CHECKIN)
    post.api.calls.clear()
    sending = await in_the_air(post)
    post.later(hours=hours)
    post.put("q2", slot="checkin:1", mode="edit", revision=2)
    await post.sender._claim()
    await asyncio.sleep(0.01)
    assert post.texts == ["q1"]
    post.api.gate.set()
    await sending
    post.later(hours=abs(hours))
    await post.send_all()
    assert post.texts == ["q1", "q2"]


async def test_a_lease_is_renewed_while_its_message_is_in_the_air_also_with_no_place_free(post):
    post.sender = post.make_sender(concurrency=1, lease_seconds=0.2)
    number = post.put("hello")
    sending = await in_the_air(post)
    for _ in range(4):
        await asyncio.sleep(0.06)
        post.later(seconds=0.06)
        await post.sender._claim()
    assert post.row(number).leased_until > post.clock.now(), "it would have been over"
    post.api.gate.set()
    await sending


async def test_one_that_renews_goes_on_claiming(post):
    sender = post.make_sender(shared=True, lease_seconds=0.2)
    await asyncio.sleep(0.06)
    assert not (await sender._claim()).taken
    post.put("hello")
    assert (await sender._claim()).taken


async def test_after_the_database_was_away_each_says_what_it_has_before_any_claims(post, soon):
    one = post.sender = post.make_sender(owner="one", shared=True, lease_seconds=0.4)
    two = post.make_sender(owner="two", shared=True, lease_seconds=0.4)
    post.put("hello")
    sending = await in_the_air(post)
    post.database.down = True
    await asyncio.sleep(0.25)
    post.later(seconds=0.5)
    for each in (one, two):
        with pytest.raises(ConnectionError):
            await each._claim()
    post.database.down = False
    assert not (await two._claim()).taken, "the lease is over, but its holder may only have been cut off, too"
    await one._claim()
    await asyncio.sleep(0.06)
    assert not (await two._claim()).taken, "it has said so by now"
    post.api.gate.set()
    await sending
    assert post.texts == ["hello"]


async def test_one_that_was_halted_with_a_message_in_hand_sends_it_no_more(post, monkeypatch):
    """Another may have sent it meanwhile, and a newer screen after it."""
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


async def test_a_red_flag_is_not_held_by_a_second_429_of_a_bot_that_is_stopped(post):
    number = post.put("EMERGENCY", lane=Lane.RED_FLAG)
    for _ in range(2):
        post.api.fail("sendMessage", 429, "Too Many Requests: retry after 60", retry_after=60)
    for _ in range(10):
        await post.send()
        post.later(seconds=1)
    assert post.state(number) is OutboxState.SENT


# -- the clock that replicas share


def shared_clock_shows(post: Post, moment) -> None:
    post.database.tables.put("shared_now", 1, moment)


async def test_leases_go_by_the_shared_clock(post):
    number = post.put("hello")
    shared_clock_shows(post, post.clock.now() + timedelta(seconds=1))
    sending = await in_the_air(post)
    assert post.row(number).leased_until == post.clock.now() + timedelta(seconds=61)
    post.api.gate.set()
    await sending


@pytest.mark.parametrize("hours", [-2, 2])
async def test_a_shared_clock_that_was_set_lets_nobody_claim_before_each_has_said_what_it_has(post, soon, hours):
    one = post.sender = post.make_sender(owner="one", shared=True)
    two = post.make_sender(owner="two", shared=True)
    post.put("hello")
    sending = await in_the_air(post)
    shared_clock_shows(post, post.clock.now() + timedelta(hours=hours))
    assert not (await two._claim()).taken, "nobody knows yet that it was set, and by it the lease is over"
    post.later(hours=hours)
    assert not (await two._claim()).taken, "it rests"
    await one._claim()
    await asyncio.sleep(0.06)
    assert not (await two._claim()).taken, "the first has said so"
    post.put("more", chat=2)
    await two._claim()
    post.api.gate.set()
    await sending
    await until(lambda: not two.under_way)
    assert post.texts == ["hello", "more"]


async def test_what_is_in_hand_is_said_by_the_shared_clock_though_ours_does_not_know_it_yet(post):
    number = post.put("hello")
    sending = await in_the_air(post)
    shared = post.clock.now() + timedelta(hours=2)
    shared_clock_shows(post, shared)
    for _ in range(2):
        assert not (await post.sender._claim()).taken
    assert post.row(number).leased_until == shared + timedelta(seconds=60)
    post.api.gate.set()
    await sending


async def test_one_whose_clock_is_behind_the_shared_one_claims_nothing_until_it_is_right(post):
    post.put("hello")
    shared_clock_shows(post, post.clock.now() + timedelta(seconds=70))
    assert not await post.send()
    post.later(seconds=70)
    assert await post.send()
