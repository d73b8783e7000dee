"""Every role on every route: allowed, refused with 403, or redirected to sign in. The table must be complete."""

import pytest

from bot.desk.routes import ACCESS_TABLE
from bot.desk.sign_in import COOKIE
from tests.app.conftest import AT

# Repeated here, so that a role changed by mistake in the access table fails a test.
ALL, CARE, LEAD, KEEP, NOBODY = "clo", "cl", "l", "lo", ""
"""c = coordinator, l = lead, o = operator; a role that is not listed gets 403."""
TASKS = "/console/work"
"""Pages of the version before post there."""
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
    "POST /console/alerts/{number:int}/{action}": ALL,
    f"POST {TASKS}" + "/{number:int}": ALL,
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
    "POST /console/patients/{code}/levels/{action}": CARE,
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
PATH = {"{token}": "x", "{version}": "0", "{name}": "console.css", "{number:int}": "1", "{action}": "take"}
PATH |= {"{code}": "P-0001"}


def concrete(path):
    for name, value in PATH.items():
        path = path.replace(name, value)
    return path


def test_access_table_lists_every_route():
    assert set(MAY) == {f"{route.method} {route.path}" for route in ACCESS_TABLE}


@pytest.mark.parametrize("route", [name for name, roles in MAY.items() if roles is not None])
def test_route_without_session_redirects_to_sign_in(house, route):
    method, path = route.split()
    browser = house.stranger()
    answer = browser.get(concrete(path)) if method == "GET" else browser.post_bare(concrete(path))
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/console/sign-in")


@pytest.mark.parametrize("letter", ROLES)
@pytest.mark.parametrize("route", [name for name, roles in MAY.items() if roles is not None])
def test_route_allows_exactly_its_roles(house, route, letter):
    house.patient()
    house.context.closing.set()  # the stream of events ends at once
    browser = house.signed_in(ROLES[letter])
    method, path = route.split()
    answer = browser.get(concrete(path)) if method == "GET" else browser.post(concrete(path))
    if letter in MAY[route]:
        assert answer.status_code not in {401, 403, 404, 405, 500}
        assert not answer.headers.get("location", "").startswith("/console/sign-in?")
    else:
        assert answer.status_code == 403
        assert "Access denied" in answer.text


@pytest.mark.parametrize("route", [n for n, roles in MAY.items() if roles is not None and n.startswith("POST")])
def test_form_without_csrf_token_is_refused(house, route):
    house.patient()
    browser = house.signed_in("lead")
    before = house.audited()
    answer = browser.post_bare(concrete(route.split()[1]), csrf="guessed")
    assert answer.status_code == 403
    assert house.audited() == before


def test_form_from_another_site_is_refused(house):
    browser = house.signed_in("lead")
    path = "/console/account/language"
    for site, status in (("cross-site", 403), ("same-site", 403), ("same-origin", 303)):
        answer = browser.post(path, headers={"sec-fetch-site": site}, language="es")
        assert answer.status_code == status


@pytest.mark.parametrize("path", ["/console/sign-in", "/console", "/console/patients", "/console/nothing-here"])
def test_response_carries_the_strict_headers(house, path):
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
def test_page_is_complete_in_every_language(house, page, language):
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


def test_static_file_has_its_hash_and_is_cached(house):
    browser = house.stranger()
    page = browser.get("/console/sign-in").text
    name = next(part for part in page.split('"') if part.endswith("console.css"))
    answer = browser.get(name)
    assert (answer.status_code, "immutable" in answer.headers["cache-control"]) == (200, True)
    assert answer.headers["content-type"].startswith("text/css")
    assert browser.get("/console/static/0/passwd").status_code == 404
    assert browser.get("/console/static/0/..%2f..%2fdesk.py").status_code == 404


def test_form_that_is_too_large_is_refused(house):
    browser = house.signed_in("lead")
    answer = browser.send("POST", "/console/schedules", content=b"x" * 10, headers={"content-length": "99999999"})
    assert answer.status_code == 403


def test_forged_cookie_does_not_sign_in(house):
    house.signed_in("lead")
    for cookie in ("", "x", "y" * 5000):
        browser = house.stranger()
        browser.cookies[COOKIE] = cookie
        assert browser.get("/console").status_code == 303
    assert house.clock.now() == AT
