"""Three senders at once on one PostgreSQL: nothing twice, nothing out of order, one budget."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest

from bot.app.store import Lane
from bot.db.engine import open_database
from bot.delivery.lanes import PUBLISHED, UNLIMITED
from tests.fakes.databases import KEYRING, Postgres, postgres_server

from .stand_ins import Post, until

CHATS = 40


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    with postgres_server() as server:
        yield server


@pytest.fixture
async def shared(postgres: Postgres) -> AsyncIterator[Post]:
    """A Post on PostgreSQL, whose senders work side by side on a pool of connections."""
    post = Post()
    post.database = open_database(postgres.emptied(), KEYRING)
    yield post
    await post.database.close()


async def test_each_message_goes_out_once_and_each_chats_in_order(shared):
    for name in ("first", "second"):
        for chat in range(CHATS):
            shared.put(name, chat=chat + 1, lane=Lane.CHECKIN)
    senders = [shared.make_sender(owner=name, pace=UNLIMITED) for name in ("one", "two", "three")]
    running = [asyncio.create_task(sender.run()) for sender in senders]
    await until(lambda: len(shared.api.calls) >= 2 * CHATS and not any(sender.under_way for sender in senders))
    for sender in senders:
        await sender.stop()
    await asyncio.gather(*running)
    sent = list(zip((call.chat for call in shared.api.calls), shared.texts, strict=True))
    assert [[text for chat, text in sent if chat == number + 1] for number in range(CHATS)] == [
        ["first", "second"]
    ] * CHATS


async def test_the_budget_is_one(shared):
    for chat in range(CHATS):
        shared.put("hello", chat=chat + 1)
    senders = [shared.make_sender(owner=name) for name in ("one", "two", "three")]
    await asyncio.gather(*(sender.send_once() for sender in senders * 2))
    assert len(shared.api.calls) == PUBLISHED.burst
