"""The team, its shifts and covers in their tables. Decides nothing about them."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import bindparam, delete, select

from bot.app.store import DuplicateError
from bot.app.team_store import CoverRow, ShiftRow, Snooze, Staff
from bot.db import tables_team as t
from bot.db.rows import NUMBER, TEXT, Section, Shape, insert_or_skip

STAFF = Shape(t.staff, Staff, sealed={"chat_id": NUMBER})
SHIFT = Shape(t.shift, ShiftRow)
COVER = Shape(t.cover, CoverRow)
SNOOZE = Shape(t.snooze, Snooze, sealed={"level": TEXT})

_ADD = insert_or_skip(t.staff, "name", returning="id")
_ALL = select(t.staff).order_by(t.staff.c.name)
_BY_NAME = select(t.staff).where(t.staff.c.name == bindparam("of_name"))
_BY_HASH = select(t.staff).where(t.staff.c.token_hash == bindparam("of_hash"))
_BY_CHAT = select(t.staff).where(t.staff.c.chat_hash == bindparam("of_chat"))
_SHIFTS = select(t.shift).order_by(t.shift.c.id)
_DROP_SHIFT = delete(t.shift).where(t.shift.c.id == bindparam("of_row"))
_COVERS = select(t.cover).where(t.cover.c.last >= bindparam("since")).order_by(t.cover.c.id)
_DROP_COVER = delete(t.cover).where(t.cover.c.id == bindparam("of_row"))
_SNOOZES = select(t.snooze).where(t.snooze.c.patient_id == bindparam("of_patient")).order_by(t.snooze.c.id)


class Team(Section):
    """See `bot.app.team_store.TeamStore`."""

    def add_staff(self, row: Staff) -> Staff:
        with self._one_chat_each():
            added = self._first(_ADD[self._dialect], **STAFF.values(row, self._keyring), **self._staff_chat(row))
        if added is None:
            raise DuplicateError(f"{row.name!r} is in the team already, or was: choose another short name")
        return row.model_copy(update={"id": added["id"]})

    def save_staff(self, row: Staff) -> None:
        with self._one_chat_each():
            self._save(STAFF, row, **self._staff_chat(row))

    def _staff_chat(self, row: Staff) -> dict[str, Any]:
        return {"chat_hash": self._chat_hash(row.chat_id) if row.chat_id is not None else None}

    def staff_by_name(self, name: str) -> Staff | None:
        return self._record(STAFF, _BY_NAME, of_name=name)

    def staff_by_hash(self, token_hash: str) -> Staff | None:
        return self._record(STAFF, _BY_HASH, of_hash=token_hash)

    def staff_by_chat(self, chat_id: int) -> Staff | None:
        return self._record(STAFF, _BY_CHAT, of_chat=self._chat_hash(chat_id))

    def staff(self) -> Sequence[Staff]:
        return self._records(STAFF, _ALL)

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

    def save_snooze(self, row: Snooze) -> None:
        self._save(SNOOZE, row)

    def snoozes(self, patient_id: int) -> Sequence[Snooze]:
        return self._records(SNOOZE, _SNOOZES, of_patient=patient_id)
