"""The team: members with their chats, and the rota. Never notifies of an alert: `bot.app.alerts.escalation` does."""

import re
from collections.abc import Iterable
from datetime import date, time
from zoneinfo import ZoneInfo

from bot.app.ports.errors import RefusedError
from bot.app.records.team import CoverRow, Role, ShiftRow, Staff
from bot.app.work import Stores, Work
from bot.core.frozen import Frozen
from bot.core.rota import ALL_DAYS, Cover, Rota, Shift

NAME = re.compile(r"[A-Za-z][A-Za-z0-9._-]{0,31}")
"""A short name as the audit stores it ("lead-2"): never a phone number or a chat."""


# -- members


def add(work: Work, *, name: str, role: Role, language: str | None) -> tuple[Staff, str]:
    """Add a member and return them with the token of their link.

    Raise RefusedError for a bad name or language, DuplicateError for a name in use.
    """
    if not NAME.fullmatch(name):
        raise RefusedError(
            f"{name!r} is not a short name: use up to 32 letters, digits, '.', '_' and '-', such as lead-2"
        )
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
    work.record("staff_added", name, role=role)
    return row, token


def renew_link(work: Work, name: str) -> tuple[Staff, str]:
    """Make a new link for a member, whose earlier link ends; their chat stays until the new link is opened.

    A removed member rejoins the team. Raise RefusedError if there is no member of that name.
    """
    row = by_name(work, name)
    token = work.clinic.new_token()
    changes: dict[str, object] = {
        "token_hash": work.clinic.hash_token(token),
        "expires_at": work.at + work.clinic.protocol.clocks.invite_valid,
    }
    if row.state == "gone":
        changes |= {"state": "invited", "left_at": None}
    changed = work.staff.save(row.model_copy(update=changes))
    work.record("staff_invited_again", name)
    return changed, token


def mark_removed(work: Work, name: str) -> Staff:
    """Mark a member as removed: end their link, chat, shifts, covers and sign-ins to the console. Return them.

    Only `bot.app.alerts.escalation.remove` calls it, which also releases their alerts: use that one.

    Raise RefusedError if there is no such member or they were removed already.
    """
    # Locked before their shifts and covers are read: none can be added to them from here on.
    row = by_name(work, name, lock=True)
    if row.state == "gone":
        raise RefusedError(f"{name} was removed from the team already")
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
    gone = work.staff.save(row.model_copy(update={**ended, "state": "gone", "left_at": work.at}))
    work.record("staff_removed", name)
    return gone


def find_link(work: Work, token: str) -> Staff | None:
    """Return the member whose link this is, if it works; change nothing."""
    found = work.staff.by_invite(work.clinic.hash_token(token))
    if found is None or found.state == "gone" or found.expires_at is None or found.expires_at <= work.at:
        return None
    return found


def join(work: Work, token: str, chat_id: int) -> Staff | None:
    """Bind a member's link to the chat that opened it and return the member; None if the link is not valid there."""
    found = find_link(work, token)
    if found is None:
        return None
    earlier = work.staff.by_chat(chat_id)
    if earlier is not None and earlier.id != found.id:
        return None
    changes = {
        "state": "active",
        "chat_id": chat_id,
        "joined_at": work.at,
        "token_hash": None,
        "expires_at": None,
        "unreachable_at": None,
    }
    row = work.staff.save(found.model_copy(update=changes))
    work.acting(row.name).record("staff_joined", row.name)
    return row


def set_language(work: Work, name: str, language: str) -> None:
    """Set a member's language, in their chat and in the console."""
    row = by_name(work, name)
    work.staff.save(row.model_copy(update={"language": language}))
    work.acting(name).record("staff_language", name, language=language)


def by_name(stores: Stores, name: str, *, lock: bool = False) -> Staff:
    """Return a member, also a removed one; `lock`: see StaffStore. Raise RefusedError if there is none of that name."""
    row = stores.staff.by_name(name, lock=lock)
    if row is None:
        raise RefusedError(f"no team member has the name {name!r}: see `nervecheck staff list`")
    return row


def current_members(stores: Stores) -> list[Staff]:
    """Return the team members who have not been removed."""
    return [row for row in stores.staff.all() if row.state != "gone"]


# -- rota


class RotaLine(Frozen):
    """One shift or cover in a list. `kind`: "shift", "out of hours" or "cover"; covers are numbered separately."""

    id: int
    kind: str
    who: str
    days: str
    hours: str
    rank: int | None


DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
"""Weekdays as they are written, in order of their numbers."""


def rota_lines(work: Work) -> list[RotaLine]:
    """Return the rota: shifts, out-of-hours shifts, and covers that have not ended."""
    today = work.at.astimezone(ZoneInfo(work.clinic.timezone)).date()
    shift_rows, cover_rows = work.rota.shifts(), work.rota.covers(today)
    # Names are read last, so that they include a person who has just been added together with a shift.
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
    """Return the rota by names, with the covers that have not ended."""
    rows = work.rota.shifts()
    yesterday = date.fromordinal(work.at.astimezone(ZoneInfo(work.clinic.timezone)).date().toordinal() - 1)
    covers = work.rota.covers(yesterday)
    # Names are read last, so that they include a person who has just been added together with a shift.
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
    """Add a shift and return it. Raise RefusedError for an unknown or removed member, or for no weekday."""
    row = _current_member(work, name)
    chosen = tuple(sorted(set(days)))
    if not chosen:
        raise RefusedError("the shift has no weekday: name one or more")
    made = work.rota.add_shift(
        ShiftRow(staff_id=row.id, out_of_hours=out_of_hours, days=chosen, start=start, end=end, rank=rank)
    )
    work.record("shift_added", name, shift=made.id)
    return made


def drop_shift(work: Work, shift_id: int) -> None:
    """Remove a shift. Raise RefusedError if there is none with that number."""
    if not work.rota.drop_shift(shift_id):
        raise RefusedError(f"there is no shift {shift_id}: see `nervecheck rota list`")
    work.record("shift_removed", "rota", shift=shift_id)


def add_cover(work: Work, away: str, instead: str, *, first: date, last: date) -> CoverRow:
    """Add a cover: on these days `instead` is on call for `away`. Return it.

    Raise RefusedError for the same or an unknown person, or for dates in the past or in the wrong order.
    """
    # Locked in one order, whichever way round they are named: two covers never wait for each other.
    found = {name: _current_member(work, name) for name in sorted({away, instead})}
    absent, substitute = found[away], found[instead]
    if absent.id == substitute.id:
        raise RefusedError(f"{away} can't cover for {away}: name someone else")
    if last < first:
        raise RefusedError(f"the cover ends on {last}, before it begins on {first}")
    if last < work.at.astimezone(ZoneInfo(work.clinic.timezone)).date():
        raise RefusedError(f"the cover ends on {last}: that day has passed")
    made = work.rota.add_cover(CoverRow(away_id=absent.id, instead_id=substitute.id, first=first, last=last))
    work.record("cover_added", away, instead=instead, first=str(first), last=str(last))
    return made


def drop_cover(work: Work, cover_id: int) -> None:
    """Remove a cover. Raise RefusedError if there is none with that number."""
    if not work.rota.drop_cover(cover_id):
        raise RefusedError(f"there is no cover {cover_id}: see `nervecheck rota list`")
    work.record("cover_removed", "rota", cover=cover_id)


def _current_member(stores: Stores, name: str) -> Staff:
    # Locked, so that they can't be removed before the transaction ends, and be left with a shift or a cover.
    row = by_name(stores, name, lock=True)
    if row.state == "gone":
        raise RefusedError(f"{name} was removed from the team: `nervecheck staff link {name}` brings them back")
    return row
