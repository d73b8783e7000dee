"""A world for each story; at its end, unexpected messages and requests unknown to Telegram fail the test."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from bot.clock import FrozenClock
from bot.config import Settings
from bot.sandbox.server import SandboxServer
from bot.wiring import App, build
from tests.fakes.databases import sqlite_url
from tests.fakes.outbox import UNLIMITED
from tests.sandbox import schema
from tests.stories.world import START, World


@cache
def _program() -> App:
    """The program without a database, built once: reading its content takes longer than many a story."""
    return build(Settings.load({}, sandbox=True).for_sandbox(), sandbox=True, owner="story")


@asynccontextmanager
async def opened(database_url: str) -> AsyncIterator[World]:
    """Yield a world on that database, which is migrated, without the checks at its end."""
    settings = Settings.load({"NERVECHECK_DATABASE_URL": database_url}, sandbox=True).for_sandbox()
    clock = FrozenClock(START)
    server = SandboxServer(clock, limits=False)
    app = replace(_program(), settings=settings, clock=clock, api_url=await server.start())
    database = app.open_database()
    service = app.service(database)
    bots = service.bots
    service.sender.limits = UNLIMITED  # stories do not test rate limits
    await bots.sending.request.initialize()
    try:
        await service.connect()
        yield World(service, server, clock)
    finally:
        await service.sender.stop()
        await bots.sending.request.shutdown()
        await database.close()
        await server.stop()


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with opened(sqlite_url(tmp_path / "story.db")) as made:
        yield made
        made.nothing_more()
        if schema.DATA.exists():
            schema.check_journal(made.sandbox.journal.calls())
