"""Passkeys over time: an answer counts once, also next to another sign-in; nobody removed gets a way in.

What the device signed is stood in for: it is true if its counter is above the one that the check was given.
"""

import json
from base64 import urlsafe_b64encode
from datetime import timedelta
from types import SimpleNamespace

import pyotp
import pytest

from bot.app.alerts import escalation
from bot.app.records.team import Passkey
from bot.desk import passkeys, sign_in
from tests.app.conftest import AT

SECOND = timedelta(seconds=1)
KEY = urlsafe_b64encode(b"key").decode().rstrip("=")


@pytest.fixture
def ann(house):
    return house.staff("ann")


def answer(counter):
    return json.dumps({"id": KEY, "counter": counter})


def verified(*, credential, credential_current_sign_count, **_):
    counter = json.loads(credential)["counter"]
    if (counter or credential_current_sign_count) and counter <= credential_current_sign_count:
        raise ValueError("the counter did not rise")
    return SimpleNamespace(new_sign_count=counter)


@pytest.fixture
def device(house, ann, monkeypatch):
    """Signs in with the passkey: `device(counter, cookie)` returns a token or None."""
    monkeypatch.setattr(passkeys, "verify_authentication_response", verified)

    def use(counter, cookie):
        return house.loop.run_until_complete(passkeys.redeem(house.context, answer(counter), cookie))

    return use


def has_key(house, ann, counter):
    key = Passkey(staff_id=ann.id, credential_id=KEY, public_key="AAAA", sign_count=counter, added_at=AT)
    house.run(lambda s: s.passkeys.add(key))


def counted(house):
    return house.run(lambda s: s.passkeys.by_credential(KEY)).sign_count


def challenge(house):
    return passkeys.sign_in_challenge(house.context).cookie


def test_an_answer_checked_before_another_sign_in_is_refused(house, ann, device, monkeypatch):
    has_key(house, ann, 4)
    one, two = challenge(house), challenge(house)
    write = house.context.write

    async def after_the_other(fn):
        monkeypatch.setattr(type(house.context), "write", lambda _, fn: write(fn))
        assert await passkeys.redeem(house.context, answer(6), one)
        return await write(fn)

    monkeypatch.setattr(type(house.context), "write", lambda _, fn: after_the_other(fn))
    assert device(5, two) is None
    assert counted(house) == 6
    assert device(6, one) is None, "the answer that was used is worth nothing"


@pytest.mark.parametrize("counters", [(1, 2), (0, 0)], ids=["counts", "synchronized: always 0"])
def test_a_used_answer_is_refused_also_after_another_sign_in(house, ann, device, counters):
    has_key(house, ann, 0)
    first, second = counters
    one = challenge(house)
    house.clock.advance(SECOND)
    assert device(first, one)
    house.clock.advance(SECOND)
    two = challenge(house)
    assert device(second, two)
    for seconds in (0, 1, 30):
        house.clock.advance(seconds * SECOND)
        assert device(first, one) is None
        assert device(second, two) is None


def test_nobody_removed_meanwhile_gets_a_password_or_a_passkey(house, ann, monkeypatch):
    """The page checked the session in an earlier transaction."""
    house.act(escalation.remove, "ann")
    secret = pyotp.random_base32()
    code = pyotp.TOTP(secret).at(AT)
    refused = sign_in.set_password(house.context, ann, "correct horse battery", secret, code)
    assert house.loop.run_until_complete(refused) == "account.bad_code"
    made = SimpleNamespace(credential_id=b"k", credential_public_key=b"p", sign_count=0)
    monkeypatch.setattr(passkeys, "verify_registration_response", lambda **_: made)
    cookie = passkeys.registration_challenge(house.context, ann, []).cookie
    assert house.loop.run_until_complete(passkeys.register(house.context, ann, "{}", cookie)) is False
    gone = house.run(lambda s: s.staff.by_name("ann"))
    assert (gone.state, gone.password_hash, gone.totp_secret) == ("gone", None, None)
    assert house.run(lambda s: s.passkeys.of_staff(gone.id)) == []
