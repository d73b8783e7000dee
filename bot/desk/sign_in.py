"""Owns sign-in: sessions, one-time links to a member's own chat, password with TOTP code. Shows no page.

A session is a random token in a cookie; its keyed hash is stored. It ends after half an hour without use, twelve hours
after sign-in, when the member is removed from the team, and at sign-out. A password alone is never enough: it
needs a code (TOTP, RFC 6238), and each code is accepted once.
"""

import asyncio
import hmac
from datetime import datetime, timedelta
from typing import NamedTuple

import pyotp
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from bot.app.ports.errors import DuplicateError
from bot.app.records.messages import Lane
from bot.app.records.operations import Audit
from bot.app.records.team import Session, Staff
from bot.app.team import members
from bot.app.work import Work
from bot.core.screen import Screen, Text
from bot.desk.context import ConsoleContext
from bot.dialog.post import post_staff

COOKIE = "nervecheck"
IDLE_TIMEOUT = timedelta(minutes=30)
SESSION_LIFETIME = timedelta(hours=12)
LINK_LIFETIME = timedelta(minutes=10)
LINK_COOLDOWN = timedelta(seconds=30)
MAX_ATTEMPTS = 5
LOCKOUT = timedelta(minutes=15)
MIN_PASSWORD_LENGTH = 12
MAX_PASSWORD_LENGTH = 200
TOTP_STEP_SECONDS = 30
TOUCH_INTERVAL = timedelta(minutes=1)
"""How often the last use of a session is stored."""

_HASHER = PasswordHasher()
_DUMMY_HASH = _HASHER.hash("verified for unknown names, so that they take as long as known ones")


class SignedIn(NamedTuple):
    """A signed-in team member and the CSRF token that each of their forms must contain."""

    person: Staff
    csrf: str


# -- sessions


async def current_session(context: ConsoleContext, token: str | None) -> SignedIn | None:
    """Return the session of a cookie's token; None if it has ended or never existed."""
    if not token or len(token) > 100:  # noqa: PLR2004 - real tokens are shorter
        return None
    hashed = context.clinic.hash_token(token)
    person = await context.read(lambda work: _session_member(work, hashed))
    if person is None:
        return None
    return SignedIn(person, _csrf(context, token))


def _session_member(work: Work, hashed: str) -> Staff | None:
    session = work.sessions.by_hash(hashed)
    if session is None or not _is_active(session, work.at):
        return None
    person = work.staff.get(session.staff_id)
    return person if person is not None and person.state == "active" else None


def _is_active(session: Session, at: datetime) -> bool:
    return session.ended_at is None and at < session.seen_at + IDLE_TIMEOUT and at < session.began_at + SESSION_LIFETIME


async def touch(context: ConsoleContext, token: str) -> None:
    """Store that a session is in use, at most once a minute."""
    hashed = context.clinic.hash_token(token)

    def act(work: Work) -> None:
        session = work.sessions.by_hash(hashed)
        if session is not None and _is_active(session, work.at):
            work.sessions.save(session.model_copy(update={"seen_at": max(work.at, session.seen_at)}))

    def is_old(work: Work) -> bool:
        session = work.sessions.by_hash(hashed)
        return session is not None and work.at - session.seen_at >= TOUCH_INTERVAL

    if await context.read(is_old):
        await context.write(act)


def begin_session(work: Work, context: ConsoleContext, person: Staff, how: str) -> str:
    """Start a session and return its token; the audit log records the method."""
    token = context.clinic.new_token()
    work.sessions.add(
        Session(staff_id=person.id, token_hash=context.clinic.hash_token(token), began_at=work.at, seen_at=work.at)
    )
    work.audit.add(Audit(at=work.at, actor=person.name, action="signed_in", subject=person.name, detail={"by": how}))
    return token


async def end_session(context: ConsoleContext, token: str) -> None:
    """End one session."""
    hashed = context.clinic.hash_token(token)

    def act(work: Work) -> None:
        session = work.sessions.by_hash(hashed)
        if session is not None and session.ended_at is None:
            work.sessions.save(session.model_copy(update={"ended_at": work.at}))

    await context.write(act)


def _csrf(context: ConsoleContext, token: str) -> str:
    return context.clinic.hash_token(f"csrf:{token}")


def is_equal(given: str, expected: str) -> bool:
    """Compare two strings in constant time."""
    return hmac.compare_digest(given.encode(), expected.encode())


# -- with a link to the member's own chat


async def send_link(context: ConsoleContext, name: str) -> None:
    """Send a one-time link to the member's chat, if the name exists. The caller can't see whether it does."""

    def act(work: Work) -> None:
        person = work.staff.by_name(name)
        if person is None or not person.can_be_notified:
            return
        sent = person.login_expires_at
        if sent is not None and work.at < sent - LINK_LIFETIME + LINK_COOLDOWN:
            return
        token = context.clinic.new_token()
        login = {"login_hash": context.clinic.hash_token(f"login:{token}"), "login_expires_at": work.at + LINK_LIFETIME}
        work.staff.save(person.model_copy(update=login))
        link = f"{context.url}/console/enter/{token}"
        lines = (Text(key="staff.console_link", values={"link": link, "n": int(LINK_LIFETIME.total_seconds() // 60)}),)
        screen = Screen(name="staff.console_link", lines=lines)
        post_staff(work, person, screen, slot="staff-link", lane=Lane.REPLY)
        work.audit.add(Audit(at=work.at, actor=name, action="sign_in_link_sent", subject=name))

    await context.write(act)


async def by_link(context: ConsoleContext, token: str) -> str | None:
    """Return the token of a new session; None if the link is unknown, used or expired."""
    hashed = context.clinic.hash_token(f"login:{token}")

    def act(work: Work) -> str | None:
        person = work.staff.by_login(hashed)
        if person is None or person.state != "active" or person.login_expires_at is None:
            return None
        used = person.model_copy(update={"login_hash": None, "login_expires_at": None, "failures": 0})
        used = work.staff.save(used)
        return begin_session(work, context, used, "link") if work.at < person.login_expires_at else None

    return await context.write(act)


# -- with password and code


async def by_password(context: ConsoleContext, name: str, password: str, code: str) -> str | None:
    """Return the token of a new session; None if name, password or code is wrong, or the account is locked."""
    person = await context.read(lambda work: work.staff.by_name(name))
    password_hash = person.password_hash if person is not None and person.state == "active" else None
    is_match = await asyncio.to_thread(_is_password, password_hash or _DUMMY_HASH, password[:MAX_PASSWORD_LENGTH])
    is_correct = is_match and password_hash is not None

    def act(work: Work) -> str | None:
        # Locked: of tries made at once, each is counted before the next.
        now = work.staff.by_name(name, lock=True)
        if now is None or now.state != "active":
            return None
        if now.locked_until is not None and work.at < now.locked_until:
            return None
        # A password that was replaced meanwhile is a wrong one.
        step = _accepted_step(now, code, work.at) if is_correct and now.password_hash == password_hash else None
        if step is None:
            _record_failure(work, now)
            return None
        unlocked = now.model_copy(update={"failures": 0, "locked_until": None, "totp_step": step})
        unlocked = work.staff.save(unlocked)
        return begin_session(work, context, unlocked, "password")

    return await context.write(act)


def _is_password(password_hash: str, password: str) -> bool:
    try:
        return _HASHER.verify(password_hash, password)
    except (VerificationError, InvalidHashError):
        return False


def _accepted_step(person: Staff, code: str, at: datetime) -> int | None:
    """Return the TOTP step of a valid code that is newer than the last accepted one; else None."""
    if person.totp_secret is None:
        return None
    return matching_step(person.totp_secret, code, at, after=person.totp_step)


def matching_step(secret: str, code: str, at: datetime, *, after: int = 0) -> int | None:
    """Return the TOTP step that a code belongs to: the current, previous or next one after `after`; else None."""
    now = int(at.timestamp()) // TOTP_STEP_SECONDS
    totp = pyotp.TOTP(secret)
    typed = "".join(code.split())
    steps = (now, now - 1, now + 1)
    return next((s for s in steps if s > after and is_equal(totp.generate_otp(s), typed)), None)


def _record_failure(work: Work, person: Staff) -> None:
    failures = person.failures + 1
    locked = work.at + LOCKOUT if failures >= MAX_ATTEMPTS else None
    changed = {"failures": 0 if locked else failures, "locked_until": locked}
    work.staff.save(person.model_copy(update=changed))
    action = "sign_in_locked" if locked else "sign_in_failed"
    work.audit.add(Audit(at=work.at, actor=person.name, action=action, subject=person.name))


async def set_password(context: ConsoleContext, person: Staff, password: str, secret: str, code: str) -> str | None:
    """Set password and TOTP secret, and end all sessions of the member. Return an error's catalog key, or None."""
    if not MIN_PASSWORD_LENGTH <= len(password) <= MAX_PASSWORD_LENGTH:
        return "account.short"
    hashed = await asyncio.to_thread(_HASHER.hash, password)

    def act(work: Work) -> str | None:
        step = matching_step(secret, code, work.at)
        # The session was checked in an earlier transaction: they may have been removed since.
        now = work.staff.by_name(person.name, lock=True)
        if step is None or now is None or now.state != "active":
            return "account.bad_code"
        work.staff.save(
            now.model_copy(update={"password_hash": hashed, "totp_secret": secret, "totp_step": step, "failures": 0})
        )
        work.sessions.end_of(now.id, work.at)
        work.audit.add(Audit(at=work.at, actor=now.name, action="password_set", subject=now.name))
        return None

    return await context.write(act)


# -- in the sandbox


async def sign_in_to_sandbox(context: ConsoleContext) -> str:
    """Return the token of a session of a sample lead: the sandbox holds demo data only."""

    def act(work: Work) -> str:
        person = work.staff.by_name("sandbox-lead")
        if person is None:
            lead = Staff(
                name="sandbox-lead", role="lead", state="active", language="en", added_at=work.at, joined_at=work.at
            )
            try:
                person = work.staff.add(lead)
            except DuplicateError:  # another browser was quicker
                person = members.by_name(work, lead.name)
        return begin_session(work, context, person, "sandbox")

    return await context.write(act)
