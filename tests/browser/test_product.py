"""The whole product as a stranger meets it: `nervecheck run` with nothing set, its page, a red flag, kill -9, again."""

import asyncio
import os
import re
import signal
import sys
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import expect

from tests.polling import until

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.browser
STARTED = 60.0


class Product:
    """The process, on data of its own."""

    def __init__(self, folder: Path) -> None:
        self._environ = {
            **{name: value for name, value in os.environ.items() if not name.startswith("NERVECHECK_")},
            "NERVECHECK_DATABASE_URL": f"sqlite:///{folder / 'try.db'}",
            "NERVECHECK_LISTEN": "127.0.0.1:0",
            "NERVECHECK_SANDBOX_LISTEN": "127.0.0.1:0",
        }
        self._chats = folder / "try.chats.json"
        self.process = None

    async def start(self) -> str:
        """Start it and return the address it prints."""
        self.process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "bot", "run", cwd=ROOT, env=self._environ, stdout=asyncio.subprocess.PIPE
        )
        async with asyncio.timeout(STARTED):
            while line := (await self.process.stdout.readline()).decode():
                if found := re.search(r"Chat page: (http://\S+)", line):
                    return found[1]
        raise AssertionError("the process ended before it printed the address of the page")

    async def kept(self, words: str) -> None:
        """Wait until the sandbox has stored its chats; the real Telegram needs no such wait."""
        await until(lambda: words in self._chats.read_text(encoding="utf-8"), seconds=STARTED)

    async def end(self, number: int) -> int:
        self.process.send_signal(number)
        await self.process.stdout.read()
        return await self.process.wait()


@pytest_asyncio.fixture(loop_scope="session")
async def product(tmp_path):
    made = Product(tmp_path)
    yield made
    if made.process is not None and made.process.returncode is None:
        await made.end(signal.SIGKILL)


@pytest_asyncio.fixture(loop_scope="session")
async def page(chromium):
    context = await chromium.new_context(viewport={"width": 1280, "height": 900})
    page = await context.new_page()
    page.set_default_timeout(20_000)
    expect.set_options(timeout=20_000)
    yield page
    await context.close()


async def tap(page, *names):
    for name in names:
        await page.get_by_role("button", name=name, exact=isinstance(name, str)).last.click()


async def test_patient_reaches_the_call_screen_and_survives_a_kill(page, product):
    await page.goto(await product.start())
    log = page.get_by_role("log")
    await tap(page, "Open invite for P-0001")
    await expect(log).to_contain_text("Your care team asked me to check on you")
    for name, shown in (
        ("Continue", "1 of 3"),
        ("Continue", "2 of 3"),
        ("Continue", "3 of 3"),
        ("I agree", "Which language"),
        ("English", "for you now?"),
        ("Yes", "What time of day"),
        (re.compile("^Morning"), "A longer check-in"),
        ("None of these 8", "not known to your team"),
        ("None of these 7", "Climbing stairs"),
        ("No trouble", "Getting up from a chair"),
        ("No trouble", "Doing up buttons"),
        ("No trouble", "Lifting your arms"),
        ("No trouble", "Holding your head up"),
        ("No trouble", "Feeling the floor"),
        ("No trouble", "Did you fall"),
        ("No", "How strong was it"),
        ("None", "Tap each one"),
        ("None of these", "Nothing here needs a call today"),
        ("Skip to the next event", "Time for your check-in. 4 taps."),
        ("No, nothing new", "Any of these, now or at any time"),
    ):
        await tap(page, name)
        await expect(log).to_contain_text(shown)

    await product.kept("Any of these, now")
    assert await product.end(signal.SIGKILL) == -signal.SIGKILL
    await page.goto(await product.start())
    await expect(log).to_contain_text("Any of these, now or at any time")
    await tap(page, "Yes, one or more")
    await expect(log).to_contain_text("Call 112 now.")
    await expect(log).to_contain_text("+49 30 901820")
    await tap(page, "Skip to the next event")
    await expect(log).to_contain_text("Is help with you, or did someone speak with you?")
    await tap(page, re.compile("^Yes$"))
    await expect(log).to_contain_text("stay where you are")
    assert await product.end(signal.SIGTERM) == 0


async def test_team_member_joins_in_the_sandbox_and_is_notified(page, product):
    await page.goto(await product.start())
    log = page.get_by_role("log")
    await page.locator("summary", has_text="Add a person").click()
    await tap(page, "Add a team member")
    await tap(page, "Open invite for lead-1")
    await expect(log).to_contain_text("You are lead-1 on the Sandbox clinic team.")
    await expect(log).to_contain_text("0 open alerts.")
