"""Owns passkeys (WebAuthn): sign-in with the screen lock of a device instead of a password. Shows no page.

Available only where browsers allow it: over https, or on localhost. User verification (fingerprint, face, PIN) is
required, so a passkey replaces password and code. A challenge is random, expires after two minutes, and is kept in
a cookie with our keyed hash.
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

from bot.app.records.operations import Audit
from bot.app.records.team import Passkey, Staff
from bot.app.work import Work
from bot.desk import sign_in
from bot.desk.context import ConsoleContext

COOKIE = "nervecheck-challenge"
CHALLENGE_LIFETIME = timedelta(minutes=2)
MAX_PASSKEYS = 5
"""Passkeys per team member: a phone, a laptop, a spare key."""
LOCAL_HOSTS = frozenset({"localhost"})
_BYTES = 32


class Challenge(NamedTuple):
    """WebAuthn options for the browser (JSON), and the cookie that carries the challenge."""

    options: str
    cookie: str


def are_available(context: ConsoleContext) -> bool:
    """Return whether browsers support passkeys at this address: https, or localhost."""
    return context.secure or urlsplit(context.url).hostname in LOCAL_HOSTS


def _host(context: ConsoleContext) -> str:
    return urlsplit(context.url).hostname or ""


def registration_challenge(context: ConsoleContext, person: Staff, existing: list[Passkey]) -> Challenge:
    """Return the options to create a passkey; passkeys that the member already has are excluded."""
    challenge = secrets.token_bytes(_BYTES)
    options = generate_registration_options(
        rp_id=_host(context),
        rp_name="nervecheck",
        user_name=person.name,
        user_id=f"staff-{person.id}".encode(),
        challenge=challenge,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED, user_verification=UserVerificationRequirement.REQUIRED
        ),
        exclude_credentials=[
            PublicKeyCredentialDescriptor(id=base64url_to_bytes(row.credential_id)) for row in existing
        ],
    )
    return Challenge(options_to_json(options), _challenge_cookie(context, challenge))


def sign_in_challenge(context: ConsoleContext) -> Challenge:
    """Return the options to sign in with any of our passkeys, without a name."""
    challenge = secrets.token_bytes(_BYTES)
    options = generate_authentication_options(
        rp_id=_host(context), challenge=challenge, user_verification=UserVerificationRequirement.REQUIRED
    )
    return Challenge(options_to_json(options), _challenge_cookie(context, challenge))


async def register(context: ConsoleContext, person: Staff, credential: str, cookie: str) -> bool:
    """Store a passkey that the browser created. Return False if it is invalid or the member has too many."""
    made = _challenge_of(context, cookie)
    if made is None:
        return False
    try:
        verified = verify_registration_response(
            credential=credential,
            expected_challenge=made.challenge,
            expected_rp_id=_host(context),
            expected_origin=context.url,
            require_user_verification=True,
        )
    except (WebAuthnException, ValueError, KeyError):
        return False

    def act(work: Work) -> bool:
        # The session was checked in an earlier transaction: they may have been removed since.
        now = work.staff.by_name(person.name, lock=True)
        if now is None or now.state != "active" or len(work.passkeys.of_staff(now.id)) >= MAX_PASSKEYS:
            return False
        work.passkeys.add(
            Passkey(
                staff_id=person.id,
                credential_id=_text(verified.credential_id),
                public_key=_text(verified.credential_public_key),
                sign_count=verified.sign_count,
                added_at=work.at,
            )
        )
        work.audit.add(Audit(at=work.at, actor=person.name, action="passkey_added", subject=person.name))
        return True

    return await context.write(act)


async def redeem(context: ConsoleContext, credential: str, cookie: str) -> str | None:
    """Return the token of a new session; None if the passkey is unknown or did not sign this challenge."""
    made, credential_id = _challenge_of(context, cookie), _credential_id(credential)
    if made is None or credential_id is None:
        return None
    row = await context.read(lambda work: work.passkeys.by_credential(credential_id))
    if row is None:
        return None
    try:
        verified = verify_authentication_response(
            credential=credential,
            expected_challenge=made.challenge,
            expected_rp_id=_host(context),
            expected_origin=context.url,
            credential_public_key=base64url_to_bytes(row.public_key),
            credential_current_sign_count=row.sign_count,
            require_user_verification=True,
        )
    except (WebAuthnException, ValueError, KeyError):
        return None
    challenge_text = _text(made.challenge)

    def act(work: Work) -> str | None:
        now = work.passkeys.by_credential(credential_id)
        person = work.staff.get(row.staff_id)
        if now is None or person is None or person.state != "active" or now.last_challenge == challenge_text:
            return None
        if _is_outdated(now, verified.new_sign_count, made.issued_at):
            return None
        used = {"sign_count": verified.new_sign_count, "used_at": work.at, "last_challenge": challenge_text}
        work.passkeys.save(now.model_copy(update=used))
        return sign_in.begin_session(work, context, person, "passkey")

    return await context.write(act)


def _is_outdated(now: Passkey, sign_count: int, issued_at: datetime) -> bool:
    """Return whether the passkey was used since its signature was checked, or since the challenge was issued.

    The check read the counter in an earlier transaction. Passkeys that are synchronized count nothing (always 0): for
    those, and for an answer that is sent again, the time of the last use decides, to the second as a cookie has it.
    """
    counts = sign_count > 0 or now.sign_count > 0
    used_since = now.used_at is not None and issued_at < now.used_at.replace(microsecond=0)
    return used_since or (counts and sign_count <= now.sign_count)


async def remove(context: ConsoleContext, person: Staff, number: int) -> bool:
    """Remove one of the member's own passkeys. Return False if it is not theirs."""

    def act(work: Work) -> bool:
        work.staff.by_name(person.name, lock=True)
        if number not in {row.id for row in work.passkeys.of_staff(person.id)}:
            return False
        work.passkeys.drop(number)
        work.audit.add(Audit(at=work.at, actor=person.name, action="passkey_removed", subject=person.name))
        return True

    return await context.write(act)


# -- the challenge cookie


def _challenge_cookie(context: ConsoleContext, challenge: bytes) -> str:
    ends = int((context.clock.now() + CHALLENGE_LIFETIME).timestamp())
    body = f"{_text(challenge)}.{ends}"
    return f"{body}.{context.clinic.hash_token(f'challenge:{body}')}"


class _Issued(NamedTuple):
    """A challenge, and when it was issued (whole seconds)."""

    challenge: bytes
    issued_at: datetime


def _challenge_of(context: ConsoleContext, cookie: str) -> _Issued | None:
    """Return the challenge of a cookie; None if the cookie is forged or expired."""
    body, _, seal = cookie.rpartition(".")
    if not body or not sign_in.is_equal(seal, context.clinic.hash_token(f"challenge:{body}")):
        return None
    challenge, _, ends = body.partition(".")
    ends_at = datetime.fromtimestamp(int(ends), UTC)
    if context.clock.now() >= ends_at:
        return None
    return _Issued(base64url_to_bytes(challenge), ends_at - CHALLENGE_LIFETIME)


def _credential_id(credential: str) -> str | None:
    """Return the credential id of a browser's response as it is stored; None if the response is malformed."""
    try:
        encoded = json.loads(credential)["id"]
        return _text(urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)))
    except (ValueError, KeyError, TypeError):
        return None


def _text(raw: bytes) -> str:
    return urlsafe_b64encode(raw).decode("ascii").rstrip("=")
