"""kill -9 while 300 taps are in flight, and start again: no answer is lost, every patient sees where they are.

The library's own Updater confirms updates that exist only in memory, and loses most of them in this test.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.app import checkins, patients
from bot.app.store import PatientState, Store
from bot.config import Settings
from bot.wiring import Offline, offline, prepare
from tests.chaos.processes import BotProcess, SandboxProcess, start_sandbox, until

TAPS = 300
ANSWERS = "SELECT count(*) FROM answer WHERE superseded_at IS NULL"
ROUNDS = (
    ("No, nothing new", "change", "no", "right now"),
    ("None of these", "safety_now", "none", "new or worse since"),
)


@pytest.fixture
async def sandbox() -> AsyncIterator[SandboxProcess]:
    made = await start_sandbox()
    yield made
    await made.stop()


@pytest.fixture
async def bot(tmp_path: Path, sandbox: SandboxProcess) -> AsyncIterator[BotProcess]:
    made = BotProcess(tmp_path, sandbox.url)
    yield made
    await made.stop()


async def enrol(bot: BotProcess, sandbox: SandboxProcess, number: int) -> dict[int, str]:
    """Patients with an open check-in that waits to be sent; returns chat id -> code."""
    people = [await sandbox.post("/people", name=f"P-{n:04d}", started=True) for n in range(number)]
    ready = prepare(Settings.load(bot.environ), sandbox=False)
    chats = {person["id"]: person["name"] for person in people}
    await asyncio.to_thread(_store, ready, chats)
    return chats


def _store(ready: Any, chats: dict[int, str]) -> None:
    with offline(ready) as office:
        office.run(lambda store: [_one(office, store, chat, code) for chat, code in chats.items()])


def _one(office: Offline, store: Store, chat: int, code: str) -> None:
    at = datetime.now(UTC)
    clinic = office.clinic
    patient, _ = patients.add(store, clinic, code=code, ici_start=(at - timedelta(days=30)).date(), at=at)
    active = patient.model_copy(
        update={"chat_id": chat, "state": PatientState.ACTIVE, "timezone": "Europe/Berlin", "next_due_at": None}
    )
    store.save_patient(active)
    checkins.open_checkin(store, clinic, active, form="quick", kind="extra", due_at=at, at=at)


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


async def test_kill_while_300_taps_are_in_flight_loses_no_answer(sandbox: SandboxProcess, bot: BotProcess) -> None:
    chats = await enrol(bot, sandbox, TAPS)
    await bot.start()
    await all_see(sandbox, chats, "is anything new or worse")
    kills = []
    for number, (label, *_, following) in enumerate(ROUNDS):
        already = bot.count(ANSWERS)
        tapping = asyncio.create_task(tap_all(sandbox, chats, label))
        # In the middle of it: some are committed, some are not. Each round at another moment.
        await until(lambda already=already, number=number: bot.count(ANSWERS) - already > 20 + 150 * number)
        await bot.kill()
        kills.append(bot.count(ANSWERS) - already)
        await tapping
        await bot.start()
        await until(lambda already=already: bot.count(ANSWERS) == already + TAPS)
        await all_see(sandbox, chats, following)
    assert all(0 < answered < TAPS for answered in kills), f"killed before or after all was done: {kills}"
    assert await bot.stop() == 0
    stored = await asyncio.to_thread(_stored, bot)
    assert stored == Counter({(question, (choice,)): TAPS for _, question, choice, _ in ROUNDS})


def _stored(bot: BotProcess) -> Counter[tuple[str, tuple[str, ...]]]:
    with offline(prepare(Settings.load(bot.environ), sandbox=False)) as office:

        def work(store: Store) -> Counter[tuple[str, tuple[str, ...]]]:
            found: Counter[tuple[str, tuple[str, ...]]] = Counter()
            for patient in store.patients(limit=2 * TAPS):
                for row in store.checkins(patient.id):
                    found.update((a.question, a.choices) for a in store.answers(row.id))
            return found

        return office.run(work)
