"""kill -9 while 300 taps are in flight, and start again: no answer is lost, every patient sees where they are.

The library's own Updater confirms updates that exist only in memory, and loses most of them in this test.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.app.work import Stores
from bot.config import Settings
from bot.database_session import open_session
from bot.wiring import build
from tests.chaos.people import all_see, enrol, tap_all
from tests.chaos.processes import BotProcess, SandboxProcess, start_sandbox, until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

TAPS = 300
ANSWERS = "SELECT count(*) FROM answer WHERE superseded_at IS NULL"
ROUNDS = (
    ("No, nothing new", "change", "no", "now or at any time"),
    ("None of these 8", "safety_now", "none", "worse than you told me"),
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


async def test_kill_with_300_taps_in_flight_loses_no_answer(sandbox: SandboxProcess, bot: BotProcess) -> None:
    chats = await enrol(bot, sandbox, TAPS)
    await bot.start()
    await all_see(sandbox, chats, "is anything new or worse")
    kills = []
    for number, (label, *_, following) in enumerate(ROUNDS):
        already = bot.count(ANSWERS)
        tapping = asyncio.create_task(tap_all(sandbox, chats, label))
        # In the middle: some are committed, some are not. Each round kills at another time.
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
    with open_session(build(Settings.load(bot.environ), sandbox=False)) as session:

        def work(stores: Stores) -> Counter[tuple[str, tuple[str, ...]]]:
            found: Counter[tuple[str, tuple[str, ...]]] = Counter()
            for patient in stores.patients.page(limit=2 * TAPS):
                for row in stores.checkins.of_patient(patient.id):
                    found.update((a.question, a.choices) for a in stores.answers.of_checkin(row.id))
            return found

        return session.run(work)
