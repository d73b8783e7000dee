"""Passkeys: a phone's or a key's own lock instead of a password (WebAuthn). Shows no page.

Only where browsers trust the address: by https, or on this very machine. The lock must have been opened (a finger, a
face, a PIN), so that a passkey stands for password and code together. A challenge is random, good for two minutes, and
kept in the browser in a form that only we could have made.
"""

import json
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from urllib.parse import urlsplit

from webauthn import (
    generate_authentication_options,
    generate_registration_options,
    options_to_json,
    verify_authentication_response,
    verify_registration_response,
)
from webauthn.helpers import base64url_to_bytes
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from bot.app.store import Audit, Store
from bot.app.team_store import Passkey, Staff
from bot.console import sign_in
from bot.console.desk import Desk

COOKIE = "nervecheck-challenge"
VALID = timedelta(minutes=2)
MOST = 5
"""Passkeys a person: a phone, a laptop, a key in the drawer."""
LOCAL = frozenset({"localhost"})
_BYTES = 32


class Asked(NamedTuple):
    """What the browser is asked (JSON), and the cookie that brings the challenge back."""

    options: str
    cookie: str


def offered(desk: Desk) -> bool:
    """Whether browsers would take part: an address by https, or this machine by name."""
    return desk.secure or urlsplit(desk.url).hostname in LOCAL


def _site(desk: Desk) -> str:
    return urlsplit(desk.url).hostname or ""


def ask_to_register(desk: Desk, person: Staff, there: list[Passkey]) -> Asked:
    """Ask the browser to make a passkey for someone; those they have already are left out."""
    challenge = secrets.token_bytes(_BYTES)
    options = generate_registration_options(
        rp_id=_site(desk),
        rp_name="nervecheck",
        user_name=person.name,
        user_id=f"staff-{person.id}".encode(),
        challenge=challenge,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED, user_verification=UserVerificationRequirement.REQUIRED
        ),
        exclude_credentials=[PublicKeyCredentialDescriptor(id=base64url_to_bytes(row.credential_id)) for row in there],
    )
    return Asked(options_to_json(options), _wrapped(desk, challenge))


def ask_to_sign_in(desk: Desk) -> Asked:
    """Ask the browser for any passkey of ours; nobody has to say who they are."""
    challenge = secrets.token_bytes(_BYTES)
    options = generate_authentication_options(
        rp_id=_site(desk), challenge=challenge, user_verification=UserVerificationRequirement.REQUIRED
    )
    return Asked(options_to_json(options), _wrapped(desk, challenge))


async def register(desk: Desk, person: Staff, credential: str, cookie: str) -> bool:
    """Keep a passkey that the browser made; False when it is not what was asked for, or there are enough."""
    challenge = _challenge(desk, cookie)
    if challenge is None:
        return False
    try:
        made = verify_registration_response(
            credential=credential,
            expected_challenge=challenge,
            expected_rp_id=_site(desk),
            expected_origin=desk.url,
            require_user_verification=True,
        )
    except (WebAuthnException, ValueError, KeyError):
        return False

    def work(store: Store, at: datetime) -> bool:
        if len(store.passkeys(person.id)) >= MOST:
            return False
        store.add_passkey(
            Passkey(
                staff_id=person.id,
                credential_id=_text(made.credential_id),
                public_key=_text(made.credential_public_key),
                sign_count=made.sign_count,
                added_at=at,
            )
        )
        store.audit(Audit(at=at, actor=person.name, action="passkey_added", subject=person.name))
        return True

    return await desk.write(work)


async def enter(desk: Desk, credential: str, cookie: str) -> str | None:
    """Return the token of a new session; None when the passkey is not one of ours, or not opened for this challenge."""
    challenge, known_by = _challenge(desk, cookie), _credential_id(credential)
    if challenge is None or known_by is None:
        return None
    row = await desk.read(lambda store, _at: store.passkey_by_credential(known_by))
    if row is None:
        return None
    try:
        found = verify_authentication_response(
            credential=credential,
            expected_challenge=challenge,
            expected_rp_id=_site(desk),
            expected_origin=desk.url,
            credential_public_key=base64url_to_bytes(row.public_key),
            credential_current_sign_count=row.sign_count,
            require_user_verification=True,
        )
    except (WebAuthnException, ValueError, KeyError):
        return None
    once = _text(challenge)

    def work(store: Store, at: datetime) -> str | None:
        now = store.passkey_by_credential(known_by)
        person = store.staff_member(row.staff_id)
        if now is None or person is None or person.state != "active" or now.last_challenge == once:
            return None
        used = {"sign_count": found.new_sign_count, "used_at": at, "last_challenge": once}
        store.save_passkey(now.model_copy(update=used))
        return sign_in.begin(store, desk, person, "passkey", at)

    return await desk.write(work)


async def remove(desk: Desk, person: Staff, number: int) -> bool:
    """Forget one of someone's own passkeys; False when it is not theirs."""

    def work(store: Store, at: datetime) -> bool:
        if number not in {row.id for row in store.passkeys(person.id)}:
            return False
        store.drop_passkey(number)
        store.audit(Audit(at=at, actor=person.name, action="passkey_removed", subject=person.name))
        return True

    return await desk.write(work)


# -- the challenge, in the browser's keeping


def _wrapped(desk: Desk, challenge: bytes) -> str:
    ends = int((desk.clock.now() + VALID).timestamp())
    body = f"{_text(challenge)}.{ends}"
    return f"{body}.{desk.clinic.hash_token(f'challenge:{body}')}"


def _challenge(desk: Desk, cookie: str) -> bytes | None:
    """Return the challenge that a cookie brings back; None for one that is not ours, or too old."""
    body, _, seal = cookie.rpartition(".")
    if not body or not sign_in.is_same(seal, desk.clinic.hash_token(f"challenge:{body}")):
        return None
    challenge, _, ends = body.partition(".")
    if desk.clock.now() >= datetime.fromtimestamp(int(ends), UTC):
        return None
    return base64url_to_bytes(challenge)


def _credential_id(credential: str) -> str | None:
    """Return the id that a browser's answer names, in the form it is stored in; None for what is no such answer."""
    try:
        named = json.loads(credential)["id"]
        return _text(urlsafe_b64decode(named + "=" * (-len(named) % 4)))
    except (ValueError, KeyError, TypeError):
        return None


def _text(raw: bytes) -> str:
    return urlsafe_b64encode(raw).decode("ascii").rstrip("=")
