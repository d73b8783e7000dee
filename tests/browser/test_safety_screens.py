"""Both safety screens on a phone of 390 x 844 points: whole, with their buttons and the reply keyboard, sign by sign."""

from datetime import UTC, datetime
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from bot.app.records.checkins import CheckInRow
from bot.chat.reply_keyboard import reply_keyboard
from bot.chat.screens import TextRenderer, make_render
from bot.clock import SandboxClock
from bot.content.texts import Texts
from bot.core import checkin as core
from bot.core.screen import Text
from bot.dialog import checkin_screens
from bot.dialog.two_patients import HEAD
from bot.sandbox.server import SandboxHooks, SandboxServer
from tests.fakes.work import packaged_clinic

pytestmark = [pytest.mark.browser, pytest.mark.slow]
START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
PHONE = {"width": 390, "height": 844}
LANGUAGES = ("en", "es", "ru")
TEXTS = Texts.load(LANGUAGES)
CLINIC = packaged_clinic()
BUTTON = 44
"""The height of a button, in points."""
SCREENS = ("safety_now", "safety_new")
WAYS = ("opened", "silence", "welcome", "first", "asked", "left open", "reminder")
"""As a check-in opens (with its greeting and "Remind me later"; after a long silence, with a longer one, and a word of
welcome after the first tap), at the first baseline, in a check-in, when it is asked once more, and in a reminder.
"""
OPENING = {"opened", "silence"}
HELPERS = ("opened", "silence", "first", "asked", "left open", "reminder")
"""The ways in which a helper gets it, with a line on whom it is about."""
SHOWN = [
    (screen, way, reader)
    for reader, ways in (("patient", WAYS), ("helper", HELPERS))
    for screen in SCREENS
    for way in ways
    if screen == "safety_now" or way not in OPENING
]

MEASURE = """() => {
  const message = [...document.querySelectorAll(".message")].at(-1), log = document.querySelector("#log");
  const inside = (e) => { const a = e.getBoundingClientRect(), b = log.getBoundingClientRect(); return a.top >= b.top - 1 && a.bottom <= b.bottom + 1; };
  const text = message.querySelector(".text");
  const walker = document.createTreeWalker(text, NodeFilter.SHOW_TEXT);
  const tops = new Map();  // line of the message -> the heights at which its characters are
  let line = "";
  let found = [];
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    if (node.parentElement.closest(".fold, .hidden")) continue;
    for (let i = 0; i < node.length; i += 1) {
      const character = node.data[i];
      if (character === "\\n") { found.push([line, tops.get("now")?.size ?? 0]); line = ""; tops.delete("now"); continue; }
      const range = document.createRange();
      range.setStart(node, i); range.setEnd(node, i + 1);
      line += character;
      if (character.trim()) { if (!tops.has("now")) tops.set("now", new Set()); tops.get("now").add(Math.round(range.getBoundingClientRect().top / 8)); }
    }
  }
  found.push([line, tops.get("now")?.size ?? 0]);
  const buttons = [...message.querySelectorAll(".inline button"), ...document.querySelectorAll("#keyboard button")];
  return {
    lines: found,
    whole: inside(message),
    over: message.getBoundingClientRect().height - log.clientHeight,
    cut: buttons.filter((b) => b.scrollWidth > b.clientWidth || b.scrollHeight > b.clientHeight || b.getBoundingClientRect().bottom > innerHeight).map((b) => b.textContent),
    keyboard: document.querySelectorAll("#keyboard button").length,
    none: [...message.querySelectorAll(".inline button")].find((b) => / [78]$/.test(b.textContent)).getBoundingClientRect().top - message.getBoundingClientRect().bottom,
    fold: message.querySelector(".fold").getBoundingClientRect().height,
  };
}"""


@pytest_asyncio.fixture(loop_scope="session")
async def bot():
    async def nothing():
        return {}

    server = SandboxServer(SandboxClock(start=START), hooks=SandboxHooks(nothing, nothing), limits=False)
    await server.start()
    async with aiohttp.ClientSession() as session:
        yield server, session
    await server.stop()


def row_at(screen: str, way: str) -> CheckInRow:
    """Return a check-in at that safety screen."""
    value = core.open_checkin("baseline" if way == "first" else "full", CLINIC.protocol)
    if screen != value.cursor or way in {"asked", "left open", "welcome"}:
        answers = {screen: ("skip",)} if way == "left open" else {}
        value = value.model_copy(update={"answers": answers, "revision": 1, "asked_revision": 1, "cursor": screen})
    protocol = CLINIC.protocol
    return CheckInRow(
        id=1,
        patient_id=1,
        kind="baseline" if way == "first" else "scheduled",
        due_at=START,
        opened_at=START,
        protocol_name=protocol.name,
        protocol_version=protocol.version,
        protocol_hash=protocol.content_hash,
        value=value,
        unanswered=CLINIC.protocol.silence[0].after if way in {"silence", "welcome"} else 0,
    )


async def shown(page: Any, bot: Any, language: str, screen: str, way: str, reader: str = "patient") -> Any:
    """Send a safety screen as the bot does, and measure it on the page."""
    server, session = bot

    async def send(**params: Any) -> None:
        async with session.post(f"{server.api_url}/bot{server.sandbox.token}/sendMessage", json=params) as answer:
            assert answer.status == 200, await answer.text()

    person = server.sandbox.person("Anna", language_code=language, code="P-0001", start="s", link="s")
    server.sandbox.open_invite(person)
    renderer = TextRenderer(TEXTS).for_helper() if reader == "helper" else TextRenderer(TEXTS)
    await send(chat_id=person.id, text="…", reply_markup=reply_keyboard(renderer.plain, language).to_dict())
    build = checkin_screens.reminder_screen if way == "reminder" else checkin_screens.checkin_screen
    asked = build(row_at(screen, way), CLINIC)
    made = asked.model_copy(update={"lines": (Text(key=HEAD), *asked.lines)}) if reader == "helper" else asked
    rendered = make_render(TEXTS, b"k" * 32)(made, language, 1)
    await send(
        chat_id=person.id,
        text=rendered.text,
        parse_mode="HTML",
        reply_markup=rendered.markup.to_dict(),
    )
    await page.goto(server.api_url)
    await page.locator(".message .fold").last.wait_for()
    await page.locator("#keyboard button").first.wait_for()
    return await page.evaluate(MEASURE)


@pytest_asyncio.fixture(loop_scope="session")
async def page(chromium):
    context = await chromium.new_context(viewport=PHONE, has_touch=True)
    page = await context.new_page()
    page.set_default_timeout(8000)
    yield page
    await context.close()


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(("screen", "way", "reader"), SHOWN)
async def test_safety_screen_is_whole_on_a_phone(page, bot, language, screen, way, reader):
    found = await shown(page, bot, language, screen, way, reader)
    signs = [(line, count) for line, count in found["lines"] if line.startswith("•")]
    assert len(signs) == len(CLINIC.protocol.questions[screen].signs.lines)
    assert [line for line, count in signs if count != 1] == [], "each sign is one line"
    question = found["lines"][found["lines"].index(list(signs[0])) - 1]
    assert question[0].endswith("?")
    assert question[1] <= 2, question
    assert found["cut"] == []
    assert found["whole"], f"{found['over']} points too high: {found['lines']}"
    assert found["keyboard"] == 4


@pytest.mark.parametrize("language", LANGUAGES)
async def test_two_taps_at_one_height_do_not_answer_both(page, bot, language):
    first, second = [await shown(page, bot, language, screen, "asked") for screen in SCREENS]
    assert abs(first["none"] - second["none"]) >= BUTTON


async def test_rarer_forms_are_folded_until_tapped(page, bot):
    found = await shown(page, bot, "en", "safety_now", "asked")
    fold = page.locator(".message .fold").last
    await fold.click()
    opened = await fold.evaluate("e => e.getBoundingClientRect().height")
    assert opened > found["fold"]
    await fold.press("Enter")
    assert await fold.get_attribute("aria-expanded") == "false"
