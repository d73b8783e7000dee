"""The stores of the team, its rota and its sign-ins, in SQL. They decide nothing."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    bindparam,
    delete,
    select,
    update,
)

from bot.app.ports.errors import DuplicateError
from bot.app.records.team import CoverRow, Passkey, Session, ShiftRow, Staff
from bot.db import tables_team as team_tables
from bot.db.rows import (
    NUMBER,
    TEXT,
    Section,
    Shape,
    insert_or_skip,
)

STAFF = Shape(team_tables.staff, Staff, sealed={"chat_id": NUMBER, "totp_secret": TEXT})
SHIFT = Shape(team_tables.shift, ShiftRow)
COVER = Shape(team_tables.cover, CoverRow)

_ADD = insert_or_skip(team_tables.staff, "name", returning="id")
_ALL = select(team_tables.staff).order_by(team_tables.staff.c.name)
_BY_NAME = select(team_tables.staff).where(team_tables.staff.c.name == bindparam("of_name"))
_BY_NAME_LOCKED = _BY_NAME.with_for_update(key_share=True)
# FOR SHARE: several alerts may be processed at once, but none while the team changes.
_ALL_SHARED = _ALL.with_for_update(read=True)
_BY_HASH = select(team_tables.staff).where(team_tables.staff.c.token_hash == bindparam("of_hash"))
_BY_CHAT = select(team_tables.staff).where(team_tables.staff.c.chat_hash == bindparam("of_chat"))
_SHIFTS = select(team_tables.shift).order_by(team_tables.shift.c.id)
_DROP_SHIFT = delete(team_tables.shift).where(team_tables.shift.c.id == bindparam("of_row"))
_COVERS = (
    select(team_tables.cover).where(team_tables.cover.c.last >= bindparam("since")).order_by(team_tables.cover.c.id)
)
_DROP_COVER = delete(team_tables.cover).where(team_tables.cover.c.id == bindparam("of_row"))

_BY_ID = select(team_tables.staff).where(team_tables.staff.c.id == bindparam("of_staff"))
_BY_LOGIN = select(team_tables.staff).where(team_tables.staff.c.login_hash == bindparam("of_hash"))
SESSION = Shape(team_tables.session, Session)
_SESSION = select(team_tables.session).where(team_tables.session.c.token_hash == bindparam("of_hash"))
_END_SESSIONS = (
    update(team_tables.session)
    .where(team_tables.session.c.staff_id == bindparam("of_staff"), team_tables.session.c.ended_at.is_(None))
    .values(ended_at=bindparam("timestamp"), version=team_tables.session.c.version + 1)
)
_FORGET_SESSIONS = delete(team_tables.session).where(team_tables.session.c.seen_at < bindparam("before"))
PASSKEY = Shape(team_tables.passkey, Passkey)
_PASSKEY = select(team_tables.passkey).where(team_tables.passkey.c.credential_id == bindparam("of_credential"))
_PASSKEYS = (
    select(team_tables.passkey)
    .where(team_tables.passkey.c.staff_id == bindparam("of_staff"))
    .order_by(team_tables.passkey.c.id)
)
_DROP_PASSKEY = delete(team_tables.passkey).where(team_tables.passkey.c.id == bindparam("of_row"))


class SqlStaff(Section):
    """See `bot.app.ports.team.StaffStore`."""

    def add(self, row: Staff) -> Staff:
        with self._unique_chat():
            added = self._first(_ADD[self._dialect], **STAFF.values(row, self._keyring), **self._staff_chat(row))
        if added is None:
            raise DuplicateError(f"{row.name!r} is in the team already, or was: choose another short name")
        return row.model_copy(update={"id": added["id"]})

    def save(self, row: Staff) -> Staff:
        with self._unique_chat():
            return self._save(STAFF, row, **self._staff_chat(row))

    def _staff_chat(self, row: Staff) -> dict[str, Any]:
        return {"chat_hash": self._chat_hash(row.chat_id) if row.chat_id is not None else None}

    def by_name(self, name: str, *, lock: bool = False) -> Staff | None:
        return self._record(STAFF, _BY_NAME_LOCKED if lock else _BY_NAME, of_name=name)

    def by_invite(self, token_hash: str) -> Staff | None:
        return self._record(STAFF, _BY_HASH, of_hash=token_hash)

    def by_chat(self, chat_id: int) -> Staff | None:
        return self._record(STAFF, _BY_CHAT, of_chat=self._chat_hash(chat_id))

    def all(self, *, lock: bool = False) -> Sequence[Staff]:
        return self._records(STAFF, _ALL_SHARED if lock else _ALL)

    def get(self, staff_id: int) -> Staff | None:
        return self._record(STAFF, _BY_ID, of_staff=staff_id)

    def by_login(self, login_hash: str) -> Staff | None:
        return self._record(STAFF, _BY_LOGIN, of_hash=login_hash)


class SqlRota(Section):
    """See `bot.app.ports.team.RotaStore`."""

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


class SqlSessions(Section):
    """See `bot.app.ports.team.SessionStore`."""

    def add(self, row: Session) -> Session:
        return self._add(SESSION, row)

    def save(self, row: Session) -> Session:
        return self._save(SESSION, row)

    def by_hash(self, token_hash: str) -> Session | None:
        return self._record(SESSION, _SESSION, of_hash=token_hash)

    def end_of(self, staff_id: int, at: datetime) -> None:
        self._run(_END_SESSIONS, of_staff=staff_id, timestamp=at)

    def purge(self, before: datetime) -> int:
        return self._run(_FORGET_SESSIONS, before=before)


class SqlPasskeys(Section):
    """See `bot.app.ports.team.PasskeyStore`."""

    def add(self, row: Passkey) -> Passkey:
        return self._add(PASSKEY, row)

    def save(self, row: Passkey) -> Passkey:
        return self._save(PASSKEY, row)

    def drop(self, passkey_id: int) -> None:
        self._run(_DROP_PASSKEY, of_row=passkey_id)

    def by_credential(self, credential_id: str) -> Passkey | None:
        return self._record(PASSKEY, _PASSKEY, of_credential=credential_id)

    def of_staff(self, staff_id: int) -> Sequence[Passkey]:
        return self._records(PASSKEY, _PASSKEYS, of_staff=staff_id)
