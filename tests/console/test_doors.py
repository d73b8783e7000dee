"""Every role at every door: who may, who gets 403, who is sent to sign in. No door is forgotten."""

import pytest

from bot.console.routes import DOORS
from bot.console.sign_in import COOKIE
from tests.app.conftest import AT

# Written out by hand, so that a role that is changed in the routes by mistake is noticed here.
ALL, CARE, LEAD, KEEP, NOBODY = "clo", "cl", "l", "lo", ""
"""c = coordinator, l = lead, o = operator; what stands in no list is 403 for them."""
MAY = {
    "GET /console/sign-in": None,
    "POST /console/sign-in": None,
    "POST /console/link": None,
    "GET /console/enter/{token}": None,
    "POST /console/enter/{token}": None,
    "POST /console/passkey/ask": None,
    "POST /console/passkey/enter": None,
    "POST /console/sandbox": None,
    "GET /console/static/{version}/{name}": None,
    "POST /console/sign-out": ALL,
    "GET /console/account": ALL,
    "POST /console/account/password": ALL,
    "POST /console/account/language": ALL,
    "POST /console/account/passkeys/ask": ALL,
    "POST /console/account/passkeys": ALL,
    "POST /console/account/passkeys/{number:int}/remove": ALL,
    "GET /console": ALL,
    "GET /console/alerts/queue": ALL,
    "GET /console/alerts/events": ALL,
    "POST /console/alerts/{number:int}/{word}": ALL,
    "POST /console/work/{number:int}": ALL,
    "GET /console/patients": CARE,
    "POST /console/patients": CARE,
    "GET /console/patients/{code}": CARE,
    "GET /console/patients/{code}/summary": CARE,
    "GET /console/patients/{code}/calendar": CARE,
    "POST /console/patients/{code}/invite": CARE,
    "POST /console/patients/{code}/send": CARE,
    "POST /console/patients/{code}/resume": CARE,
    "POST /console/patients/{code}/preview": CARE,
    "POST /console/patients/{code}/plan": CARE,
    "POST /console/patients/{code}/expect": CARE,
    "POST /console/patients/{code}/unexpect": CARE,
    "GET /console/schedules": CARE,
    "POST /console/schedules": CARE,
    "GET /console/rota": ALL,
    "POST /console/rota/shifts": KEEP,
    "POST /console/rota/shifts/{number:int}/remove": KEEP,
    "POST /console/rota/covers": KEEP,
    "POST /console/rota/covers/{number:int}/remove": KEEP,
    "GET /console/team": KEEP,
    "POST /console/team": KEEP,
    "POST /console/team/{name}/link": KEEP,
    "POST /console/team/{name}/remove": KEEP,
    "GET /console/content": ALL,
    "POST /console/content": CARE,
    "GET /console/reports": ALL,
    "GET /console/reports.csv": ALL,
    "GET /console/audit": KEEP,
    "GET /console/export.csv": LEAD,
    "GET /console/export.ndjson": LEAD,
}
ROLES = {"c": "coordinator", "l": "lead", "o": "operator"}
PATH = {"{token}": "x", "{version}": "0", "{name}": "console.css", "{number:int}": "1", "{word}": "take"}
PATH |= {"{code}": "P-0001"}


def concrete(path):
    for name, value in PATH.items():
        path = path.replace(name, value)
    return path


def test_the_table_has_every_door():
    assert set(MAY) == {f"{door.method} {door.path}" for door in DOORS}


@pytest.mark.parametrize("door", [name for name, roles in MAY.items() if roles is not None])
def test_who_is_not_signed_in_is_sent_to_sign_in(house, door):
    method, path = door.split()
    browser = house.stranger()
    answer = browser.get(concrete(path)) if method == "GET" else browser.post_bare(concrete(path))
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/console/sign-in")


@pytest.mark.parametrize("letter", ROLES)
@pytest.mark.parametrize("door", [name for name, roles in MAY.items() if roles is not None])
def test_every_role_at_every_door(house, door, letter):
    house.patient()
    house.desk.closing.set()  # the stream of events ends at once
    browser = house.signed_in(ROLES[letter])
    method, path = door.split()
    answer = browser.get(concrete(path)) if method == "GET" else browser.post(concrete(path))
    if letter in MAY[door]:
        assert answer.status_code not in {401, 403, 404, 405, 500}
        assert not answer.headers.get("location", "").startswith("/console/sign-in?")
    else:
        assert answer.status_code == 403
        assert "You may not do that" in answer.text


@pytest.mark.parametrize("door", [n for n, roles in MAY.items() if roles is not None and n.startswith("POST")])
def test_a_form_without_its_word_changes_nothing(house, door):
    house.patient()
    browser = house.signed_in("lead")
    before = house.audited()
    answer = browser.post_bare(concrete(door.split()[1]), csrf="guessed")
    assert answer.status_code == 403
    assert house.audited() == before


def test_a_form_of_another_site_is_refused(house):
    browser = house.signed_in("lead")
    path = "/console/account/language"
    for site, status in (("cross-site", 403), ("same-site", 403), ("same-origin", 303)):
        answer = browser.post(path, headers={"sec-fetch-site": site}, language="es")
        assert answer.status_code == status


@pytest.mark.parametrize("path", ["/console/sign-in", "/console", "/console/patients", "/console/nothing-here"])
def test_every_answer_carries_the_strict_headers(house, path):
    answer = house.signed_in("lead").get(path)
    if answer.status_code == 404:
        return
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "http:" not in policy
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    "page",
    ["", "/patients", "/patients/P-0001", "/schedules", "/rota", "/team", "/content", "/reports", "/audit", "/account"],
)
@pytest.mark.parametrize("language", ["en", "es", "ru"])
def test_every_page_is_whole_in_every_language(house, page, language):
    """No key shown instead of words, nothing inline that the policy would refuse, nothing from another server."""
    house.patient()
    browser = house.signed_in("lead", f"lead-{language}", language)
    answer = browser.get(f"/console{page}")
    assert answer.status_code == 200
    assert f'<html lang="{language}">' in answer.text
    assert "console." not in answer.text.replace("console.css", "").replace("console.js", "")
    assert "staff." not in answer.text
    assert " style=" not in answer.text
    assert " onclick" not in answer.text
    assert "https://" not in answer.text


def test_files_carry_their_own_hash_and_are_kept(house):
    browser = house.stranger()
    page = browser.get("/console/sign-in").text
    name = next(part for part in page.split('"') if part.endswith("console.css"))
    answer = browser.get(name)
    assert (answer.status_code, "immutable" in answer.headers["cache-control"]) == (200, True)
    assert answer.headers["content-type"].startswith("text/css")
    assert browser.get("/console/static/0/passwd").status_code == 404
    assert browser.get("/console/static/0/..%2f..%2fdesk.py").status_code == 404


def test_what_is_too_large_is_no_form(house):
    browser = house.signed_in("lead")
    answer = browser.send("POST", "/console/schedules", content=b"x" * 10, headers={"content-length": "99999999"})
    assert answer.status_code == 403


def test_nobody_is_signed_in_by_a_cookie_made_up(house):
    house.signed_in("lead")
    for cookie in ("", "x", "y" * 5000):
        browser = house.stranger()
        browser.cookies[COOKIE] = cookie
        assert browser.get("/console").status_code == 303
    assert house.clock.now() == AT
