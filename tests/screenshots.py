"""`make screenshots`: every screen as a picture, on contact sheets, by language, light and dark.

The sheets are what the sandbox's chat page shows at 390 points, in the order of tests/every_screen.py: questions, the same
for helpers, then what the tour came to. The name of each screen is above it. They are for looking at, not for comparing.
"""

import argparse
import asyncio
import logging
import sys
from base64 import b64encode
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import aiohttp
import structlog
from playwright.async_api import async_playwright

from bot.sandbox.server import SandboxHooks, SandboxServer
from tests.browser.conftest import CHROMIUM, FLAGS
from tests.browser.test_every_screen import LANGUAGES, PHONE, START, Chat, SandboxClock, screens

HIGHEST = 5200
"""Points of a column."""
COLUMNS = 8
UNROLLED = """
.top, .tabs, .composer, .keyboard, .desk, .day { display: none !important }
.stage, .phones, .phone, .log { display: block !important; height: auto !important; max-height: none !important; overflow: visible !important }
.message { margin-bottom: 14px } .name { margin: 6px 0 2px; font: 11px monospace; opacity: 0.7 }
"""
NAMED = """(names) => [...document.querySelectorAll("#log .message")].slice(-names.length - 1).map((message, i) => {
  if (names[i]) { const p = document.createElement("p"); p.className = "name"; p.textContent = names[i]; message.before(p); }
  return message;
}).map((message) => { const box = message.getBoundingClientRect(); return [box.top + scrollY - 20, box.bottom + scrollY + 6]; })"""


def columns(boxes: Sequence[Sequence[float]]) -> Iterator[tuple[float, float]]:
    """Yield the top and the bottom of each column, so that no message is torn."""
    first, last = boxes[0]
    for top, bottom in boxes:
        if bottom - first > HIGHEST:
            yield first, last
            first = top
        last = bottom
    yield first, last


async def sheets(browser: Any, url: str, language: str, scheme: Any) -> list[bytes]:
    """Return the sheets of one language as PNG."""
    context = await browser.new_context(viewport=PHONE, color_scheme=scheme, bypass_csp=True)
    page = await context.new_page()
    await page.goto(url)
    await page.get_by_role("tab", name=f"P-{language}").click()
    await page.wait_for_function(f"document.querySelectorAll('#log .message').length > {len(screens())}")
    await page.add_style_tag(content=UNROLLED)
    boxes = await page.evaluate(NAMED, [screen.name for screen in screens()])
    shots = []
    for top, bottom in columns(boxes):
        clip = {"x": 0, "y": top, "width": PHONE["width"], "height": bottom - top}
        shots.append(await page.screenshot(full_page=True, clip=clip))
    ground = await page.evaluate("getComputedStyle(document.querySelector('#log')).backgroundColor")
    made = []
    for first in range(0, len(shots), COLUMNS):
        pictures = "".join(
            f'<img src="data:image/png;base64,{b64encode(shot).decode()}">' for shot in shots[first : first + COLUMNS]
        )
        sheet = await context.new_page()
        await sheet.set_viewport_size({"width": COLUMNS * (PHONE["width"] + 16), "height": 800})
        style = f"body {{ margin: 0; display: flex; gap: 16px; align-items: flex-start; background: {ground} }}"
        await sheet.set_content(f"<style>{style}</style>{pictures}")
        made.append(await sheet.screenshot(full_page=True))
        await sheet.close()
    await context.close()
    return made


async def write(folder: Path, languages: Sequence[str]) -> None:
    async def nothing() -> dict[str, Any]:
        return {}

    server = SandboxServer(SandboxClock(start=START), hooks=SandboxHooks(nothing, nothing), limits=False)
    await server.start()
    async with aiohttp.ClientSession() as session:
        for language in languages:
            await Chat(server, session, language).fill()
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        for language in languages:
            for scheme in ("light", "dark"):
                for number, sheet in enumerate(await sheets(browser, server.api_url, language, scheme), 1):
                    file = folder / f"{language}-{scheme}-{number}.png"
                    file.write_bytes(sheet)
                    sys.stdout.write(f"{file}\n")
                    sys.stdout.flush()
        await browser.close()
    await server.stop()


def main(arguments: Sequence[str]) -> int:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    parser = argparse.ArgumentParser(prog="python -m tests.screenshots", description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?", default=Path("var/screenshots"), help="where the sheets go")
    parser.add_argument("--language", action="append", choices=LANGUAGES, help="only this one; may be repeated")
    given = parser.parse_args(arguments)
    given.folder.mkdir(parents=True, exist_ok=True)
    asyncio.run(write(given.folder, given.language or LANGUAGES))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
