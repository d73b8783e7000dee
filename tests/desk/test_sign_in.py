"""Signing in: a link to one's own chat that works once, a password that needs a code, and sessions that end."""

import re
from datetime import timedelta

import argon2
import pyotp
import pytest

from bot.app.alerts import escalation
from bot.app.team import members
from bot.desk import sign_in
from bot.desk.sign_in import COOKIE, IDLE_TIMEOUT, LINK_LIFETIME, LOCKOUT, SESSION_LIFETIME
from tests.contract.samples import passkey
from tests.desk.conftest import text

MINUTE = timedelta(minutes=1)
PASSWORD = "correct horse battery"


def link_sent(house, name="ann"):
    """Ask for a link; return the newest one that came into the chat."""
    house.stranger().post_bare("/console/link", name=name)
    rows = [q.row for q in house.database.outbox() if q.row.screen.name == "staff.console_link"]
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


def test_link_works_once_and_not_when_only_opened(house):
    house.staff("ann")
    token = link_sent(house)
    browser = house.stranger()
    assert "Sign in" in text(browser.get(f"/console/enter/{token}")), "a chat's preview opens links by itself"
    answer = browser.post_bare(f"/console/enter/{token}")
    assert (answer.status_code, answer.headers["location"]) == (303, "/console")
    assert browser.get("/console").status_code == 200
    assert house.stranger().post_bare(f"/console/enter/{token}").status_code == 410
    assert ("ann", "signed_in") in house.audited()


def test_cookie_is_http_only_and_limited_to_the_console(house):
    house.staff("ann")
    answer = house.stranger().post_bare(f"/console/enter/{link_sent(house)}")
    cookie = answer.headers["set-cookie"].lower()
    for word in ("httponly", "samesite=lax", "path=/console", "max-age=43200"):
        assert word in cookie
    assert "secure" not in cookie, "this machine's own address has no https"


def test_cookie_with_https_is_secure(house):
    object.__setattr__(house.context, "url", "https://clinic.example")
    house.staff("ann")
    answer = house.stranger().post_bare(f"/console/enter/{link_sent(house)}")
    assert "secure" in answer.headers["set-cookie"].lower()


def test_link_that_expired_does_not_sign_in(house):
    house.staff("ann")
    token = link_sent(house)
    house.clock.advance(LINK_LIFETIME)
    assert house.stranger().post_bare(f"/console/enter/{token}").status_code == 410


def test_new_link_replaces_the_old_one_at_most_every_30_seconds(house):
    house.staff("ann")
    first = link_sent(house)
    assert link_sent(house) == first
    house.clock.advance(MINUTE)
    second = link_sent(house)
    assert second != first
    assert house.stranger().post_bare(f"/console/enter/{first}").status_code == 410
    assert house.stranger().post_bare(f"/console/enter/{second}").status_code == 303


def test_link_request_does_not_reveal_known_names(house):
    house.staff("ann")
    known, unknown = (house.stranger().post_bare("/console/link", name=name) for name in ("ann", "nobody"))
    assert (known.status_code, known.text) == (unknown.status_code, unknown.text)
    assert link_sent(house, "nobody") is not None, "the one of ann; none came for nobody"
    rows = [q.row for q in house.database.outbox() if q.row.screen.name == "staff.console_link"]
    assert len(rows) == 1


def test_removed_member_loses_session_and_gets_no_link(house):
    browser = house.signed_in("lead", "ann")
    token = link_sent(house)
    house.act(escalation.remove, "ann")
    assert browser.get("/console").status_code == 303
    assert house.stranger().post_bare(f"/console/enter/{token}").status_code == 410


def test_returning_member_sets_up_every_sign_in_method_again(house):
    secret = with_password(house)
    ann = house.run(lambda s: s.staff.by_name("ann"))
    house.run(lambda s: s.passkeys.add(passkey(ann.id)))
    house.act(escalation.remove, "ann")
    _, token = house.act(members.renew_link, "ann")
    house.act(members.join, token, 77)
    assert by_password(house, secret)[1].status_code == 401
    assert house.run(lambda s: s.passkeys.of_staff(ann.id)) == []
    assert house.stranger().post_bare(f"/console/enter/{link_sent(house)}").status_code == 303


# -- by password and code


def test_password_without_code_does_not_sign_in(house):
    secret = with_password(house)
    browser, answer = by_password(house, secret)
    assert (answer.status_code, answer.headers["location"]) == (303, "/console")
    assert browser.get("/console").status_code == 200
    house.clock.advance(MINUTE)
    for wrong in ({"password": "wrong horse battery"}, {"code": "000000"}, {"code": ""}, {"name": "nobody"}):
        browser, answer = by_password(house, secret, **wrong)
        assert (answer.status_code, COOKIE in browser.cookies) == (401, False)
        assert "Sign-in failed" in text(answer)


def test_code_used_twice_is_refused(house):
    secret = with_password(house)
    code = pyotp.TOTP(secret).at(house.clock.now())
    assert by_password(house, secret, code=code)[1].status_code == 303
    assert by_password(house, secret, code=code)[1].status_code == 401
    house.clock.advance(MINUTE / 2)
    assert by_password(house, secret)[1].status_code == 303


def test_code_one_step_off_is_accepted_and_no_other(house):
    secret = with_password(house)
    now = house.clock.now()
    totp = pyotp.TOTP(secret)
    for half_minutes, good in ((-2, False), (2, False), (-1, True), (1, True)):
        code = totp.at(now + half_minutes * MINUTE / 2)
        assert (sign_in.matching_step(secret, code, now) is not None) == good
    assert sign_in.matching_step(secret, f" {totp.at(now)[:3]} {totp.at(now)[3:]}", now) is not None


def test_five_failed_attempts_lock_for_15_minutes(house):
    secret = with_password(house)
    for _ in range(5):
        assert by_password(house, secret, password="wrong horse battery")[1].status_code == 401
    assert by_password(house, secret)[1].status_code == 401, "the right one opens nothing now"
    assert ("ann", "sign_in_locked") in house.audited()
    house.clock.advance(LOCKOUT)
    assert by_password(house, secret)[1].status_code == 303


def test_successful_sign_in_resets_failed_attempts(house):
    secret = with_password(house)
    for _ in range(3):
        for _ in range(4):
            by_password(house, secret, password="wrong horse battery")
        assert by_password(house, secret)[1].status_code == 303
        house.clock.advance(MINUTE)


def test_locked_member_can_sign_in_with_a_link(house):
    secret = with_password(house)
    for _ in range(5):
        by_password(house, secret, password="wrong horse battery")
    assert house.stranger().post_bare(f"/console/enter/{link_sent(house)}").status_code == 303


@pytest.mark.parametrize(("password", "code"), [("short", None), (PASSWORD, "000000"), ("x" * 201, None)])
def test_invalid_new_password_or_code_sets_nothing(house, password, code):
    browser = house.signed_in("lead", "ann")
    secret = pyotp.random_base32()
    good = pyotp.TOTP(secret).at(house.clock.now())
    answer = browser.post("/console/account/password", password=password, secret=secret, code=code or good)
    assert answer.status_code == 422
    assert house.run(lambda s: s.staff.by_name("ann")).password_hash is None
    assert browser.get("/console").status_code == 200


def test_a_guess_of_a_password_is_expensive():
    """At least what RFC 9106 recommends where memory is scarce: 64 MiB, three passes. Unknown names cost the same."""
    cost = argon2.extract_parameters(sign_in._DUMMY_HASH)
    assert cost.type is argon2.Type.ID
    assert cost.memory_cost >= 64 * 1024
    assert cost.time_cost >= 3
    assert not sign_in._HASHER.check_needs_rehash(sign_in._DUMMY_HASH), "those of members cost no less"


def test_password_and_secret_are_not_stored_in_plain_text(house):
    secret = with_password(house)
    person = house.run(lambda s: s.staff.by_name("ann"))
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
def test_sign_in_redirects_only_to_the_console(house, to, leads):
    secret = with_password(house)
    assert by_password(house, secret, to=to)[1].headers["location"] == leads


# -- sessions


def test_session_without_use_ends(house):
    browser = house.signed_in("lead")
    for _ in range(3):
        house.clock.advance(IDLE_TIMEOUT - MINUTE)
        assert browser.get("/console").status_code == 200
    house.clock.advance(IDLE_TIMEOUT)
    assert browser.get("/console").status_code == 303


def test_session_in_use_ends_after_twelve_hours(house):
    browser = house.signed_in("lead")
    for _ in range(int(SESSION_LIFETIME / (20 * MINUTE)) - 1):
        house.clock.advance(20 * MINUTE)
        assert browser.get("/console").status_code == 200
    house.clock.advance(20 * MINUTE)
    assert browser.get("/console").status_code == 303


def test_sign_out_ends_the_session(house):
    browser = house.signed_in("lead")
    assert browser.post("/console/sign-out").status_code == 303
    assert browser.get("/console").status_code == 303


def test_live_page_after_session_end_redirects_to_sign_in(house):
    answer = house.stranger().get("/console/alerts/queue", headers={"hx-request": "true"})
    assert (answer.status_code, answer.headers["hx-redirect"]) == (401, "/console/sign-in")


def test_sandbox_sign_in_outside_the_sandbox_is_refused(house):
    assert house.stranger().post_bare("/console/sandbox").status_code == 403
    assert "sandbox-lead" not in house.stranger().get("/console/sign-in").text
    object.__setattr__(house.context, "sandbox", True)
    browser = house.stranger()
    assert browser.post_bare("/console/sandbox").status_code == 303
    assert browser.get("/console").status_code == 200
    assert house.stranger().post_bare("/console/sandbox").status_code == 303, "and again"


def test_page_language_is_the_readers_own(house):
    browser = house.signed_in("lead")
    browser.post("/console/account/language", language="ru")
    assert "Тревоги" in browser.get("/console").text
    assert browser.post("/console/account/language", language="fr").status_code == 422
    assert 'lang="es"' in house.stranger().get("/console/sign-in", headers={"accept-language": "es-MX,en"}).text
    assert 'lang="en"' in house.stranger().get("/console/sign-in", headers={"accept-language": "fr"}).text
