"""The team in dictionaries."""

from collections.abc import Sequence
from datetime import date, datetime

from bot.app.store_errors import DuplicateError
from bot.app.team_store import CoverRow, Passkey, Session, ShiftRow, Snooze, Staff, WeekReport
from tests.fakes.memory_tables import Tables


class MemoryTeam:
    """See `bot.app.team_store.TeamStore`."""

    _t: Tables

    def add_staff(self, row: Staff) -> Staff:
        if self.staff_by_name(row.name) is not None:
            raise DuplicateError(f"{row.name!r} is in the team already, or was: choose another short name")
        self._refuse_staff_chat(row)
        return self._add("staff", row)

    def save_staff(self, row: Staff) -> Staff:
        self._refuse_staff_chat(row)
        return self._save("staff", row)

    def _refuse_staff_chat(self, row: Staff) -> None:
        other = None if row.chat_id is None else self.staff_by_chat(row.chat_id)
        if other is not None and other.id != row.id:
            raise DuplicateError("that chat belongs to someone else")

    def staff_by_name(self, name: str, *, lock: bool = False) -> Staff | None:
        return next((s for s in self._t.all("staff") if s.name == name), None)

    def staff_by_hash(self, token_hash: str) -> Staff | None:
        return next((s for s in self._t.all("staff") if s.token_hash == token_hash), None)

    def staff_by_chat(self, chat_id: int) -> Staff | None:
        return next((s for s in self._t.all("staff") if s.chat_id == chat_id), None)

    def staff(self, *, lock: bool = False) -> Sequence[Staff]:
        return sorted(self._t.all("staff"), key=lambda s: s.name)

    def add_shift(self, row: ShiftRow) -> ShiftRow:
        return self._add("shift", row)

    def drop_shift(self, shift_id: int) -> bool:
        there = self._t.get("shift", shift_id) is not None
        self._t.drop("shift", shift_id)
        return there

    def shifts(self) -> Sequence[ShiftRow]:
        return self._t.all("shift")

    def add_cover(self, row: CoverRow) -> CoverRow:
        return self._add("cover", row)

    def drop_cover(self, cover_id: int) -> bool:
        there = self._t.get("cover", cover_id) is not None
        self._t.drop("cover", cover_id)
        return there

    def covers(self, since: date) -> Sequence[CoverRow]:
        return [c for c in self._t.all("cover") if c.last >= since]

    def add_snooze(self, row: Snooze) -> Snooze:
        return self._add("snooze", row)

    def save_snooze(self, row: Snooze) -> Snooze:
        return self._save("snooze", row)

    def snoozes(self, patient_id: int) -> Sequence[Snooze]:
        return self._of("snooze", patient_id)

    def staff_member(self, staff_id: int) -> Staff | None:
        return self._t.get("staff", staff_id)

    def staff_by_login(self, login_hash: str) -> Staff | None:
        return next((s for s in self._t.all("staff") if s.login_hash == login_hash), None)

    def add_session(self, row: Session) -> Session:
        return self._add("session", row)

    def save_session(self, row: Session) -> Session:
        return self._save("session", row)

    def session_by_hash(self, token_hash: str) -> Session | None:
        return next((s for s in self._t.all("session") if s.token_hash == token_hash), None)

    def end_sessions(self, staff_id: int, at: datetime) -> None:
        for row in self._t.all("session"):
            if row.staff_id == staff_id and row.ended_at is None:
                self._save("session", row.model_copy(update={"ended_at": at}))

    def forget_sessions(self, before: datetime) -> int:
        old = [row for row in self._t.all("session") if row.seen_at < before]
        for row in old:
            self._t.drop("session", row.id)
        return len(old)

    def save_week(self, row: WeekReport) -> None:
        self._t.put("week_report", row.week, row)

    def weeks(self, limit: int) -> Sequence[WeekReport]:
        return sorted(self._t.all("week_report"), key=lambda row: row.week, reverse=True)[:limit]

    def add_passkey(self, row: Passkey) -> Passkey:
        return self._add("passkey", row)

    def save_passkey(self, row: Passkey) -> Passkey:
        return self._save("passkey", row)

    def drop_passkey(self, passkey_id: int) -> None:
        self._t.drop("passkey", passkey_id)

    def passkey_by_credential(self, credential_id: str) -> Passkey | None:
        return next((row for row in self._t.all("passkey") if row.credential_id == credential_id), None)

    def passkeys(self, staff_id: int) -> Sequence[Passkey]:
        return [row for row in self._t.all("passkey") if row.staff_id == staff_id]
