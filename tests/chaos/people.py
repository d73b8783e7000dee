"""Patients by the hundred, and what they do at once: for tests and benchmarks of the real process."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

from bot.app.checkins import opening
from bot.app.patients import registry
from bot.app.records.patients import PatientState
from bot.app.work import Stores
from bot.config import Settings
from bot.database_session import DatabaseSession, open_session
from bot.wiring import build
from tests.chaos.processes import BotProcess, SandboxProcess, until
from tests.fakes.work import work_on

CHUNK = 100
"""Patients a transaction: the bot works on the same file meanwhile."""


async def enrol(bot: BotProcess, sandbox: SandboxProcess, number: int, *, prefix: str = "P") -> dict[int, str]:
    """Patients with an open check-in that waits to be sent; returns chat id -> code."""
    people = [await sandbox.post("/people", name=f"{prefix}-{n:04d}", started=True) for n in range(number)]
    ready = build(Settings.load(bot.environ), sandbox=False)
    chats = {person["id"]: person["name"] for person in people}
    await asyncio.to_thread(_store, ready, chats)
    return chats


def _store(ready: Any, chats: dict[int, str]) -> None:
    todo = list(chats.items())
    with open_session(ready) as session:
        for first in range(0, len(todo), CHUNK):
            some = todo[first : first + CHUNK]
            session.run(lambda stores, some=some: [_one(session, stores, chat, code) for chat, code in some])


def _one(session: DatabaseSession, stores: Stores, chat: int, code: str) -> None:
    at = datetime.now(UTC)
    clinic = session.clinic
    patient, _ = registry.add(
        work_on(stores, clinic, at, actor="operator"), code=code, ici_start=(at - timedelta(days=30)).date()
    )
    active = patient.model_copy(
        update={"chat_id": chat, "state": PatientState.ACTIVE, "timezone": "Europe/Berlin", "next_due_at": None}
    )
    stores.patients.save(active)
    opening.open_checkin(work_on(stores, clinic, at), active, form="quick", kind="extra", due_at=at)


async def tap_all(sandbox: SandboxProcess, chats: dict[int, str], label: str) -> None:
    """Everyone taps at once, on the message that has the button."""
    gate = asyncio.Semaphore(32)

    async def one(chat: int) -> None:
        async with gate:
            for message in reversed(await sandbox.messages(chat)):
                rows = message.get("reply_markup", {}).get("inline_keyboard", [])
                if any(button["text"] == label for row in rows for button in row):
                    await sandbox.post(f"/people/{chat}/tap", message_id=message["message_id"], label=label)
                    return
            raise AssertionError(f"{chat} has no button {label!r}")

    await asyncio.gather(*(one(chat) for chat in chats))


async def all_see(sandbox: SandboxProcess, chats: dict[int, str], words: str) -> None:
    for chat in chats:

        async def sees(chat: int = chat) -> bool:
            return any(words in m.get("text", "") for m in await sandbox.messages(chat))

        await until(sees)
