"""Connects the sandbox to the product: its clock and its invites act on the service in the same process."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import datetime
from pathlib import Path

from bot.app.operations import demo
from bot.app.ports.clinic import Clinic
from bot.clock import Clock
from bot.config_values import Address
from bot.db.engine import Database
from bot.db.lock import sqlite_path
from bot.dialog.work import work_on
from bot.sandbox.server import SandboxHooks, SandboxServer

SETTLING_SECONDS = 5.0
"""How long the sandbox's "skip to the next event" waits for messages that are due already."""
SETTLING_CHECKS = 100


async def start_sandbox(
    stack: AsyncExitStack,
    listen: Address,
    database_url: str,
    clinic: Clinic,
    database: Database,
    clock: Clock,
    catch_up: Callable[[], Awaitable[None]],
) -> SandboxServer:
    """Start the sandbox until the stack unwinds; `catch_up` processes what a jump of its clock made due."""
    server = SandboxServer(
        clock,
        state_file=_chats_file(database_url),
        hooks=SandboxHooks(
            new_patient=lambda: database.transact(
                lambda stores: demo.add_patient(work_on(stores, clinic, clock.now(), actor="sandbox"))
            ),
            new_staff=lambda: database.transact(
                lambda stores: demo.add_lead(work_on(stores, clinic, clock.now(), actor="sandbox"))
            ),
            next_event=lambda: _next_event(database, clock),
            after_jump=catch_up,
        ),
    )
    await server.start(*listen)
    stack.push_async_callback(server.stop)
    return server


async def _next_event(database: Database, clock: Clock) -> datetime | None:
    """Return when the next event falls due. First wait for what is due already: delivery is rate-limited."""
    for _ in range(SETTLING_CHECKS):
        at = await database.read(lambda stores: stores.clock.next_event_at())
        if at is None or at > clock.now():
            return at
        await asyncio.sleep(SETTLING_SECONDS / SETTLING_CHECKS)
    return at


def _chats_file(database_url: str) -> Path:
    """Return the file of the chats. It is next to the sample patients, so that both survive a restart."""
    path = sqlite_path(database_url) or Path("var/sandbox")
    return path.with_suffix(".chats.json")
