"""Who is at the desk: sessions, one-time links to the person's own chat, password with a code. Shows no page.

A session is a random token in a cookie; stored is its keyed hash. It ends half an hour after it was last used, twelve
hours after it began, when its person leaves the team, and when they sign out. A password alone opens nothing: it takes
a code (TOTP, RFC 6238) beside it, and no code is good twice.
"""

import asyncio
import hmac
from datetime import datetime, timedelta
from typing import NamedTuple

import pyotp
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from bot.app import duty
from bot.app.store import Audit, Lane, Store
from bot.app.team_store import Session, Staff
from bot.console.desk import Desk
from bot.core.screen import Screen, Text

COOKIE = "nervecheck"
IDLE = timedelta(minutes=30)
LIFE = timedelta(hours=12)
LINK_VALID = timedelta(minutes=10)
LINKS_APART = timedelta(seconds=30)
TRIES = 5
LOCKED_FOR = timedelta(minutes=15)
SHORTEST_PASSWORD = 12
LONGEST_PASSWORD = 200
STEP_SECONDS = 30
SEEN_EVERY = timedelta(minutes=1)
"""How often it is written down that a session is in use."""

_HASHER = PasswordHasher()
_NOBODYS = _HASHER.hash("nobody's password, so that an unknown name takes as long")


class Entered(NamedTuple):
    """Who is signed in, and the word that every form they send must carry."""

    person: Staff
    csrf: str


# -- sessions


async def entered(desk: Desk, token: str | None) -> Entered | None:
    """Return who the cookie stands for; None when it stands for nobody any more."""
    if not token or len(token) > 100:  # noqa: PLR2004 - ours are shorter; nothing longer is looked up
        return None
    hashed = desk.clinic.hash_token(token)
    person = await desk.read(lambda store, at: _person(store, hashed, at))
    if person is None:
        return None
    return Entered(person, _csrf(desk, token))


def _person(store: Store, hashed: str, at: datetime) -> Staff | None:
    session = store.session_by_hash(hashed)
    if session is None or not _runs(session, at):
        return None
    person = store.staff_member(session.staff_id)
    return person if person is not None and person.state == "active" else None


def _runs(session: Session, at: datetime) -> bool:
    return session.ended_at is None and at < session.seen_at + IDLE and at < session.began_at + LIFE


async def touch(desk: Desk, token: str) -> None:
    """Write down that a session is in use, once a minute."""
    hashed = desk.clinic.hash_token(token)

    def work(store: Store, at: datetime) -> None:
        session = store.session_by_hash(hashed)
        if session is not None and _runs(session, at):
            store.save_session(session.model_copy(update={"seen_at": max(at, session.seen_at)}))

    def is_old(store: Store, at: datetime) -> bool:
        session = store.session_by_hash(hashed)
        return session is not None and at - session.seen_at >= SEEN_EVERY

    if await desk.read(is_old):
        await desk.write(work)


def begin(store: Store, desk: Desk, person: Staff, how: str, at: datetime) -> str:
    """Begin a session and return its token; the audit keeps by what somebody came in."""
    token = desk.clinic.new_token()
    store.add_session(Session(staff_id=person.id, token_hash=desk.clinic.hash_token(token), began_at=at, seen_at=at))
    store.audit(Audit(at=at, actor=person.name, action="signed_in", subject=person.name, detail={"by": how}))
    return token


async def leave(desk: Desk, token: str) -> None:
    """End one session."""
    hashed = desk.clinic.hash_token(token)

    def work(store: Store, at: datetime) -> None:
        session = store.session_by_hash(hashed)
        if session is not None and session.ended_at is None:
            store.save_session(session.model_copy(update={"ended_at": at}))

    await desk.write(work)


def _csrf(desk: Desk, token: str) -> str:
    return desk.clinic.hash_token(f"csrf:{token}")


def is_same(given: str, wanted: str) -> bool:
    """Compare two words in constant time."""
    return hmac.compare_digest(given.encode(), wanted.encode())


# -- by a link to their own chat


async def send_link(desk: Desk, name: str) -> None:
    """Send a one-time link to that person's chat, if there is such a person. Nothing tells the asker whether."""

    def work(store: Store, at: datetime) -> None:
        person = store.staff_by_name(name)
        if person is None or not person.can_be_told:
            return
        sent = person.login_expires_at
        if sent is not None and at < sent - LINK_VALID + LINKS_APART:
            return
        token = desk.clinic.new_token()
        made = {"login_hash": desk.clinic.hash_token(f"login:{token}"), "login_expires_at": at + LINK_VALID}
        store.save_staff(person.model_copy(update=made))
        link = f"{desk.url}/console/enter/{token}"
        lines = (Text(key="staff.console_link", values={"link": link, "n": int(LINK_VALID.total_seconds() // 60)}),)
        screen = Screen(name="staff.console_link", lines=lines)
        duty.say(store, person, screen, at, slot="staff-link", lane=Lane.REPLY)
        store.audit(Audit(at=at, actor=name, action="sign_in_link_sent", subject=name))

    await desk.write(work)


async def by_link(desk: Desk, token: str) -> str | None:
    """Return the token of a new session; None when the link is not good (any more)."""
    hashed = desk.clinic.hash_token(f"login:{token}")

    def work(store: Store, at: datetime) -> str | None:
        person = store.staff_by_login(hashed)
        if person is None or person.state != "active" or person.login_expires_at is None:
            return None
        used = person.model_copy(update={"login_hash": None, "login_expires_at": None, "failures": 0})
        used = store.save_staff(used)
        return begin(store, desk, used, "link", at) if at < person.login_expires_at else None

    return await desk.write(work)


# -- by password and code


async def by_password(desk: Desk, name: str, password: str, code: str) -> str | None:
    """Return the token of a new session; None for a wrong name, password or code, or too many of them."""
    person = await desk.read(lambda store, _at: store.staff_by_name(name))
    known = person.password_hash if person is not None and person.state == "active" else None
    good = await asyncio.to_thread(_is_password, known or _NOBODYS, password[:LONGEST_PASSWORD]) and known is not None

    def work(store: Store, at: datetime) -> str | None:
        # Locked: of tries made at once, each is counted before the next.
        now = store.staff_by_name(name, lock=True)
        if now is None or now.state != "active" or now.password_hash != known:
            return None
        if now.locked_until is not None and at < now.locked_until:
            return None
        step = _step(now, code, at) if good else None
        if step is None:
            _failed(store, now, at)
            return None
        entered_ = now.model_copy(update={"failures": 0, "locked_until": None, "totp_step": step})
        entered_ = store.save_staff(entered_)
        return begin(store, desk, entered_, "password", at)

    return await desk.write(work)


def _is_password(known: str, password: str) -> bool:
    try:
        return _HASHER.verify(known, password)
    except (VerificationError, InvalidHashError):
        return False


def _step(person: Staff, code: str, at: datetime) -> int | None:
    """Return the number of the half minute that a code is of, if it is good and newer than all before."""
    if person.totp_secret is None:
        return None
    return good_step(person.totp_secret, code, at, after=person.totp_step)


def good_step(secret: str, code: str, at: datetime, *, after: int = 0) -> int | None:
    """Return the half minute that a code is of (the last, this or the next one); None when it is none of them."""
    now = int(at.timestamp()) // STEP_SECONDS
    totp = pyotp.TOTP(secret)
    typed = "".join(code.split())
    steps = (now, now - 1, now + 1)
    return next((s for s in steps if s > after and is_same(totp.generate_otp(s), typed)), None)


def _failed(store: Store, person: Staff, at: datetime) -> None:
    failures = person.failures + 1
    locked = at + LOCKED_FOR if failures >= TRIES else None
    changed = {"failures": 0 if locked else failures, "locked_until": locked}
    store.save_staff(person.model_copy(update=changed))
    action = "sign_in_locked" if locked else "sign_in_failed"
    store.audit(Audit(at=at, actor=person.name, action=action, subject=person.name))


async def set_password(desk: Desk, person: Staff, password: str, secret: str, code: str) -> str | None:
    """Set both; return what is wrong as a key of the catalog, or None. Other sessions of the person end."""
    if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
        return "account.short"
    hashed = await asyncio.to_thread(_HASHER.hash, password)

    def work(store: Store, at: datetime) -> str | None:
        step = good_step(secret, code, at)
        now = store.staff_by_name(person.name)
        if step is None or now is None:
            return "account.bad_code"
        store.save_staff(
            now.model_copy(update={"password_hash": hashed, "totp_secret": secret, "totp_step": step, "failures": 0})
        )
        store.end_sessions(now.id, at)
        store.audit(Audit(at=at, actor=now.name, action="password_set", subject=now.name))
        return None

    return await desk.write(work)


# -- in the sandbox


async def into_sandbox(desk: Desk) -> str:
    """Return a session of a made-up lead: nothing in the sandbox is anybody's."""

    def work(store: Store, at: datetime) -> str:
        person = store.staff_by_name("sandbox-lead")
        if person is None:
            made = Staff(name="sandbox-lead", role="lead", state="active", language="en", added_at=at, joined_at=at)
            person = store.add_staff(made)
        return begin(store, desk, person, "sandbox", at)

    return await desk.write(work)
