"""Measures the time from a red flag's commit to its call screen's arrival while 2,000 check-ins wait in lane 3.

Real parts: SQLite file, sender, HTTP, and the sandbox in its own process with Telegram's limits enabled. Times use the
machine's monotonic clock, which both processes share. Run with `python -m tests.bench.bench_red_flag`.
"""

import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
import uvloop
from telegram import Bot, InlineKeyboardButton, InlineKeyboardMarkup

from bot.app.records.messages import Lane, Outbox
from bot.app.work import Stores
from bot.clock import SystemClock
from bot.core.screen import Contact, Screen, Text
from bot.db.crypto import Keyring, new_key
from bot.db.engine import Database
from bot.db.migrate import migrate
from bot.db.opening import open_database
from bot.delivery.outbox import Sender
from bot.delivery.quiet_bot import make_bot
from bot.dialog.rendered import ContactCard, Rendered
from tests.fakes.outbox import message_counts

CHECK_INS = 2000
RED_FLAGS = 100
EVERY_SECONDS = 0.2
MOST_MEDIAN_SECONDS = 1.0
DONE_SECONDS = 60
PEOPLE_AT_ONCE = 50

CONTACT = Contact(number="112", name="Emergency: 112")
CARD = ContactCard(CONTACT.number, "Emergency: 112")
WORDS = {
    "call": "<b>Call 112 now.</b>\n\nTell them: “I am on immunotherapy for cancer.” Then call your team: "
    "<b>+49 30 901820</b> (24 hours).\n\nDo not drive yourself. Do not wait for an answer here.",
    "due": "Time for your check-in. 4 taps.\n\nSince your last check-in, is anything new or worse?",
}
BUTTONS = InlineKeyboardMarkup([[InlineKeyboardButton(f"Button {n}", callback_data=f"b{n}" * 10)] for n in range(5)])


@dataclass(frozen=True)
class Result:
    """Seconds from commit to arrival for each red flag, and the load around them."""

    seconds: list[float]
    check_ins_before: list[int]
    check_ins_left: int
    refused: int

    def __str__(self) -> str:
        ordered = sorted(self.seconds)
        p95 = ordered[int(len(ordered) * 0.95)]
        return (
            f"red flag, commit to arrival, n={len(ordered)}: median {statistics.median(ordered) * 1000:.1f} ms, "
            f"p95 {p95 * 1000:.1f} ms, max {ordered[-1] * 1000:.1f} ms\n"
            f"check-ins in lane 3: {self.check_ins_before[0]} out before the first, {self.check_ins_before[-1]} before "
            f"the last, {self.check_ins_left} still waiting at the end; 429s: {self.refused}"
        )


async def measure(*, check_ins: int = CHECK_INS, red_flags: int = RED_FLAGS, every: float = EVERY_SECONDS) -> Result:
    """Run the whole benchmark on its own database and server."""
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder) / 'bench.db'}"
        await asyncio.to_thread(migrate, url)
        database = open_database(url, Keyring.parse(new_key()))
        try:
            async with _sandbox() as (api_url, token), aiohttp.ClientSession(api_url) as tester:
                chats = await _people(tester, check_ins + red_flags)
                bot = make_bot(token, api_url)
                await bot.request.initialize()
                try:
                    return await _measure(database, bot, tester, chats[:check_ins], chats[check_ins:], every)
                finally:
                    await bot.request.shutdown()
        finally:
            await database.close()


async def _measure(
    database: Database,
    bot: Bot,
    tester: aiohttp.ClientSession,
    due: list[int],
    flagged: list[int],
    every: float,
) -> Result:
    await database.transact(lambda stores: _enqueue(stores, due, Lane.CHECKIN, "due"))
    sender = Sender(database, bot, _render, SystemClock(), lambda *_: None, owner="bench")
    running = asyncio.create_task(sender.run())
    await asyncio.sleep(1)
    committed: dict[int, float] = {}
    for chat in flagged:
        await database.transact(partial(_red_flag, chat=chat))
        committed[chat] = time.monotonic()
        sender.nudge()
        await asyncio.sleep(every)
    arrived, refused = await _arrivals(tester, set(flagged))
    left = await database.read(
        lambda stores: sum(n for (_, state), n in message_counts(stores).items() if state == "waiting")
    )
    await sender.stop()
    await running
    ordered = sorted((arrived[chat], chat) for chat in flagged)
    dues = sorted(at for chat, at in arrived.items() if chat not in committed)
    return Result(
        seconds=[at - committed[chat] for at, chat in ordered],
        check_ins_before=[sum(at < timestamp for at in dues) for timestamp, _ in ordered],
        check_ins_left=left,
        refused=refused,
    )


def _red_flag(stores: Stores, chat: int) -> None:
    _enqueue(stores, [chat], Lane.RED_FLAG, "call")


def _enqueue(stores: Stores, chats: list[int], lane: Lane, name: str) -> None:
    now = datetime.now(UTC)
    screen = Screen(name=name, lines=(Text(key=name),), ahead=CONTACT if name == "call" else None)
    for chat in chats:
        row = Outbox(
            patient_id=None,
            chat_id=chat,
            language="en",
            lane=lane,
            slot=name,
            mode="new",
            revision=0,
            screen=screen,
            created_at=now,
            not_before=now,
        )
        stores.outbox.enqueue(row)


def _render(screen: Screen, language: str, chat_id: int) -> Rendered:
    card = CARD if screen.ahead is not None else None
    return Rendered(text=WORDS[screen.name], markup=BUTTONS, protect=screen.name == "due", ahead=card)


# -- the sandbox


@asynccontextmanager
async def _sandbox() -> AsyncIterator[tuple[str, str]]:
    """Run the sandbox in its own process; yield its address and the bot's token."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bot.sandbox", "--port", "0", stdout=asyncio.subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        said = [(await process.stdout.readline()).decode().strip() for _ in range(3)]
        facts = dict(line.split("=", 1) for line in said[1:])
        yield facts["NERVECHECK_API_URL"], facts["NERVECHECK_TOKEN"]
    finally:
        process.terminate()
        await process.wait()


async def _people(tester: aiohttp.ClientSession, count: int) -> list[int]:
    """Return the chats of people who have written to the bot, so that it may write to them."""
    places = asyncio.Semaphore(PEOPLE_AT_ONCE)

    async def one(number: int) -> int:
        async with places:
            person = await _ask(tester, "POST", "/sandbox/people", {"name": f"P-{number:04}"})
            await _ask(tester, "POST", f"/sandbox/people/{person['id']}/say", {"text": "/start"})
            return int(person["id"])

    return await asyncio.gather(*(one(number) for number in range(count)))


async def _arrivals(tester: aiohttp.ClientSession, wanted: set[int]) -> tuple[dict[int, float], int]:
    """Wait for the wanted chats' messages; return their arrival times (monotonic seconds) and the refusals."""
    async with asyncio.timeout(DONE_SECONDS):
        while True:
            calls = (await _ask(tester, "GET", "/sandbox/journal?method=sendMessage"))["calls"]
            arrived = {int(call["params"]["chat_id"]): float(call["at"]) for call in calls if not call["error"]}
            cards = (await _ask(tester, "GET", "/sandbox/journal?method=sendContact"))["calls"]
            carded = {int(call["params"]["chat_id"]) for call in cards if not call["error"]}
            if wanted <= set(arrived) and wanted <= carded:
                return arrived, sum(call["error"] is not None for call in [*calls, *cards])
            await asyncio.sleep(0.5)


async def _ask(tester: aiohttp.ClientSession, verb: str, path: str, body: dict[str, Any] | None = None) -> Any:
    async with tester.request(verb, path, json=body or {}) as answer:
        answer.raise_for_status()
        return await answer.json()


def main() -> int:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        result = runner.run(measure())
    sys.stdout.write(f"{result}\n")
    return 0 if statistics.median(result.seconds) < MOST_MEDIAN_SECONDS else 1


if __name__ == "__main__":
    sys.exit(main())
