"""The team: added, given a chat by a single-use link, put on the rota, removed. Who is told of what is in duty.py."""

import re
from collections.abc import Iterable
from datetime import date, time
from zoneinfo import ZoneInfo

from bot.app.ports.errors import RefusedError
from bot.app.records.operations import Audit
from bot.app.records.team import CoverRow, Role, ShiftRow, Staff
from bot.app.work import Stores, Work
from bot.core.frozen import Frozen
from bot.core.rota import ALL_DAYS, Cover, Rota, Shift

NAME = re.compile(r"[A-Za-z][A-Za-z0-9._-]{0,31}")
"""A short name as the audit keeps it ("lead-2"): never a phone number or a chat."""


# -- who


def add(work: Work, *, name: str, role: Role, language: str | None) -> tuple[Staff, str]:
    """Add someone and return them with the token of their link; DuplicateError for a name in use."""
    if not NAME.fullmatch(name):
        raise RefusedError(f"{name!r} is no short name: letters, digits, '.', '_' and '-', up to 32, such as lead-2")
    if language is not None and language not in work.clinic.languages:
        raise RefusedError(
            f"language {language!r}: enabled are {', '.join(work.clinic.languages)} (NERVECHECK_LANGUAGES)"
        )
    token = work.clinic.new_token()
    row = work.staff.add(
        Staff(
            name=name,
            role=role,
            language=language or work.clinic.languages[0],
            token_hash=work.clinic.hash_token(token),
            expires_at=work.at + work.clinic.protocol.clocks.invite_valid,
            added_at=work.at,
        )
    )
    _audit(work, "staff_added", name, role=role)
    return row, token


def link_again(work: Work, name: str) -> tuple[Staff, str]:
    """Make a new link for someone (a new phone, a link too old); the earlier one ends, the old chat stays until then.

    Someone who was removed is of the team again.
    """
    row = by_name(work, name)
    token = work.clinic.new_token()
    changes: dict[str, object] = {
        "token_hash": work.clinic.hash_token(token),
        "expires_at": work.at + work.clinic.protocol.clocks.invite_valid,
    }
    if row.state == "gone":
        changes |= {"state": "invited", "left_at": None}
    changed = row.model_copy(update=changes)
    changed = work.staff.save(changed)
    _audit(work, "staff_invited_again", name)
    return changed, token


def remove(work: Work, name: str) -> Staff:
    """Take someone out of the team: link, chat, shifts and every way into the console end."""
    row = by_name(work, name)
    if row.state == "gone":
        raise RefusedError(f"{name} was removed already")
    for shift in work.rota.shifts():
        if shift.staff_id == row.id:
            work.rota.drop_shift(shift.id)
    for cover in work.rota.covers(date.min):
        if row.id in {cover.away_id, cover.instead_id}:
            work.rota.drop_cover(cover.id)
    for passkey in work.passkeys.of_staff(row.id):
        work.passkeys.drop(passkey.id)
    work.sessions.end_of(row.id, work.at)
    ended = dict.fromkeys(("chat_id", "token_hash", "password_hash", "totp_secret", "login_hash"))
    gone = row.model_copy(update={**ended, "state": "gone", "left_at": work.at})
    gone = work.staff.save(gone)
    _audit(work, "staff_removed", name)
    return gone


def joined(work: Work, token: str, chat_id: int) -> Staff | None:
    """A link of someone of the team is opened in a chat: from now on it is theirs. None when it is no such link."""
    found = work.staff.by_invite(work.clinic.hash_token(token))
    if found is None or found.state == "gone" or found.expires_at is None or found.expires_at <= work.at:
        return None
    earlier = work.staff.by_chat(chat_id)
    if earlier is not None and earlier.id != found.id:
        return None
    row = found.model_copy(
        update={
            "state": "active",
            "chat_id": chat_id,
            "joined_at": work.at,
            "token_hash": None,
            "expires_at": None,
            "unreachable_at": None,
        }
    )
    row = work.staff.save(row)
    _audit(work.acting(row.name), "staff_joined", row.name)
    return row


def set_language(work: Work, name: str, language: str) -> None:
    """Speak another language with someone, in their chat and on their pages."""
    row = by_name(work, name)
    work.staff.save(row.model_copy(update={"language": language}))
    _audit(work.acting(name), "staff_language", name, language=language)


def by_name(stores: Stores, name: str) -> Staff:
    """Return someone of the team; RefusedError when there is none of that name."""
    row = stores.staff.by_name(name)
    if row is None:
        raise RefusedError(f"nobody of the team is called {name!r}: see `nervecheck staff list`")
    return row


def present(stores: Stores) -> list[Staff]:
    """Return the team of now: those who were removed are left out."""
    return [row for row in stores.staff.all() if row.state != "gone"]


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


def rota_lines(work: Work) -> list[RotaLine]:
    """Return the whole rota: shifts, those for out of hours, and covers that are not over."""
    today = work.at.astimezone(ZoneInfo(work.clinic.timezone)).date()
    shift_rows, cover_rows = work.rota.shifts(), work.rota.covers(today)
    # Names last: whoever has just been added with a shift is known then.
    names = {row.id: row.name for row in work.staff.all()}
    shifts = [
        RotaLine(
            id=row.id,
            kind="out of hours" if row.out_of_hours else "shift",
            who=names[row.staff_id],
            days=" ".join(DAYS[day] for day in row.days),
            hours=f"{row.start:%H:%M} to {row.end:%H:%M}",
            rank=row.rank,
        )
        for row in shift_rows
    ]
    covers = [
        RotaLine(
            id=row.id,
            kind="cover",
            who=f"{names[row.instead_id]} for {names[row.away_id]}",
            days=f"{row.first} to {row.last}",
            hours="",
            rank=None,
        )
        for row in cover_rows
    ]
    return [*shifts, *covers]


def rota_of(work: Work) -> Rota:
    """Return the rota by names; covers that are over are left out."""
    rows = work.rota.shifts()
    yesterday = date.fromordinal(work.at.astimezone(ZoneInfo(work.clinic.timezone)).date().toordinal() - 1)
    covers = work.rota.covers(yesterday)
    # Names last: whoever has just been added with a shift is known then.
    names = {row.id: row.name for row in work.staff.all()}
    return Rota(
        timezone=work.clinic.timezone,
        shifts=tuple(
            Shift(who=names[r.staff_id], days=frozenset(r.days), start=r.start, end=r.end, rank=r.rank)
            for r in rows
            if not r.out_of_hours
        ),
        out_of_hours=tuple(names[r.staff_id] for r in sorted(rows, key=lambda r: (r.rank, r.id)) if r.out_of_hours),
        covers=tuple(
            Cover(away=names[c.away_id], instead=names[c.instead_id], first=c.first, last=c.last) for c in covers
        ),
    )


def add_shift(
    work: Work,
    name: str,
    *,
    days: Iterable[int] = ALL_DAYS,
    start: time = time(0),
    end: time = time(0),
    rank: int = 0,
    out_of_hours: bool = False,
) -> ShiftRow:
    """Put someone on the rota; RefusedError for nobody, or for no day."""
    row = _present(work, name)
    chosen = tuple(sorted(set(days)))
    if not chosen:
        raise RefusedError("a shift needs a weekday: name one or more")
    made = work.rota.add_shift(
        ShiftRow(staff_id=row.id, out_of_hours=out_of_hours, days=chosen, start=start, end=end, rank=rank)
    )
    _audit(work, "shift_added", name, shift=made.id)
    return made


def drop_shift(work: Work, shift_id: int) -> None:
    """Take a shift off the rota; RefusedError when there is none of that number."""
    if not work.rota.drop_shift(shift_id):
        raise RefusedError(f"there is no shift {shift_id}: see `nervecheck rota list`")
    _audit(work, "shift_removed", "rota", shift=shift_id)


def add_cover(work: Work, away: str, instead: str, *, first: date, last: date) -> CoverRow:
    """Let someone stand in for someone else on these days; RefusedError for the same person, or days gone by."""
    one, other = _present(work, away), _present(work, instead)
    if one.id == other.id:
        raise RefusedError(f"{away} can't stand in for {away}: name someone else")
    if last < first:
        raise RefusedError(f"the cover ends on {last}, before it begins on {first}")
    if last < work.at.astimezone(ZoneInfo(work.clinic.timezone)).date():
        raise RefusedError(f"the cover ends on {last}: that day has passed")
    made = work.rota.add_cover(CoverRow(away_id=one.id, instead_id=other.id, first=first, last=last))
    _audit(work, "cover_added", away, instead=instead, first=str(first), last=str(last))
    return made


def drop_cover(work: Work, cover_id: int) -> None:
    """End a cover; RefusedError when there is none of that number."""
    if not work.rota.drop_cover(cover_id):
        raise RefusedError(f"there is no cover {cover_id}: see `nervecheck rota list`")
    _audit(work, "cover_removed", "rota", cover=cover_id)


def _present(stores: Stores, name: str) -> Staff:
    row = by_name(stores, name)
    if row.state == "gone":
        raise RefusedError(f"{name} was removed from the team: `nervecheck staff link {name}` brings them back")
    return row


def _audit(work: Work, action: str, subject: str, **detail: str | int) -> None:
    work.audit.add(Audit(at=work.at, actor=work.actor, action=action, subject=subject, detail=detail))
