"""Three senders at once on one PostgreSQL: no duplicates, no reordering, one budget."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest

from bot.app.records.messages import Lane
from bot.db.opening import open_database
from bot.delivery.lanes import TELEGRAM_LIMITS
from bot.delivery.outbox import CLAIM_PAUSE_SECONDS
from tests.fakes.databases import KEYRING, Postgres, postgres_server
from tests.fakes.outbox import UNLIMITED

from .stand_ins import Post, until

CHATS = 40


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    with postgres_server() as server:
        yield server


@pytest.fixture
async def shared(postgres: Postgres) -> AsyncIterator[Post]:
    """A Post on PostgreSQL, whose senders run concurrently on a pool of connections."""
    post = Post()
    post.database = open_database(postgres.emptied(), KEYRING)
    yield post
    await post.database.close()


async def test_each_message_is_sent_once_and_in_the_chats_order(shared):
    for name in ("first", "second"):
        for chat in range(CHATS):
            shared.put(name, chat=chat + 1, lane=Lane.CHECKIN)
    senders = [shared.make_sender(owner=name, limits=UNLIMITED) for name in ("one", "two", "three")]
    running = [asyncio.create_task(sender.run()) for sender in senders]
    await until(lambda: len(shared.api.calls) >= 2 * CHATS and not any(sender.in_flight for sender in senders))
    for sender in senders:
        await sender.stop()
    await asyncio.gather(*running)
    sent = list(zip((call.chat for call in shared.api.calls), shared.texts, strict=True))
    assert [[text for chat, text in sent if chat == number + 1] for number in range(CHATS)] == [
        ["first", "second"]
    ] * CHATS


async def test_replicas_together_stay_within_one_budget(shared):
    for chat in range(CHATS):
        shared.put("hello", chat=chat + 1)
    senders = [shared.make_sender(owner=name) for name in ("one", "two", "three")]
    await asyncio.gather(*(sender.send_once() for sender in senders * 2))
    assert len(shared.api.calls) == TELEGRAM_LIMITS.burst


async def away(_fn):
    raise ConnectionError("the database is away")


@pytest.mark.parametrize("hours", [-2, 2])
async def test_clock_jump_sends_no_in_flight_message_of_another(seconds, shared, monkeypatch, hours):
    shared.put("in hand", chat=1)
    one, two = (shared.make_sender(owner=name, shared=True) for name in ("one", "two"))
    held = asyncio.Event()
    ask = shared.api.do_request

    async def held_up(*args, **kwargs):
        await held.wait()
        return await ask(*args, **kwargs)

    monkeypatch.setattr(shared.api, "do_request", held_up)
    sending = asyncio.create_task(one.send_once())
    await until(lambda: one.in_flight == 1)
    assert not await two.send_once(), "the first has it in flight"
    shared.later(hours=hours)
    transact = shared.database.transact
    monkeypatch.setattr(shared.database, "transact", away)
    for each in (one, two):
        with pytest.raises(ConnectionError):
            await each._claim()
    monkeypatch.setattr(shared.database, "transact", transact)
    assert not await two.send_once(), "claiming is paused: by this clock the other's lease may have expired"
    claiming = asyncio.create_task(one.send_once())
    await until(lambda: not one._must_pause)
    seconds.at += CLAIM_PAUSE_SECONDS
    assert not await two.send_once(), "by now the first has renewed its leases"
    held.set()
    await asyncio.gather(sending, claiming)
    assert shared.texts == ["in hand"]


async def test_lane_order_holds_across_replicas(shared):
    for chat in range(CHATS):
        shared.put("check-in", chat=chat + 1, lane=Lane.CHECKIN)
    senders = [shared.make_sender(owner=name) for name in ("one", "two", "three")]
    await asyncio.gather(*(sender.send_once() for sender in senders * 2))
    assert shared.texts == ["check-in"] * TELEGRAM_LIMITS.bulk_burst, (
        "the rest of the burst is reserved for urgent lanes"
    )
    shared.put("call", chat=CHATS + 1, lane=Lane.RED_FLAG)
    await asyncio.gather(*(sender.send_once() for sender in senders))
    assert shared.texts[TELEGRAM_LIMITS.bulk_burst :] == ["call"], "before everything that waited longer"
