"""A world for each story, checked at its end for messages nobody expected and for requests Telegram doesn't know."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from bot.clock import FrozenClock
from bot.config import Settings
from bot.db.engine import open_database
from bot.db.migrate import migrate
from bot.delivery.lanes import UNLIMITED
from bot.delivery.transport import make_bot
from bot.sandbox.server import SANDBOX_TOKEN, SandboxServer
from bot.service import Bots, Service
from bot.wiring import prepare
from tests.sandbox import schema
from tests.stories.world import START, World


@asynccontextmanager
async def opened(database_url: str) -> AsyncIterator[World]:
    """A world on that database; nothing is checked at its end."""
    settings = Settings.load({"NERVECHECK_DATABASE_URL": database_url}, sandbox=True)
    ready = prepare(settings.in_sandbox(), sandbox=True)
    migrate(ready.database_url)
    clock = FrozenClock(START)
    server = SandboxServer(clock, limits=False)
    url = await server.start()
    database = open_database(ready.database_url, ready.keyring)
    bots = Bots(sending=make_bot(SANDBOX_TOKEN, url), polling=make_bot(SANDBOX_TOKEN, url))
    service = Service(
        clinic=ready.clinic,
        texts=ready.texts,
        typed=ready.typed,
        database=database,
        bots=bots,
        clock=clock,
        button_key=ready.keyring.derive("buttons"),
        owner="story",
    )
    service.sender.pace = UNLIMITED  # stories are not about pace
    await bots.sending.request.initialize()
    try:
        await service.introduce()
        yield World(service, server, clock)
    finally:
        await service.sender.stop()
        await bots.sending.request.shutdown()
        await database.close()
        await server.stop()


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with opened(f"sqlite:///{tmp_path / 'story.db'}") as made:
        yield made
        made.nothing_more()
        if schema.DATA.exists():
            schema.check_journal(made.sandbox.journal.calls())
