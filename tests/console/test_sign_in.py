"""Signing in: a link to one's own chat that works once, a password that needs a code, and sessions that end."""

import re
from datetime import timedelta

import pyotp
import pytest

from bot.app import duty, team
from bot.console import sign_in
from bot.console.sign_in import COOKIE, IDLE, LIFE, LINK_VALID, LOCKED_FOR
from tests.console.conftest import text
from tests.contract.samples import passkey

MINUTE = timedelta(minutes=1)
PASSWORD = "correct horse battery"


def link_sent(house, name="ann"):
    """Ask for a link; return the newest one that came into the chat."""
    house.stranger().post_bare("/console/link", name=name)
    rows = [q.row for q in house.database.tables.all("outbox") if q.row.screen.name == "staff.console_link"]
    return re.search(r"/console/enter/(\S+)", rows[-1].screen.lines[0].values["link"])[1] if rows else None


def with_password(house, name="ann", role="lead"):
    """Give someone a password and codes, on their page; return the secret."""
    browser = house.signed_in(role, name)
    secret = re.search(r"<code>([A-Z2-7]{32})</code>", browser.get("/console/account").text)[1]
    code = pyotp.TOTP(secret).at(house.clock.now())
    answer = browser.post("/console/account/password", password=PASSWORD, secret=secret, code=code)
    assert (answer.status_code, answer.headers["location"]) == (303, "/console/sign-in")
    assert browser.get("/console").status_code == 303, "all sessions end with it"
    house.clock.advance(MINUTE)
    return secret


def by_password(house, secret, *, name="ann", password=PASSWORD, code=None, to="/console"):
    browser = house.stranger()
    code = pyotp.TOTP(secret).at(house.clock.now()) if code is None else code
    return browser, browser.post_bare("/console/sign-in", name=name, password=password, code=code, to=to)


# -- by a link


def test_a_link_works_once_and_not_when_it_is_only_looked_at(house):
    house.staff("ann")
    token = link_sent(house)
    browser = house.stranger()
    assert "Sign in" in text(browser.get(f"/console/enter/{token}")), "a chat's preview opens links by itself"
    answer = browser.post_bare(f"/console/enter/{token}")
    assert (answer.status_code, answer.headers["location"]) == (303, "/console")
    assert browser.get("/console").status_code == 200
    assert house.stranger().post_bare(f"/console/enter/{token}").status_code == 410
    assert ("ann", "signed_in") in house.audited()


def test_the_cookie_can_be_read_by_no_script_and_goes_to_the_console_alone(house):
    house.staff("ann")
    answer = house.stranger().post_bare(f"/console/enter/{link_sent(house)}")
    cookie = answer.headers["set-cookie"].lower()
    for word in ("httponly", "samesite=lax", "path=/console", "max-age=43200"):
        assert word in cookie
    assert "secure" not in cookie, "this machine's own address has no https"


def test_where_there_is_https_the_cookie_says_so(house):
    object.__setattr__(house.desk, "url", "https://clinic.example")
    house.staff("ann")
    answer = house.stranger().post_bare(f"/console/enter/{link_sent(house)}")
    assert "secure" in answer.headers["set-cookie"].lower()


def test_a_link_that_is_too_old_opens_nothing(house):
    house.staff("ann")
    token = link_sent(house)
    house.clock.advance(LINK_VALID)
    assert house.stranger().post_bare(f"/console/enter/{token}").status_code == 410


def test_a_newer_link_ends_the_earlier_one_and_they_come_no_faster_than_every_half_minute(house):
    house.staff("ann")
    first = link_sent(house)
    assert link_sent(house) == first
    house.clock.advance(MINUTE)
    second = link_sent(house)
    assert second != first
    assert house.stranger().post_bare(f"/console/enter/{first}").status_code == 410
    assert house.stranger().post_bare(f"/console/enter/{second}").status_code == 303


def test_nothing_tells_whether_there_is_such_a_name(house):
    house.staff("ann")
    known, unknown = (house.stranger().post_bare("/console/link", name=name) for name in ("ann", "nobody"))
    assert (known.status_code, known.text) == (unknown.status_code, unknown.text)
    assert link_sent(house, "nobody") is not None, "the one of ann; none came for nobody"
    rows = [q.row for q in house.database.tables.all("outbox") if q.row.screen.name == "staff.console_link"]
    assert len(rows) == 1


def test_who_was_removed_gets_no_link_and_is_out_at_once(house):
    browser = house.signed_in("lead", "ann")
    token = link_sent(house)
    house.run(duty.remove, "ann", "lead-0", house.clock.now())
    assert browser.get("/console").status_code == 303
    assert house.stranger().post_bare(f"/console/enter/{token}").status_code == 410


def test_who_comes_back_sets_up_every_way_in_anew(house):
    secret = with_password(house)
    ann = house.run(lambda s: s.staff_by_name("ann"))
    house.run(lambda s: s.add_passkey(passkey(ann.id)))
    house.run(duty.remove, "ann", "lead-0", house.clock.now())
    _, token = house.run(team.link_again, house.clinic, "ann", "lead-0", house.clock.now())
    house.run(team.joined, house.clinic, token, 77, house.clock.now())
    assert by_password(house, secret)[1].status_code == 401
    assert house.run(lambda s: s.passkeys(ann.id)) == []
    assert house.stranger().post_bare(f"/console/enter/{link_sent(house)}").status_code == 303


# -- by password and code


def test_a_password_needs_a_code_beside_it(house):
    secret = with_password(house)
    browser, answer = by_password(house, secret)
    assert (answer.status_code, answer.headers["location"]) == (303, "/console")
    assert browser.get("/console").status_code == 200
    house.clock.advance(MINUTE)
    for wrong in ({"password": "wrong horse battery"}, {"code": "000000"}, {"code": ""}, {"name": "nobody"}):
        browser, answer = by_password(house, secret, **wrong)
        assert (answer.status_code, COOKIE in browser.cookies) == (401, False)
        assert "did not open" in text(answer)


def test_no_code_is_good_twice(house):
    secret = with_password(house)
    code = pyotp.TOTP(secret).at(house.clock.now())
    assert by_password(house, secret, code=code)[1].status_code == 303
    assert by_password(house, secret, code=code)[1].status_code == 401
    house.clock.advance(MINUTE / 2)
    assert by_password(house, secret)[1].status_code == 303


def test_a_code_of_the_half_minute_before_or_after_is_good_and_no_other(house):
    secret = with_password(house)
    now = house.clock.now()
    totp = pyotp.TOTP(secret)
    for half_minutes, good in ((-2, False), (2, False), (-1, True), (1, True)):
        code = totp.at(now + half_minutes * MINUTE / 2)
        assert (sign_in.good_step(secret, code, now) is not None) == good
    assert sign_in.good_step(secret, f" {totp.at(now)[:3]} {totp.at(now)[3:]}", now) is not None


def test_five_wrong_tries_lock_the_name_for_a_quarter_of_an_hour(house):
    secret = with_password(house)
    for _ in range(5):
        assert by_password(house, secret, password="wrong horse battery")[1].status_code == 401
    assert by_password(house, secret)[1].status_code == 401, "the right one opens nothing now"
    assert ("ann", "sign_in_locked") in house.audited()
    house.clock.advance(LOCKED_FOR)
    assert by_password(house, secret)[1].status_code == 303


def test_a_right_one_forgets_the_wrong_tries(house):
    secret = with_password(house)
    for _ in range(3):
        for _ in range(4):
            by_password(house, secret, password="wrong horse battery")
        assert by_password(house, secret)[1].status_code == 303
        house.clock.advance(MINUTE)


def test_a_locked_name_still_gets_in_by_the_chat(house):
    secret = with_password(house)
    for _ in range(5):
        by_password(house, secret, password="wrong horse battery")
    assert house.stranger().post_bare(f"/console/enter/{link_sent(house)}").status_code == 303


@pytest.mark.parametrize(("password", "code"), [("short", None), (PASSWORD, "000000"), ("x" * 201, None)])
def test_a_bad_password_or_code_sets_nothing(house, password, code):
    browser = house.signed_in("lead", "ann")
    secret = pyotp.random_base32()
    good = pyotp.TOTP(secret).at(house.clock.now())
    answer = browser.post("/console/account/password", password=password, secret=secret, code=code or good)
    assert answer.status_code == 422
    assert house.run(lambda s: s.staff_by_name("ann")).password_hash is None
    assert browser.get("/console").status_code == 200


def test_neither_password_nor_code_is_stored_readable(house):
    secret = with_password(house)
    person = house.run(lambda s: s.staff_by_name("ann"))
    assert person.password_hash.startswith("$argon2id$")
    assert PASSWORD not in person.model_dump_json()
    assert person.totp_secret == secret, "sealed in its table, see the tests of the database"


@pytest.mark.parametrize(
    ("to", "leads"),
    [
        ("/console/patients/P-0001", "/console/patients/P-0001"),
        ("https://evil.example", "/console"),
        ("//evil.example", "/console"),
        ("/console//evil.example", "/console"),
        ("/console/\\evil", "/console"),
        ("/console/sign-in", "/console"),
        ("/consolex", "/console"),
        ("", "/console"),
    ],
)
def test_it_leads_to_a_page_of_the_console_and_nowhere_else(house, to, leads):
    secret = with_password(house)
    assert by_password(house, secret, to=to)[1].headers["location"] == leads


# -- sessions


def test_a_session_ends_when_it_is_not_used(house):
    browser = house.signed_in("lead")
    for _ in range(3):
        house.clock.advance(IDLE - MINUTE)
        assert browser.get("/console").status_code == 200
    house.clock.advance(IDLE)
    assert browser.get("/console").status_code == 303


def test_a_session_ends_after_twelve_hours_however_it_is_used(house):
    browser = house.signed_in("lead")
    for _ in range(int(LIFE / (20 * MINUTE)) - 1):
        house.clock.advance(20 * MINUTE)
        assert browser.get("/console").status_code == 200
    house.clock.advance(20 * MINUTE)
    assert browser.get("/console").status_code == 303


def test_signing_out_ends_the_session_for_good(house):
    browser = house.signed_in("lead")
    assert browser.post("/console/sign-out").status_code == 303
    assert browser.get("/console").status_code == 303


def test_a_page_that_is_kept_up_to_date_is_told_to_sign_in(house):
    answer = house.stranger().get("/console/alerts/queue", headers={"hx-request": "true"})
    assert (answer.status_code, answer.headers["hx-redirect"]) == (401, "/console/sign-in")


def test_the_sandboxs_own_door_is_shut_outside_it(house):
    assert house.stranger().post_bare("/console/sandbox").status_code == 403
    assert "sandbox-lead" not in house.stranger().get("/console/sign-in").text
    object.__setattr__(house.desk, "sandbox", True)
    browser = house.stranger()
    assert browser.post_bare("/console/sandbox").status_code == 303
    assert browser.get("/console").status_code == 200
    assert house.stranger().post_bare("/console/sandbox").status_code == 303, "and again"


def test_the_language_of_the_page_is_the_readers_own(house):
    browser = house.signed_in("lead")
    browser.post("/console/account/language", language="ru")
    assert "Тревоги" in browser.get("/console").text
    assert browser.post("/console/account/language", language="fr").status_code == 422
    assert 'lang="es"' in house.stranger().get("/console/sign-in", headers={"accept-language": "es-MX,en"}).text
    assert 'lang="en"' in house.stranger().get("/console/sign-in", headers={"accept-language": "fr"}).text
