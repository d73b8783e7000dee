"""Every screen on a phone: no label is cut, and safety screens are whole.

This measures the sandbox's page, not Telegram's clients: its bars, its font (DejaVu Sans, wider than a phone's by a tenth
and more) and its heights are like a phone's, not a phone's. It shows labels in two lines, where Telegram cuts them: so at
390 x 844 points, with the reply keyboard open and text of the usual size, each label has to fit into one line.
On a small phone (320 x 640) and with large text (130 %), with the keyboard folded, no label may be cut by the page; and of
a safety screen the last five signs and the question in short are in view, and what is not is printed: the whole question
is above the signs.
"""

import re
import sys
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from bot.chat.reply_keyboard import reply_keyboard
from bot.chat.screens import TextRenderer, make_render
from bot.clock import SandboxClock
from bot.content.texts import Texts
from bot.core.screen import Screen
from bot.sandbox.server import SandboxHooks, SandboxServer
from tests.every_screen import collect

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(300)]
START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
LANGUAGES = ("en", "es", "ru")
TEXTS = Texts.load(LANGUAGES)
NARROWER = 0.94
"""What is allowed for the wide letters of the page: as in tests/personas/labels.py."""
DIALOG = Path(__file__).parents[2] / "bot" / "dialog"
NOT_TOURED = frozenset(
    {
        *("call.home", "call.home.not_yet", "call.home.yes", "call.mistake", "call.mistake.other", "call.reply.rest"),
        *(
            "care.both",
            "care.ended",
            "done.open",
            "enrol.declined",
            "oops",
            "said.helped",
            "staff.levels",
            "staff.sure",
        ),
    }
)
"""Screens that the tour of tests/every_screen.py does not come to: they need a history, or a fault."""
LEAST_SIGNS = 5
"""Of a safety screen on a small phone, or with large text."""
QUESTIONS = {
    "en": {"Any of these?", "Is any new or worse?", "New, or not known yet?"},
    "es": {"¿Alguno de estos?", "¿Algo nuevo o peor?", "¿Nuevo o no conocido?"},
    "ru": {"Есть что-то из этого?", "Новое или хуже?", "Новое или неизвестное?"},
}
"""The last line of a safety screen, next to its buttons."""
PHONE = {"width": 390, "height": 844}

FOLD = "() => document.querySelector('#keyboard').classList.add('off')"
LARGE = """
.bubble { font-size: 22px !important } .bubble .meta { font-size: 15.6px !important }
.inline button, .keyboard button { font-size: 20.8px !important }
"""
"""The sizes of the page on a phone, times 1.3."""
MEASURE = """(narrower) => {
  const log = document.querySelector("#log"), height = log.clientHeight;
  const wide = [], cut = [], safety = [];
  for (const button of [...document.querySelectorAll("#log .inline button, #keyboard button")]) {
    if (button.scrollWidth > button.clientWidth + 1 || button.scrollHeight > button.clientHeight + 1) cut.push(button.textContent);
    const style = getComputedStyle(button), mark = button.querySelector(".mark");
    const room = button.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight) - (mark ? mark.clientWidth + 9 : 0);
    const range = document.createRange();
    range.selectNodeContents(button.querySelector("span:not(.hidden)") ?? button);
    button.style.cssText = "white-space: nowrap; font-size: 16px; font-weight: 400";  // as on a phone
    const width = range.getBoundingClientRect().width;
    button.style.cssText = "";
    if (width * narrower > room + 0.5) wide.push(`${button.textContent} (${Math.round(width * narrower)} > ${Math.round(room)})`);
  }
  for (const message of document.querySelectorAll("#log .message")) {
    const fold = message.querySelector(".fold");
    if (!fold || ![...message.querySelectorAll(".inline button")].some((b) => / [78]$/.test(b.textContent))) continue;
    const box = message.getBoundingClientRect(), top = box.bottom - height;
    const seen = [], hidden = [];
    const walker = document.createTreeWalker(message.querySelector(".text"), NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      if (node.parentElement.closest(".fold, .hidden")) continue;
      let from = 0;
      for (const line of node.data.split("\\n")) {
        const range = document.createRange();
        range.setStart(node, from); range.setEnd(node, from + line.length);
        from += line.length + 1;
        if (line.trim()) (range.getBoundingClientRect().top >= top - 1 ? seen : hidden).push(line);
      }
    }
    safety.push({ height: box.height, room: height, seen, hidden });
  }
  return { wide: [...new Set(wide)], cut: [...new Set(cut)], safety, messages: document.querySelectorAll("#log .message").length };
}"""


@cache
def screens() -> list[Screen]:
    return [screen for screen in collect() if screen.lines and screen.contact is None and screen.document is None]


class Chat:
    """The sandbox's chat of one language, with all screens in it."""

    def __init__(self, server: SandboxServer, session: aiohttp.ClientSession, language: str) -> None:
        self._server, self._session, self._language = server, session, language
        self._person = server.sandbox.person(
            language, language_code=language, code=f"P-{language}", start=language, link="s"
        )
        server.sandbox.open_invite(self._person)

    async def _send(self, **params: Any) -> None:
        url = f"{self._server.api_url}/bot{self._server.sandbox.token}/sendMessage"
        async with self._session.post(url, json={"chat_id": self._person.id, **params}) as answer:
            assert answer.status == 200, await answer.text()

    async def fill(self) -> int:
        """Send every screen; return how many."""
        renderer, render = TextRenderer(TEXTS), make_render(TEXTS, b"k" * 32)
        for screen in screens():
            made = render(screen.model_copy(update={"trend": None}), self._language, self._person.id)
            markup = {"reply_markup": made.markup.to_dict()} if screen.rows else {}
            await self._send(text=made.text or "-", parse_mode="HTML", **markup)
        await self._send(text="…", reply_markup=reply_keyboard(renderer.plain, self._language).to_dict())
        return len(screens())


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def server():
    async def nothing():
        return {}

    made = SandboxServer(SandboxClock(start=START), hooks=SandboxHooks(nothing, nothing), limits=False)
    await made.start()
    yield made
    await made.stop()


def test_tour_comes_to_every_screen_that_has_a_name():
    named = {name for file in DIALOG.glob("*.py") for name in re.findall(r'name="([a-z_.]+)"', file.read_text("utf-8"))}
    assert len(named) > 60
    assert named - {screen.name for screen in collect()} <= NOT_TOURED


@pytest.mark.parametrize("language", LANGUAGES)
async def test_every_screen_fits_on_a_phone(chromium, server, language):
    async with aiohttp.ClientSession() as session:
        sent = await Chat(server, session, language).fill()
    context = await chromium.new_context(viewport=PHONE, has_touch=True, bypass_csp=True)
    page = await context.new_page()
    await page.goto(server.api_url)
    await page.get_by_role("tab", name=f"P-{language}").click()
    await page.wait_for_function(f"document.querySelectorAll('#log .message').length > {sent}")
    usual = await page.evaluate(MEASURE, NARROWER)
    assert usual["wide"] == [], "Telegram would cut these labels"
    assert usual["cut"] == []
    assert len(usual["safety"]) > 8
    assert [(each["height"], each["hidden"], each["seen"][:3]) for each in usual["safety"] if each["hidden"]] == []
    assert [each["height"] for each in usual["safety"] if each["height"] > each["room"]] == []
    await page.evaluate(FOLD)
    for width, height, style in ((320, 640, ""), (390, 844, LARGE)):
        await page.set_viewport_size({"width": width, "height": height})
        await page.add_style_tag(content=style or "/* usual text */")
        small = await page.evaluate(MEASURE, NARROWER)
        assert small["cut"] == []
        for each in small["safety"]:
            signs = [line for line in each["seen"] if line.startswith("•")]
            if each["hidden"]:
                text = "large text" if style else "usual text"
                sys.stdout.write(f"{language}, {width} x {height}, {text}, not in view: {each['hidden']}\n")
            assert len(signs) >= LEAST_SIGNS, each
            assert each["seen"][-1] in QUESTIONS[language], each
    await context.close()
