"""The team: added, given a chat by a single-use link, put on the rota, removed. Who is told of what is in duty.py."""

import re
from collections.abc import Iterable
from datetime import date, datetime, time
from zoneinfo import ZoneInfo

from bot.app.lookup import RefusedError
from bot.app.ports import Clinic
from bot.app.store import Audit, Store
from bot.app.team_store import CoverRow, Role, ShiftRow, Staff
from bot.core.rota import ALL_DAYS, Cover, Rota, Shift
from bot.core.screen import Frozen

NAME = re.compile(r"[A-Za-z][A-Za-z0-9._-]{0,31}")
"""A short name as the audit keeps it ("lead-2"): never a phone number or a chat."""


# -- who


def add(
    store: Store, clinic: Clinic, *, name: str, role: Role, language: str | None, by: str, at: datetime
) -> tuple[Staff, str]:
    """Add someone and return them with the token of their link; DuplicateError for a name in use."""
    if not NAME.fullmatch(name):
        raise RefusedError(f"{name!r} is no short name: letters, digits, '.', '_' and '-', up to 32, such as lead-2")
    if language is not None and language not in clinic.languages:
        raise RefusedError(f"language {language!r}: enabled are {', '.join(clinic.languages)} (NERVECHECK_LANGUAGES)")
    token = clinic.new_token()
    row = store.add_staff(
        Staff(
            name=name,
            role=role,
            language=language or clinic.languages[0],
            token_hash=clinic.hash_token(token),
            expires_at=at + clinic.protocol.clocks.invite_valid,
            added_at=at,
        )
    )
    _audit(store, "staff_added", name, by, at, role=role)
    return row, token


def link_again(store: Store, clinic: Clinic, name: str, by: str, at: datetime) -> tuple[Staff, str]:
    """Make a new link for someone (a new phone, a link too old); the earlier one ends, the old chat stays until then.

    Someone who was removed is of the team again.
    """
    row = by_name(store, name)
    token = clinic.new_token()
    changes: dict[str, object] = {
        "token_hash": clinic.hash_token(token),
        "expires_at": at + clinic.protocol.clocks.invite_valid,
    }
    if row.state == "gone":
        changes |= {"state": "invited", "left_at": None}
    changed = row.model_copy(update=changes)
    changed = store.save_staff(changed)
    _audit(store, "staff_invited_again", name, by, at)
    return changed, token


def remove(store: Store, name: str, by: str, at: datetime) -> Staff:
    """Take someone out of the team: link, chat, shifts and every way into the console end."""
    row = by_name(store, name)
    if row.state == "gone":
        raise RefusedError(f"{name} was removed already")
    for shift in store.shifts():
        if shift.staff_id == row.id:
            store.drop_shift(shift.id)
    for cover in store.covers(date.min):
        if row.id in {cover.away_id, cover.instead_id}:
            store.drop_cover(cover.id)
    for passkey in store.passkeys(row.id):
        store.drop_passkey(passkey.id)
    store.end_sessions(row.id, at)
    ended = dict.fromkeys(("chat_id", "token_hash", "password_hash", "totp_secret", "login_hash"))
    gone = row.model_copy(update={**ended, "state": "gone", "left_at": at})
    gone = store.save_staff(gone)
    _audit(store, "staff_removed", name, by, at)
    return gone


def joined(store: Store, clinic: Clinic, token: str, chat_id: int, at: datetime) -> Staff | None:
    """A link of someone of the team is opened in a chat: from now on it is theirs. None when it is no such link."""
    found = store.staff_by_hash(clinic.hash_token(token))
    if found is None or found.state == "gone" or found.expires_at is None or found.expires_at <= at:
        return None
    earlier = store.staff_by_chat(chat_id)
    if earlier is not None and earlier.id != found.id:
        return None
    row = found.model_copy(
        update={
            "state": "active",
            "chat_id": chat_id,
            "joined_at": at,
            "token_hash": None,
            "expires_at": None,
            "unreachable_at": None,
        }
    )
    row = store.save_staff(row)
    _audit(store, "staff_joined", row.name, row.name, at)
    return row


def set_language(store: Store, name: str, language: str, at: datetime) -> None:
    """Speak another language with someone, in their chat and on their pages."""
    row = by_name(store, name)
    store.save_staff(row.model_copy(update={"language": language}))
    _audit(store, "staff_language", name, name, at, language=language)


def by_name(store: Store, name: str) -> Staff:
    """Return someone of the team; RefusedError when there is none of that name."""
    row = store.staff_by_name(name)
    if row is None:
        raise RefusedError(f"nobody of the team is called {name!r}: see `nervecheck staff list`")
    return row


def present(store: Store) -> list[Staff]:
    """Return the team of now: those who were removed are left out."""
    return [row for row in store.staff() if row.state != "gone"]


# -- when


class RotaLine(Frozen):
    """One shift or cover as it is listed. `kind`: "shift", "out of hours" or "cover", each numbered by itself."""

    id: int
    kind: str
    who: str
    days: str
    hours: str
    rank: int | None


DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
"""Weekdays as they are written; their order is their number."""


def rota_lines(store: Store, clinic: Clinic, at: datetime) -> list[RotaLine]:
    """Return the whole rota: shifts, those for out of hours, and covers that are not over."""
    names = {row.id: row.name for row in store.staff()}
    shifts = [
        RotaLine(
            id=row.id,
            kind="out of hours" if row.out_of_hours else "shift",
            who=names[row.staff_id],
            days=" ".join(DAYS[day] for day in row.days),
            hours=f"{row.start:%H:%M} to {row.end:%H:%M}",
            rank=row.rank,
        )
        for row in store.shifts()
    ]
    today = at.astimezone(ZoneInfo(clinic.timezone)).date()
    covers = [
        RotaLine(
            id=row.id,
            kind="cover",
            who=f"{names[row.instead_id]} for {names[row.away_id]}",
            days=f"{row.first} to {row.last}",
            hours="",
            rank=None,
        )
        for row in store.covers(today)
    ]
    return [*shifts, *covers]


def rota_of(store: Store, clinic: Clinic, at: datetime) -> Rota:
    """Return the rota by names; covers that are over are left out."""
    names = {row.id: row.name for row in store.staff()}
    rows = store.shifts()
    yesterday = date.fromordinal(at.astimezone(ZoneInfo(clinic.timezone)).date().toordinal() - 1)
    return Rota(
        timezone=clinic.timezone,
        shifts=tuple(
            Shift(who=names[r.staff_id], days=frozenset(r.days), start=r.start, end=r.end, rank=r.rank)
            for r in rows
            if not r.out_of_hours
        ),
        out_of_hours=tuple(names[r.staff_id] for r in sorted(rows, key=lambda r: (r.rank, r.id)) if r.out_of_hours),
        covers=tuple(
            Cover(away=names[c.away_id], instead=names[c.instead_id], first=c.first, last=c.last)
            for c in store.covers(yesterday)
        ),
    )


def add_shift(
    store: Store,
    name: str,
    *,
    days: Iterable[int] = ALL_DAYS,
    start: time = time(0),
    end: time = time(0),
    rank: int = 0,
    out_of_hours: bool = False,
    by: str,
    at: datetime,
) -> ShiftRow:
    """Put someone on the rota; RefusedError for nobody, or for no day."""
    row = _present(store, name)
    chosen = tuple(sorted(set(days)))
    if not chosen:
        raise RefusedError("a shift needs a weekday: name one or more")
    made = store.add_shift(
        ShiftRow(staff_id=row.id, out_of_hours=out_of_hours, days=chosen, start=start, end=end, rank=rank)
    )
    _audit(store, "shift_added", name, by, at, shift=made.id)
    return made


def drop_shift(store: Store, shift_id: int, by: str, at: datetime) -> None:
    """Take a shift off the rota; RefusedError when there is none of that number."""
    if not store.drop_shift(shift_id):
        raise RefusedError(f"there is no shift {shift_id}: see `nervecheck rota list`")
    _audit(store, "shift_removed", "rota", by, at, shift=shift_id)


def add_cover(
    store: Store, clinic: Clinic, away: str, instead: str, *, first: date, last: date, by: str, at: datetime
) -> CoverRow:
    """Let someone stand in for someone else on these days; RefusedError for the same person, or days gone by."""
    one, other = _present(store, away), _present(store, instead)
    if one.id == other.id:
        raise RefusedError(f"{away} can't stand in for {away}: name someone else")
    if last < first:
        raise RefusedError(f"the cover ends on {last}, before it begins on {first}")
    if last < at.astimezone(ZoneInfo(clinic.timezone)).date():
        raise RefusedError(f"the cover ends on {last}: that day has passed")
    made = store.add_cover(CoverRow(away_id=one.id, instead_id=other.id, first=first, last=last))
    _audit(store, "cover_added", away, by, at, instead=instead, first=str(first), last=str(last))
    return made


def drop_cover(store: Store, cover_id: int, by: str, at: datetime) -> None:
    """End a cover; RefusedError when there is none of that number."""
    if not store.drop_cover(cover_id):
        raise RefusedError(f"there is no cover {cover_id}: see `nervecheck rota list`")
    _audit(store, "cover_removed", "rota", by, at, cover=cover_id)


def _present(store: Store, name: str) -> Staff:
    row = by_name(store, name)
    if row.state == "gone":
        raise RefusedError(f"{name} was removed from the team: `nervecheck staff link {name}` brings them back")
    return row


def _audit(store: Store, action: str, subject: str, by: str, at: datetime, **detail: str | int) -> None:
    store.audit(Audit(at=at, actor=by, action=action, subject=subject, detail=detail))
