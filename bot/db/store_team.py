"""The team, its shifts and covers in their tables. Decides nothing about them."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import bindparam, delete, select, update

from bot.app.store_errors import DuplicateError
from bot.app.team_store import CoverRow, Passkey, Session, ShiftRow, Snooze, Staff, WeekReport
from bot.db import tables_team as t
from bot.db.rows import NUMBER, TEXT, Section, Shape, insert_or_skip, insert_or_update

STAFF = Shape(t.staff, Staff, sealed={"chat_id": NUMBER, "totp_secret": TEXT})
SHIFT = Shape(t.shift, ShiftRow)
COVER = Shape(t.cover, CoverRow)
SNOOZE = Shape(t.snooze, Snooze, sealed={"level": TEXT})

_ADD = insert_or_skip(t.staff, "name", returning="id")
_ALL = select(t.staff).order_by(t.staff.c.name)
_BY_NAME = select(t.staff).where(t.staff.c.name == bindparam("of_name"))
_BY_NAME_LOCKED = _BY_NAME.with_for_update(key_share=True)
# FOR SHARE: several alerts may be worked off at once, but none while the team changes.
_ALL_SHARED = _ALL.with_for_update(read=True)
_BY_HASH = select(t.staff).where(t.staff.c.token_hash == bindparam("of_hash"))
_BY_CHAT = select(t.staff).where(t.staff.c.chat_hash == bindparam("of_chat"))
_SHIFTS = select(t.shift).order_by(t.shift.c.id)
_DROP_SHIFT = delete(t.shift).where(t.shift.c.id == bindparam("of_row"))
_COVERS = select(t.cover).where(t.cover.c.last >= bindparam("since")).order_by(t.cover.c.id)
_DROP_COVER = delete(t.cover).where(t.cover.c.id == bindparam("of_row"))
_SNOOZES = select(t.snooze).where(t.snooze.c.patient_id == bindparam("of_patient")).order_by(t.snooze.c.id)

_BY_ID = select(t.staff).where(t.staff.c.id == bindparam("of_staff"))
_BY_LOGIN = select(t.staff).where(t.staff.c.login_hash == bindparam("of_hash"))
SESSION = Shape(t.session, Session)
_SESSION = select(t.session).where(t.session.c.token_hash == bindparam("of_hash"))
_END_SESSIONS = (
    update(t.session)
    .where(t.session.c.staff_id == bindparam("of_staff"), t.session.c.ended_at.is_(None))
    .values(ended_at=bindparam("moment"), version=t.session.c.version + 1)
)
_FORGET_SESSIONS = delete(t.session).where(t.session.c.seen_at < bindparam("before"))
WEEK = Shape(t.week_report, WeekReport)
_SAVE_WEEK = insert_or_update(t.week_report, "week")
PASSKEY = Shape(t.passkey, Passkey)
_PASSKEY = select(t.passkey).where(t.passkey.c.credential_id == bindparam("of_credential"))
_PASSKEYS = select(t.passkey).where(t.passkey.c.staff_id == bindparam("of_staff")).order_by(t.passkey.c.id)
_DROP_PASSKEY = delete(t.passkey).where(t.passkey.c.id == bindparam("of_row"))
_WEEKS = select(t.week_report).order_by(t.week_report.c.week.desc()).limit(bindparam("top"))


class Team(Section):
    """See `bot.app.team_store.TeamStore`."""

    def add_staff(self, row: Staff) -> Staff:
        with self._one_chat_each():
            added = self._first(_ADD[self._dialect], **STAFF.values(row, self._keyring), **self._staff_chat(row))
        if added is None:
            raise DuplicateError(f"{row.name!r} is in the team already, or was: choose another short name")
        return row.model_copy(update={"id": added["id"]})

    def save_staff(self, row: Staff) -> Staff:
        with self._one_chat_each():
            return self._save(STAFF, row, **self._staff_chat(row))

    def _staff_chat(self, row: Staff) -> dict[str, Any]:
        return {"chat_hash": self._chat_hash(row.chat_id) if row.chat_id is not None else None}

    def staff_by_name(self, name: str, *, lock: bool = False) -> Staff | None:
        return self._record(STAFF, _BY_NAME_LOCKED if lock else _BY_NAME, of_name=name)

    def staff_by_hash(self, token_hash: str) -> Staff | None:
        return self._record(STAFF, _BY_HASH, of_hash=token_hash)

    def staff_by_chat(self, chat_id: int) -> Staff | None:
        return self._record(STAFF, _BY_CHAT, of_chat=self._chat_hash(chat_id))

    def staff(self, *, lock: bool = False) -> Sequence[Staff]:
        return self._records(STAFF, _ALL_SHARED if lock else _ALL)

    def add_shift(self, row: ShiftRow) -> ShiftRow:
        return self._add(SHIFT, row)

    def drop_shift(self, shift_id: int) -> bool:
        return self._run(_DROP_SHIFT, of_row=shift_id) > 0

    def shifts(self) -> Sequence[ShiftRow]:
        return self._records(SHIFT, _SHIFTS)

    def add_cover(self, row: CoverRow) -> CoverRow:
        return self._add(COVER, row)

    def drop_cover(self, cover_id: int) -> bool:
        return self._run(_DROP_COVER, of_row=cover_id) > 0

    def covers(self, since: date) -> Sequence[CoverRow]:
        return self._records(COVER, _COVERS, since=since)

    def add_snooze(self, row: Snooze) -> Snooze:
        return self._add(SNOOZE, row)

    def save_snooze(self, row: Snooze) -> Snooze:
        return self._save(SNOOZE, row)

    def snoozes(self, patient_id: int) -> Sequence[Snooze]:
        return self._records(SNOOZE, _SNOOZES, of_patient=patient_id)

    def staff_member(self, staff_id: int) -> Staff | None:
        return self._record(STAFF, _BY_ID, of_staff=staff_id)

    def staff_by_login(self, login_hash: str) -> Staff | None:
        return self._record(STAFF, _BY_LOGIN, of_hash=login_hash)

    def add_session(self, row: Session) -> Session:
        return self._add(SESSION, row)

    def save_session(self, row: Session) -> Session:
        return self._save(SESSION, row)

    def session_by_hash(self, token_hash: str) -> Session | None:
        return self._record(SESSION, _SESSION, of_hash=token_hash)

    def end_sessions(self, staff_id: int, at: datetime) -> None:
        self._run(_END_SESSIONS, of_staff=staff_id, moment=at)

    def forget_sessions(self, before: datetime) -> int:
        return self._run(_FORGET_SESSIONS, before=before)

    def save_week(self, row: WeekReport) -> None:
        self._run(_SAVE_WEEK[self._dialect], **WEEK.values(row, self._keyring))

    def weeks(self, limit: int) -> Sequence[WeekReport]:
        return self._records(WEEK, _WEEKS, top=limit)

    def add_passkey(self, row: Passkey) -> Passkey:
        return self._add(PASSKEY, row)

    def save_passkey(self, row: Passkey) -> Passkey:
        return self._save(PASSKEY, row)

    def drop_passkey(self, passkey_id: int) -> None:
        self._run(_DROP_PASSKEY, of_row=passkey_id)

    def passkey_by_credential(self, credential_id: str) -> Passkey | None:
        return self._record(PASSKEY, _PASSKEY, of_credential=credential_id)

    def passkeys(self, staff_id: int) -> Sequence[Passkey]:
        return self._records(PASSKEY, _PASSKEYS, of_staff=staff_id)
