"""The console in a browser: axe-core checks each page in light, dark and phone layout; then each flow, step by step."""

import json
import re
from datetime import timedelta
from pathlib import Path

import pyotp
import pytest
import pytest_asyncio
from playwright.async_api import expect

from bot.app.alerts import raising
from bot.app.alerts.naming import Found
from bot.core.protocol import Tier
from bot.desk import passkeys
from bot.desk.pages import alerts
from bot.desk.sign_in import COOKIE
from bot.ops.web import WebServer
from tests.desk.conftest import AT, House, anna, choose, clinic, database, ready
from tests.fakes.team import raise_another
from tests.polling import until

__all__ = ["anna", "choose", "clinic", "database", "ready"]
pytestmark = pytest.mark.browser

AXE = (Path(__file__).parent / "axe.min.js").read_text(encoding="utf-8")
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
PAGES = [
    *("/console", "/console/patients", "/console/patients/P-0001", "/console/patients/P-0001/summary"),
    *("/console/schedules", "/console/rota", "/console/team", "/console/content", "/console/reports"),
    *("/console/audit", "/console/account"),
]
COUNT_NEWS = """
window.news = 0;
window.EventSource = class extends EventSource {
  constructor(...given) {
    super(...given);
    this.addEventListener("queue", () => { window.news += 1; });
  }
};
"""
"""Counts what the queue's stream of events says, before the page acts on it."""
NOTE_REFUSAL = """() => {
  const get = navigator.credentials.get.bind(navigator.credentials);
  navigator.credentials.get = (options) => get(options).catch((error) => { window.refused = error.name; throw error; });
}"""
"""Notes why the browser gives no passkey."""
LOOKS = {
    "light": {"viewport": {"width": 1280, "height": 900}, "color_scheme": "light"},
    "dark": {"viewport": {"width": 1280, "height": 900}, "color_scheme": "dark"},
    "phone": {"viewport": {"width": 390, "height": 844}, "color_scheme": "light", "has_touch": True},
}


@pytest_asyncio.fixture(loop_scope="session")
async def house(database, ready, monkeypatch):
    monkeypatch.setattr(alerts, "POLL_SECONDS", 0.1)
    made = House(database, ready)
    server = WebServer(made.app)
    made.address = await server.start("127.0.0.1", 0)
    yield made
    made.context.closing.set()
    await server.stop()
    made.loop.close()


@pytest_asyncio.fixture(loop_scope="session")
async def visit(chromium, house):
    """Open a browser, signed in as someone of that role; what its own console complains of fails the test."""
    opened, complaints = [], []

    async def done(role="lead", name=None, look="light", language="en"):
        context = await chromium.new_context(**LOOKS[look], base_url=house.address)
        opened.append(context)
        if role is not None:
            token = house.signed_in(role, name, language).token
            await context.add_cookies([{"name": COOKIE, "value": token, "domain": "127.0.0.1", "path": "/console"}])
        page = await context.new_page()
        page.set_default_timeout(15_000)
        expect.set_options(timeout=15_000)
        page.on("console", lambda m: complaints.append(m.text) if m.type == "error" else None)
        page.on("pageerror", lambda e: complaints.append(str(e)))
        return page

    yield done
    for context in opened:
        await context.close()
    # A browser asks for an icon by itself, and takes every refusal for a fault of its own.
    expected = tuple(f"status of {number}" for number in (401, 404, 409, 410, 422))
    assert [c for c in complaints if not any(word in c for word in expected)] == []


async def violations(page):
    """Return the violations that axe-core finds. It is injected like an extension: the page's own policy forbids it."""
    session = await page.context.new_cdp_session(page)
    await session.send("Runtime.evaluate", {"expression": AXE})
    look = f"axe.run(document, {{runOnly: {json.dumps(RULES)}}}).then(r => JSON.stringify(r.violations.map(v => [v.id, v.nodes.map(n => n.html)])))"
    found = await session.send("Runtime.evaluate", {"expression": look, "awaitPromise": True, "returnByValue": True})
    return json.loads(found["result"]["value"])


@pytest.fixture
def busy(house, anna, choose):
    """A clinic with something on every page."""
    for choice in ("no", "none", "none", "mild", "not_at_all"):
        choose(choice)
    for tier in (Tier.EMERGENCY, Tier.URGENT):
        house.act(raising.raise_alert, anna, Found(tier, ("new.eyes",)), at=AT)
    house.patient("P-0002")
    house.staff("ben", "coordinator")
    return house


@pytest.mark.parametrize("look", LOOKS)
async def test_every_page_passes_axe(busy, visit, look):
    page = await visit(look=look)
    for path in PAGES:
        await page.goto(path)
        assert (path, await violations(page)) == (path, [])
        wide = await page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        assert (path, wide <= 0) == (path, True), "nothing has to be scrolled sideways"


async def test_sign_in_pages_pass_axe(house, visit):
    page = await visit(role=None)
    for path in ("/console/sign-in", "/console/enter/x"):
        await page.goto(path)
        assert await violations(page) == []


async def test_sign_in_with_password_and_code_and_sign_out(house, visit):
    page = await visit(name="ann")
    await page.goto("/console/account")
    secret = (await page.locator("code").first.text_content()).strip()
    await page.get_by_label("New password").fill("correct horse battery")
    await page.get_by_label("Code from your authenticator app").fill(pyotp.TOTP(secret).at(house.clock.now()))
    await page.get_by_role("button", name="Save").last.click()
    await expect(page.get_by_role("heading", name="Sign in", exact=True)).to_be_visible()
    house.clock.advance(timedelta(minutes=1))
    form = page.locator("form[action='/console/sign-in']")
    await form.get_by_label("Short name").fill("ann")
    await form.get_by_label("Password").fill("correct horse battery")
    await form.get_by_label("Code from your authenticator app").fill(pyotp.TOTP(secret).at(house.clock.now()))
    await form.get_by_role("button", name="Sign in").click()
    await expect(page.get_by_role("heading", name="Alerts")).to_be_visible()
    await page.get_by_role("button", name="Sign out").click()
    await expect(page.get_by_role("heading", name="Sign in", exact=True)).to_be_visible()


async def test_alert_arrives_live_and_is_closed_by_keyboard(house, visit, anna):
    ann, ben = await visit("coordinator", "ann"), await visit("coordinator", "ben")
    for page in (ann, ben):
        await page.goto("/console")
        await expect(page.get_by_text("No open alerts.")).to_be_visible()
    house.act(raising.raise_alert, anna, Found(Tier.EMERGENCY, ("now.yes",)), at=AT)
    for page in (ann, ben):
        await expect(page.get_by_role("row", name=re.compile("P-0001"))).to_be_visible()
    await expect(ann.locator("time[data-until]")).to_have_text("15 min")  # the clinic's clock, not this one
    await ann.keyboard.press("j")
    await ann.keyboard.press("a")
    await expect(ann.get_by_role("status")).to_have_text("Done.")
    await expect(ben.get_by_role("row", name=re.compile("P-0001"))).to_contain_text("ann")
    clock = ann.locator("time[data-until]")
    await expect(clock).to_have_count(0)
    await ann.get_by_label("Outcome of alert 1").select_option("spoke_to_patient")
    await ann.get_by_role("button", name="Save outcome and close").click()
    for page in (ann, ben):
        await expect(page.get_by_text("No open alerts.")).to_be_visible()
    assert house.run(lambda s: s.alerts.get(1)).closed_by == "ann"


async def test_key_o_opens_the_patient(busy, visit):
    page = await visit("coordinator")
    await page.goto("/console")
    await page.keyboard.press("j")
    await page.keyboard.press("o")
    await expect(page.get_by_role("heading", name=re.compile("P-0001"))).to_be_visible()


async def test_queue_update_waits_for_a_form_in_use(busy, visit):
    page = await visit("coordinator")
    await page.add_init_script(COUNT_NEWS)
    await page.goto("/console")
    choice = page.get_by_label("Outcome of alert 1")
    await page.locator("tr.row", has=choice).get_by_text("More").click()
    await choice.focus()
    await choice.select_option("drug_held")
    anna_ = busy.run(lambda s: s.patients.by_code("P-0001"))
    busy.act(raise_another, anna_, Found(Tier.SOON, ("numb",)), at=AT)
    await until(lambda: page.evaluate("window.news"))
    await expect(choice).to_have_value("drug_held")
    await choice.blur()
    await expect(page.locator("tr.row")).to_have_count(2)


async def test_plan_is_previewed_while_edited_and_saved(busy, visit):
    page = await visit("coordinator")
    await page.goto("/console/patients/P-0001")
    preview = page.locator("#preview")
    await expect(preview).to_contain_text("No changes yet.")
    await page.get_by_label("Every … days").first.fill("1")
    await page.get_by_label("Every … days").first.blur()
    await expect(preview).to_contain_text("messages added")
    await expect(preview.locator(".mark-new").first).to_be_visible()
    await page.get_by_label("Time of day").fill("23:00")
    await page.get_by_label("Time of day").blur()
    await expect(preview.get_by_role("alert")).to_contain_text("quiet hours")
    await page.get_by_label("Time of day").fill("11:00")
    await page.get_by_role("button", name="Save and notify patient").click()
    await expect(page.get_by_role("status")).to_have_text("Done.")
    await expect(page.get_by_text("Plan changed")).to_be_visible()


async def test_added_patient_is_found_and_has_a_page_to_print(house, visit):
    page = await visit("coordinator")
    await page.goto("/console")
    await page.get_by_role("link", name="Add a patient with a study code.").click()
    await page.get_by_label("Study code", exact=True).fill("P-0042")
    await page.get_by_label("Start", exact=True).fill("2026-02-20")
    await page.get_by_role("button", name="Add and show the invite").click()
    await expect(page.get_by_role("heading", name="P-0042")).to_be_visible()
    await page.goto("/console/patients")
    await page.get_by_label("Study code starts with").fill("p-004")
    await expect(page.get_by_role("link", name="P-0042")).to_be_visible()
    await page.get_by_label("Study code starts with").fill("x")
    await expect(page.get_by_text("No patients match.")).to_be_visible()
    await page.goto("/console/patients/P-0042/summary")
    await page.emulate_media(media="print")
    await expect(page.get_by_role("button", name="Print")).to_be_hidden()
    await expect(page.get_by_role("heading", name="Visit summary: P-0042")).to_be_visible()


async def test_import_with_errors_says_where(house, visit):
    page = await visit("coordinator")
    await page.goto("/console/schedules")
    table = {"name": "t.csv", "mimeType": "text/csv", "buffer": b"code,ici_start\nAnna,2026-02-01\nP-1,soon\n"}
    await page.get_by_label("CSV file").set_input_files(table)
    await page.get_by_role("button", name="Check only").click()
    await expect(page.get_by_role("alert")).to_contain_text("line 2, code")
    await expect(page.get_by_role("alert")).to_contain_text("line 3, ici_start")


async def test_first_tab_skips_to_the_content(busy, visit):
    page = await visit("coordinator")
    await page.goto("/console")
    await page.keyboard.press("Tab")
    await expect(page.get_by_role("link", name="Skip to main content")).to_be_focused()
    await page.keyboard.press("Enter")
    assert await page.evaluate("document.activeElement.id") == "main"


async def test_rota_is_set_and_covered(busy, visit):
    page = await visit(name="ann")
    await page.goto("/console/rota")
    await expect(page.get_by_text("nobody, so every alert goes to the whole team at once")).to_be_visible()
    shift = page.locator("form[action='/console/rota/shifts']")
    await shift.get_by_label("Who").select_option("ben")
    await shift.get_by_label("Sat").uncheck()
    await shift.get_by_label("Sun").uncheck()
    await shift.get_by_role("button", name="Add").click()
    await expect(page.get_by_role("row", name=re.compile("ben"))).to_contain_text("mon tue wed thu fri")
    await expect(page.get_by_text("On call now: ben")).to_be_visible()
    cover = page.locator("form[action='/console/rota/covers']")
    await cover.get_by_label("Away").select_option("ben")
    await cover.get_by_label("Covered by").select_option("ann")
    await cover.get_by_label("From").fill(f"{AT:%Y-%m-%d}")
    await cover.get_by_label("To").fill(f"{AT:%Y-%m-%d}")
    await cover.get_by_role("button", name="Save").click()
    await expect(page.get_by_text("On call now: ann")).to_be_visible()
    await page.get_by_role("button", name=re.compile("Remove: ann for ben")).click()
    await expect(page.get_by_text("On call now: ben")).to_be_visible()


async def test_team_member_is_added_and_removed(busy, visit):
    page = await visit(name="ann")
    await page.goto("/console/team")
    await page.get_by_label("Short name").fill("Anna Example")
    await page.get_by_role("button", name="Add and show the link").click()
    await expect(page.get_by_role("alert")).to_contain_text("is not a short name")
    await page.get_by_role("link", name="Back").click()
    await page.get_by_label("Short name").fill("lead-7")
    await page.get_by_label("Role").select_option("lead")
    await page.get_by_role("button", name="Add and show the link").click()
    await expect(page.get_by_role("heading", name="lead-7")).to_be_visible()
    await page.get_by_role("link", name="Back").click()
    await page.get_by_role("button", name="Remove: lead-7").click()
    await expect(page.get_by_role("row", name=re.compile("lead-7"))).to_have_count(0)


async def test_level_is_agreed_and_alert_handed_over(busy, visit):
    page = await visit("coordinator", "ann")
    await page.goto("/console/patients/P-0001")
    await page.locator("summary", has_text="Save agreed level").click()
    form = page.get_by_role("form", name="Save agreed level")
    await form.get_by_label("Reason").fill("known since surgery")
    await form.get_by_label("Symptom and level").select_option("numbness:medium")
    await form.get_by_role("button", name="Save agreed level").click()
    await expect(page.get_by_text("Numbness or pain ≤ Medium ·")).to_be_visible()
    await page.get_by_role("button", name=re.compile(r"^End: ")).click()
    await expect(page.get_by_text("Numbness or pain ≤ Medium ·")).to_have_count(0)
    await page.goto("/console")
    await page.locator("tr.row").first.get_by_text("More").click()
    await page.locator("tr.row").first.get_by_label("Hand over alert").select_option("ben")
    await page.locator("tr.row").first.get_by_role("button", name="Hand over").click()
    await expect(page.locator("tr.row").first).to_contain_text("ben")


async def test_dry_run_reports_and_audit_log_work(busy, visit):
    page = await visit(name="ann")
    await page.goto("/console/content")
    await page.get_by_role("button", name="Run").click()
    await expect(page.get_by_text("Per 100 check-ins (sample of 7)")).to_be_visible()
    await page.goto("/console/reports")
    await expect(page.get_by_role("img", name=re.compile("^Answered, %"))).to_be_visible()
    async with page.expect_download() as started:
        await page.get_by_role("link", name="CSV").first.click()
    assert (await started.value).suggested_filename == "reports.csv"
    await page.goto("/console/audit")
    await page.get_by_label("Subject").fill("P-0002")
    await page.get_by_role("button", name="Show").click()
    await expect(page.get_by_role("cell", name="patient added")).to_be_visible()
    await expect(page.get_by_role("cell", name="staff joined")).to_have_count(0)


async def test_link_from_the_chat_signs_in(house, visit):
    house.staff("ann")
    page = await visit(role=None)
    await page.goto("/console/sign-in")
    await page.locator("#link-name").fill("ann")
    await page.get_by_role("button", name="Send me a link").click()
    await expect(page.get_by_role("heading", name="Check your chat")).to_be_visible()
    sent = [q.row.screen for q in house.database.outbox() if q.row.screen.name == "staff.console_link"]
    path = sent[-1].lines[0].values["link"].removeprefix(house.context.url)
    await page.goto(path)
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.get_by_role("heading", name="Alerts")).to_be_visible()
    await page.goto(path)
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.get_by_role("heading", name="no longer valid")).to_be_visible()


@pytest_asyncio.fixture(loop_scope="session")
async def at_home(house, visit):
    """A browser that trusts the address (this machine by name) and has a lock of its own that says yes."""
    house.address = house.address.replace("127.0.0.1", "localhost")
    object.__setattr__(house.context, "url", house.address)
    page = await visit(name="ann")
    await page.context.clear_cookies()
    token = house.signed_in("lead", "ann").token
    await page.context.add_cookies([{"name": COOKIE, "value": token, "domain": "localhost", "path": "/console"}])
    session = await page.context.new_cdp_session(page)
    await session.send("WebAuthn.enable")
    lock = {"protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True}
    options = lock | {"isUserVerified": True, "automaticPresenceSimulation": True}
    made = await session.send("WebAuthn.addVirtualAuthenticator", {"options": options})

    async def says(yes):
        values = {"authenticatorId": made["authenticatorId"], "isUserVerified": yes}
        await session.send("WebAuthn.setUserVerified", values)

    page.says = says
    return page


async def test_passkey_is_added_signs_in_and_is_removed(house, at_home):
    page = at_home
    await page.goto(f"{house.address}/console/account")
    await page.get_by_role("button", name="Add a passkey").click()
    await expect(page.get_by_role("status")).to_have_text("Done.")
    assert await violations(page) == []
    await page.get_by_role("button", name="Sign out").click()
    await expect(page.get_by_role("heading", name="Sign in", exact=True)).to_be_visible()
    assert await violations(page) == []
    await page.get_by_role("button", name="Use a passkey").click()
    await expect(page.get_by_role("heading", name="Alerts")).to_be_visible()
    ann = house.run(lambda s: s.staff.by_name("ann"))
    (kept,) = house.run(lambda s: s.passkeys.of_staff(ann.id))
    assert kept.used_at == house.clock.now()
    assert ("ann", "passkey_added") in house.audited()
    await page.goto(f"{house.address}/console/account")
    await page.get_by_role("button", name=re.compile("^Remove")).click()
    await expect(page.get_by_role("status")).to_have_text("Done.")
    assert house.run(lambda s: s.passkeys.of_staff(ann.id)) == []
    await page.get_by_role("button", name="Sign out").click()
    await page.get_by_role("button", name="Use a passkey").click()
    await expect(page.get_by_role("alert")).to_contain_text("Sign-in failed")


async def test_passkey_without_user_verification_is_refused(house, at_home):
    page = at_home
    await page.goto(f"{house.address}/console/account")
    await page.get_by_role("button", name="Add a passkey").click()
    await expect(page.get_by_role("status")).to_have_text("Done.")
    await page.get_by_role("button", name="Sign out").click()
    await page.says(False)
    await page.evaluate(NOTE_REFUSAL)
    await page.get_by_role("button", name="Use a passkey").click()
    assert await until(lambda: page.evaluate("window.refused")) == "NotAllowedError"
    await expect(page.get_by_role("heading", name="Sign in", exact=True)).to_be_visible()


async def test_passkey_response_is_valid_once_for_two_minutes(house, at_home):
    page = at_home
    await page.goto(f"{house.address}/console/account")
    await page.get_by_role("button", name="Add a passkey").click()
    await expect(page.get_by_role("status")).to_have_text("Done.")
    script = """async () => {
      const asked = await (await fetch("/console/passkey/ask", {method: "POST"})).json();
      const made = await navigator.credentials.get({publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(asked)});
      return JSON.stringify(made);
    }"""
    answer = await page.evaluate(script)
    cookies = {c["name"]: c["value"] for c in await page.context.cookies()}
    challenge = cookies[passkeys.COOKIE]

    async def enters(credential, cookie):
        return await passkeys.redeem(house.context, credential, cookie)

    assert await enters(answer, challenge[:-1] + "x") is None, "not sealed by us"
    assert await enters(answer, passkeys.sign_in_challenge(house.context).cookie) is None, "another challenge"
    assert await enters("{}", challenge) is None
    assert await enters("[", challenge) is None
    house.clock.advance(passkeys.CHALLENGE_LIFETIME)
    assert await enters(answer, challenge) is None, "too late"
    house.clock.advance(-passkeys.CHALLENGE_LIFETIME)
    assert await enters(answer, challenge) is not None
    assert await enters(answer, challenge) is None, "not twice"


async def test_passkeys_without_https_are_not_offered(house, visit):
    page = await visit()
    await page.goto("/console/account")
    await expect(page.get_by_text("Passkeys")).to_have_count(0)
