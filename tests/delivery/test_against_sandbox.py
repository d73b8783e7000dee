"""The sender over HTTP against the sandbox with Telegram's limits enabled, on a SQLite file."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bot.app.records.messages import Lane, Outbox, OutboxState
from bot.app.work import Stores
from bot.clock import SandboxClock
from bot.core.screen import Screen, Text
from bot.delivery.outbox import Sender
from bot.delivery.quiet_bot import make_bot
from bot.sandbox.server import SANDBOX_TOKEN, SandboxServer
from tests.fakes.databases import sqlite_database
from tests.fakes.outbox import message_counts
from tests.polling import until

from .stand_ins import AT, CONTACT, render


class Town:
    """A sandbox, a database and a sender that connects them."""

    def __init__(self, server: SandboxServer, database: Any, sender: Sender, gone: list[int]) -> None:
        self.box = server.sandbox
        self.clock = server.sandbox.clock
        self.database = database
        self.sender = sender
        self.gone = gone

    def person(self, name: str) -> Any:
        made = self.box.person(name)
        self.box.say(made, "/start")
        return made

    async def put(self, person: Any, name: str, *, lane: Lane = Lane.REPLY, mode: str = "new", slot: str = "s") -> None:
        now = self.clock.now()
        contact = CONTACT if name == "card" else None
        row = Outbox(
            patient_id=None,
            chat_id=person.id,
            language="en",
            lane=lane,
            slot=slot,
            mode=mode,
            revision=0,
            screen=Screen(name=name, lines=(Text(key=name),), contact=contact),
            created_at=now,
            not_before=now,
        )
        await self.database.transact(lambda stores: stores.outbox.enqueue(row))

    async def count(self, state: OutboxState) -> int:
        counts = await self.database.read(message_counts)
        return sum(number for (_, found), number in counts.items() if found is state)

    def texts(self, person: Any) -> list[str]:
        messages = self.box.messages(self.box.chat(person))
        own = [message for message in messages if message["from"]["is_bot"]]
        return [message.get("text", "card") for message in own]


@pytest.fixture
async def town(tmp_path: Path) -> AsyncIterator[Town]:
    database = sqlite_database(tmp_path / "bot.db")
    server = SandboxServer(SandboxClock(start=AT))
    bot = make_bot(SANDBOX_TOKEN, await server.start())
    await bot.request.initialize()
    gone: list[int] = []

    def on_chat_unreachable(stores: Stores, chat_id: int, at: Any) -> None:
        gone.append(chat_id)

    yield Town(
        server, database, Sender(database, bot, render, server.sandbox.clock, on_chat_unreachable, owner="one"), gone
    )
    await bot.request.shutdown()
    await server.stop()
    await database.close()


async def test_call_screen_with_card_is_sent_then_edited(town):
    ann = town.person("Ann")
    await town.put(ann, "EMERGENCY", lane=Lane.RED_FLAG)
    await town.put(ann, "card", lane=Lane.RED_FLAG, slot="c")
    while await town.sender.send_once():
        pass
    assert town.texts(ann) == ["EMERGENCY & en", "card"]
    await town.put(ann, "NOTED", mode="edit")
    assert await town.sender.send_once()
    assert town.texts(ann) == ["NOTED & en", "card"]
    await town.put(ann, "NOTED", mode="edit")
    town.clock.advance(timedelta(seconds=10))
    assert await town.sender.send_once()
    assert await town.count(OutboxState.SENT) == 4


async def test_message_deleted_by_the_person_is_resent_as_new(town):
    ann = town.person("Ann")
    await town.put(ann, "one", mode="edit")
    await town.sender.send_once()
    town.box.chat(ann).messages.clear()
    await town.put(ann, "two", mode="edit")
    while await town.sender.send_once():
        pass
    assert town.texts(ann) == ["two & en"]
    assert await town.count(OutboxState.SENT) == 2


@pytest.mark.parametrize("what", ["block", "deactivate"])
async def test_unreachable_chat_is_reported_once(town, what):
    ann = town.person("Ann")
    getattr(town.box, what)(ann)
    await town.put(ann, "hello")
    while await town.sender.send_once():
        pass
    assert town.gone == [ann.id]
    assert await town.count(OutboxState.FAILED) == 1


async def test_unknown_chat_is_reported_as_unreachable(town):
    await town.put(SimpleNamespace(id=4711), "hello")
    await town.sender.send_once()
    assert town.gone == [4711]


async def test_lost_answer_sends_the_message_twice_never_loses_it(town):
    ann = town.person("Ann")
    town.box.faults.add("reply_lost", methods=["sendMessage"], count=1)
    await town.put(ann, "hello", lane=Lane.RED_FLAG)
    await town.sender.send_once()
    town.clock.advance(timedelta(seconds=1))
    await town.sender.send_once()
    assert town.texts(ann) == ["hello & en"] * 2
    assert not await town.sender.send_once()


async def test_429_of_the_server_is_respected(town):
    ann = town.person("Ann")
    town.box.faults.add("429", methods=["sendMessage"], count=1, retry_after=9)
    await town.put(ann, "due", lane=Lane.CHECKIN)
    await town.sender.send_once()
    town.clock.advance(timedelta(seconds=8))
    assert not await town.sender.send_once()
    town.clock.advance(timedelta(seconds=1))
    assert await town.sender.send_once()
    assert town.texts(ann) == ["due & en"]


async def test_full_speed_never_exceeds_the_published_limit(town):
    people = [town.person(f"P{number}") for number in range(40)]
    for person in people[:34]:
        await town.put(person, "due", lane=Lane.CHECKIN)
    for person in people[34:]:
        for slot in "abc":
            await town.put(person, f"reply {slot}", slot=slot)
    await _run_until(town, 52)
    assert not [call for call in town.box.journal.calls() if call.error]
    assert all(town.texts(person) == [f"reply {slot} & en" for slot in "abc"] for person in people[34:])


async def _run_until(town: Town, count: int) -> None:
    running = asyncio.create_task(town.sender.run())

    async def sent() -> bool:
        return await town.count(OutboxState.SENT) >= count

    await until(sent)
    await town.sender.stop()
    await running
