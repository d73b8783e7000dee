"""The chat against the sandbox over HTTP: each update reaches the right use case and is confirmed."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from structlog.testing import capture_logs
from telegram import Bot
from telegram.constants import ParseMode
from telegram.request import HTTPXRequest

from bot.chat import poll
from bot.chat.commands import publish_commands
from bot.chat.poll import Poller
from bot.chat.screens import make_render
from bot.clock import SandboxClock
from bot.core.screen import Action, Button, Screen, Style, Text
from bot.sandbox.server import SandboxServer

from .stand_ins import AT, KEY, WORDS, Catalog, House, until

CALL = Action(kind="choose", subject=3, revision=1, question="breath", choice="yes")


@pytest.fixture
async def server() -> AsyncIterator[SandboxServer]:
    server = SandboxServer(SandboxClock(start=AT), limits=False)
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
async def lively(house: House, server: SandboxServer, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[House]:
    """The chat with a real connection to the sandbox, polling."""
    monkeypatch.setattr(poll, "FIRST_BACKOFF", 0.02)
    monkeypatch.setattr(poll, "CONFLICT_BACKOFF", 0.02)
    base = f"{server.api_url}/bot"
    bot = Bot(server.sandbox.token, base, request=HTTPXRequest(), get_updates_request=HTTPXRequest())
    async with bot:
        house.bot = bot
        house.dispatcher = house.make_dispatcher()
        poller = Poller(bot, house.dispatcher, house.clock)
        run = asyncio.create_task(poller.run())
        yield house
        await poller.stop()
        await run


async def show(house: House, chat_id: int, action: Action) -> None:
    rows = (
        (Button(label=Text(key="Yes"), action=action, style=Style.DANGER),),
        (Button(label=Text(key="Copy"), copy_value="+49"),),
    )
    made = make_render(Catalog(), KEY)(
        Screen(name="s", lines=(Text(key="Hard to breathe?"),), rows=rows), "en", chat_id
    )
    await house.bot.send_message(chat_id, made.text, reply_markup=made.markup, parse_mode=ParseMode.HTML)


def polls(server: SandboxServer) -> bool:
    """Whether a long poll is waiting at the sandbox."""
    return server._delivering._poll is not None


async def test_poller_receives_start_tap_text_and_block(lively: House, server: SandboxServer) -> None:
    box = server.sandbox
    ann = box.person("Ann", language_code="es")
    box.say(ann, "/start tOken_1")
    await until(lambda: len(lively.log) == 1)
    await show(lively, ann.id, CALL)
    box.tap(ann, box.messages(ann)[-1]["message_id"], label="Yes")
    box.say(ann, "my name is Ann")
    await until(lambda: len(lively.log) == 3)
    box.block(ann)
    await until(lambda: len(lively.log) == 4)
    assert lively.log == [
        ("start", ann.id, "tOken_1", "es"),
        ("tap", ann.id, CALL, "es"),
        ("said", ann.id),
        ("membership", ann.id, False),
    ]
    await until(lambda: not box.updates)  # all confirmed
    assert box.journal.calls("answerCallbackQuery")


async def test_poller_malformed_update_does_not_block_others(lively: House, server: SandboxServer) -> None:
    box = server.sandbox
    ann, bob = box.person("Ann"), box.person("Bob")
    box.say(ann, "/help")
    box.inject({"message": {"message_id": "x", "chat": {"id": ann.id, "type": "private"}}})
    box.say(bob, "Tips")
    await until(lambda: len(lively.database.rows.dead) == 1 and not box.updates)
    assert sorted(lively.log) == sorted(
        [("command", ann.id, "help"), ("stale_tap", ann.id), ("command", bob.id, "tips")]
    )


async def test_poller_waits_out_network_faults_and_conflicts(lively: House, server: SandboxServer) -> None:
    box = server.sandbox
    with capture_logs() as logs:
        await until(lambda: polls(server))
        await lively.bot.get_updates(timeout=0)  # terminates the long poll
        await until(lambda: [line["error"] for line in logs] == ["Conflict"])
        await until(lambda: polls(server))
        box.faults.add("outage", seconds=0.1)
        await until(lambda: not box.faults.active())
    assert "NetworkError" in {line["error"] for line in logs}
    ann = box.person("Ann")
    box.say(ann, "/menu")
    await until(lambda: not box.updates)
    assert lively.log == [("command", ann.id, "menu")]


async def test_group_is_left_and_commands_are_published(lively: House, server: SandboxServer) -> None:
    box = server.sandbox
    ann = box.person("Ann")
    group = box.add_to_group("Family", ann)
    await until(lambda: box.journal.calls("leaveChat"))
    assert [message.get("text") for message in box.messages(group) if message["from"]["is_bot"]][:1] == ["I leave now."]
    assert await publish_commands(lively.bot, WORDS, ("en", "es")) == 0
