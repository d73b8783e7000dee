"""The stand-in for Telegram joined to the product: its clock and its invites work on the service beside it."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import datetime
from pathlib import Path

from bot.app import invented
from bot.app.ports import Clinic
from bot.clock import Clock
from bot.config_values import Address
from bot.db.engine import Database
from bot.db.lock import sqlite_path
from bot.sandbox.server import SandboxHooks, SandboxServer

SETTLING_SECONDS = 5.0
SETTLING_LOOKS = 100
"""The sandbox's "skip to the next event" waits that long for messages that are due already."""


async def start_sandbox(
    stack: AsyncExitStack,
    listen: Address,
    database_url: str,
    clinic: Clinic,
    database: Database,
    clock: Clock,
    catch_up: Callable[[], Awaitable[None]],
) -> SandboxServer:
    """Start it until the stack unwinds; `catch_up` works off what a jump of its clock made due."""
    server = SandboxServer(
        clock,
        state_file=_chats_file(database_url),
        hooks=SandboxHooks(
            new_patient=lambda: database.transact(lambda store: invented.patient(store, clinic, clock.now())),
            new_staff=lambda: database.transact(lambda store: invented.lead(store, clinic, clock.now())),
            next_event=lambda: _next_event(database, clock),
            after_jump=catch_up,
        ),
    )
    await server.start(*listen)
    stack.push_async_callback(server.stop)
    return server


async def _next_event(database: Database, clock: Clock) -> datetime | None:
    """Return when something falls due next. What is due already is waited for: it goes out at Telegram's pace."""
    for _ in range(SETTLING_LOOKS):
        at = await database.read(lambda store: store.next_event_at())
        if at is None or at > clock.now():
            return at
        await asyncio.sleep(SETTLING_SECONDS / SETTLING_LOOKS)
    return at


def _chats_file(database_url: str) -> Path:
    """The chats are kept beside the made-up patients, so that a restart shows both as they were."""
    path = sqlite_path(database_url) or Path("var/sandbox")
    return path.with_suffix(".chats.json")
