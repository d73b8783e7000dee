"""The chat page in Debian's chromium, with a very small bot behind it: what a person sees, taps and hears."""

import re
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio
from playwright.async_api import expect

from bot.clock import SandboxClock
from bot.sandbox.server import SandboxHooks, SandboxServer
from tests.sandbox.rawbot import RawBot

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
pytestmark = pytest.mark.browser


@pytest_asyncio.fixture(loop_scope="session")
async def server():
    clock = SandboxClock(start=START)
    made = []

    async def new_patient():
        made.append(f"P-{len(made) + 1:04}")
        return {"code": made[-1], "start": f"s{len(made)}", "link": f"https://t.me/x?start=s{len(made)}"}

    async def next_event():
        return START + timedelta(hours=30)

    server = SandboxServer(clock, hooks=SandboxHooks(new_patient, next_event), limits=False)
    await server.start()
    async with RawBot(server.api_url, server.sandbox.token):
        yield server
    await server.stop()


@pytest_asyncio.fixture(loop_scope="session")
async def page(chromium, server):
    """The page, opened; anything the browser complains of fails the test."""
    complaints = []
    context = await chromium.new_context(
        viewport={"width": 1280, "height": 900}, permissions=["clipboard-read", "clipboard-write"]
    )
    page = await context.new_page()
    page.set_default_timeout(8000)
    page.on("console", lambda line: complaints.append(line.text) if line.type in {"error", "warning"} else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda asked: complaints.append(asked.url) if not asked.url.startswith(server.api_url) else None)
    await page.goto(server.api_url)
    yield page
    await context.close()
    assert complaints == []


def button(page, name, *, exact=True):
    return page.get_by_role("button", name=name, exact=exact)


async def test_a_check_in_from_invite_to_call_screen(page, server):
    await button(page, "Open invite for P-0001").click()
    await button(page, "Yes, something").click()
    log = page.get_by_role("log")
    await expect(log).to_contain_text("Call 112 now.")
    await expect(log.locator("b").first).to_have_text("Call 112 now.")
    await expect(button(page, "Yes, something")).to_have_count(0)
    await expect(log).to_contain_text("Your care team")
    danger = button(page, "I can't call (important)")
    await expect(danger.locator("svg")).to_be_visible()
    await button(page, "Copy number").click()
    await expect(page.get_by_text("Copied: +49 30 901820")).to_be_visible()
    assert await page.evaluate("navigator.clipboard.readText()") == "+49 30 901820"
    await button(page, "Tips").click()
    await expect(button(page, "No, nothing new")).to_be_visible()
    await button(page, "No, nothing new").click()
    await expect(page.get_by_text("Saved", exact=True)).to_be_visible()
    await expect(log.locator("blockquote")).to_contain_text("elbow")
    assert len(server.sandbox.people) == 1


async def test_a_second_patient_has_a_chat_of_their_own(page, server):
    await button(page, "Open invite for P-0001").click()
    await expect(button(page, "Not sure")).to_be_visible()
    await button(page, "Add a second patient").click()
    await button(page, "Open invite for P-0002").click()
    await expect(button(page, "Not sure")).to_be_visible()
    first, second = server.sandbox.people.values()
    server.sandbox.say(first, "hello")
    await expect(page.get_by_role("tab", name="P-0001 1 new")).to_be_visible()
    await page.get_by_role("tab", name="P-0001").click()
    await expect(page.get_by_role("log")).to_contain_text("hello")
    assert server.sandbox.messages(second)[0]["text"] == "/start s2"


async def test_the_clock_and_faults(page, server):
    await expect(page.locator("#clock")).to_have_text("09:00")
    await button(page, "+1 h").click()
    await expect(page.locator("#clock")).to_have_text("10:00")
    await button(page, "Skip to the next event").click()
    await expect(page.locator("#clock")).to_have_text("15:00")
    await expect(page.locator("#date")).to_have_text(re.compile("Tuesday,? 3 March 2026"))
    await page.get_by_text("Faults").click()
    await page.get_by_label("Fault").select_option("429")
    await page.get_by_label("Requests").select_option("Sending")
    await page.get_by_label("Frequency").select_option("The next 5 requests")
    await button(page, "Start fault").click()
    await expect(page.get_by_role("listitem").filter(has_text="Too many requests")).to_contain_text("next 5")
    (fault,) = server.sandbox.faults.active()
    assert (fault.kind, fault.count, "sendmessage" in fault.methods) == ("429", 5, True)
    await button(page, "Stop").click()
    await expect(button(page, "Stop")).to_have_count(0)


async def test_blocking_shows_and_can_be_undone(page, server):
    await button(page, "Open invite for P-0001").click()
    await expect(button(page, "Not sure")).to_be_visible()
    await button(page, "Block the bot").click()
    await expect(page.get_by_text("This patient has blocked the bot and receives no messages.")).to_be_visible()
    await expect(page.get_by_label("Message", exact=True)).to_be_hidden()
    assert next(iter(server.sandbox.people.values())).blocked
    await button(page, "Unblock", exact=True).click()
    await expect(page.get_by_label("Message", exact=True)).to_be_visible()


async def test_it_works_by_keyboard(page):
    await button(page, "Open invite for P-0001").focus()
    await page.keyboard.press("Enter")
    await button(page, "No, nothing new").focus()
    outline = await page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline != "none"
    await page.keyboard.press("Space")
    await expect(button(page, "Helpful")).to_be_focused()
    await page.get_by_label("Message", exact=True).focus()
    await page.keyboard.type("hello <b>you</b>")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("log")).to_contain_text("hello <b>you</b>")


async def test_a_reload_shows_the_same_chat(page, server):
    await button(page, "Open invite for P-0001").click()
    await expect(button(page, "Not sure")).to_be_visible()
    await page.reload()
    await expect(button(page, "Not sure")).to_be_visible()
    await expect(button(page, "My team")).to_be_visible()
    assert len(server.sandbox.people) == 1


async def test_open_tab_is_in_view_among_many_people(page, server):
    await expect(page.get_by_role("tab", name="P-0001")).to_be_visible()
    for number in range(2, 25):
        server.sandbox.person(f"Person {number}", language_code="en", code=f"P-{number:04}")
    await page.reload()
    await page.get_by_role("tab", name="P-0001").focus()
    await page.keyboard.press("ArrowLeft")
    last = page.get_by_role("tab", name="P-0024")
    await expect(last).to_have_attribute("aria-selected", "true")
    await expect(last).to_be_in_viewport(ratio=1)
    await expect(button(page, "Add a patient")).to_be_in_viewport(ratio=1)
    await page.keyboard.press("ArrowRight")
    await expect(page.get_by_role("tab", name="P-0001")).to_be_in_viewport(ratio=1)


async def test_console_is_linked_once_its_address_is_known(page, server):
    await expect(page.get_by_role("link", name="Console")).to_be_hidden()
    server.sandbox.console_url = "http://127.0.0.1:8080/console"
    await page.reload()
    link = page.get_by_role("link", name="Console")
    await expect(link).to_have_attribute("href", "http://127.0.0.1:8080/console")
    await expect(link).to_have_attribute("target", "_blank")


async def test_newest_message_is_in_view(page, server):
    await button(page, "Open invite for P-0001").click()
    await expect(button(page, "Not sure")).to_be_visible()
    (person,) = server.sandbox.people.values()
    for number in range(30):
        server.sandbox.say(person, f"line {number}")
    await page.reload()
    newest = page.get_by_role("log").locator(".message").last
    await expect(newest).to_be_in_viewport(ratio=1)
    await page.get_by_label("Message", exact=True).fill("hello again")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("log")).to_contain_text("hello again")
    await expect(newest).to_be_in_viewport(ratio=1)


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_on_a_small_phone_nothing_is_cut_and_targets_are_large(chromium, server, scheme):
    context = await chromium.new_context(viewport={"width": 360, "height": 740}, color_scheme=scheme)
    page = await context.new_page()
    await page.goto(server.api_url)
    await button(page, "Open invite for P-0001").click()
    await expect(button(page, "Need help now")).to_be_visible()
    assert await page.evaluate("document.documentElement.scrollWidth") <= 360
    small = await page.evaluate(
        """[...document.querySelectorAll("button, select, summary, input")]
            .filter(e => e.checkVisibility() && !e.closest("details:not([open])") && !e.classList.contains("link"))
            .filter(e => e.getBoundingClientRect().height < 44).map(e => e.outerHTML)""",
    )
    assert small == []
    assert await page.evaluate("parseFloat(getComputedStyle(document.querySelector('.bubble')).fontSize)") >= 17
    await context.close()
