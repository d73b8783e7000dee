"""Ports to the database: the stores of the team, its rota and its sign-ins. No SQL, no engine."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Protocol

from bot.app.records.team import CoverRow, Passkey, Session, ShiftRow, Staff


class StaffStore(Protocol):
    """The store of staff in one open transaction."""

    def add(self, row: Staff) -> Staff:
        """Raise `DuplicateError` when the name exists, or the chat is someone else's of the team."""
        ...

    def save(self, row: Staff) -> Staff:
        """Raise `DuplicateError` when the chat is someone else's of the team."""
        ...

    def by_name(self, name: str, *, lock: bool = False) -> Staff | None:
        """`lock` holds the row for this transaction: they don't leave the team meanwhile, nor try another password."""
        ...

    def by_invite(self, token_hash: str) -> Staff | None: ...
    def by_chat(self, chat_id: int) -> Staff | None:
        """Found by keyed hash; a chat belongs to one of the team at most."""
        ...

    def all(self, *, lock: bool = False) -> Sequence[Staff]:
        """All there are, those gone too, in order of name: a team, so never many.

        `lock`: nobody joins, leaves or can't be reached any more before this transaction ends.
        """
        ...

    def get(self, staff_id: int) -> Staff | None: ...
    def by_login(self, login_hash: str) -> Staff | None: ...


class RotaStore(Protocol):
    """The store of rota in one open transaction."""

    def add_shift(self, row: ShiftRow) -> ShiftRow: ...
    def drop_shift(self, shift_id: int) -> bool:
        """False when there is no such shift."""
        ...

    def shifts(self) -> Sequence[ShiftRow]:
        """In order of adding."""
        ...

    def add_cover(self, row: CoverRow) -> CoverRow: ...
    def drop_cover(self, cover_id: int) -> bool:
        """False when there is no such cover."""
        ...

    def covers(self, since: date) -> Sequence[CoverRow]:
        """Those whose last day is not before that, in order of adding."""
        ...


class SessionStore(Protocol):
    """The store of sessions in one open transaction."""

    def add(self, row: Session) -> Session: ...
    def save(self, row: Session) -> Session: ...
    def by_hash(self, token_hash: str) -> Session | None: ...
    def end_of(self, staff_id: int, at: datetime) -> None:
        """All of one person that are not ended."""
        ...

    def purge(self, before: datetime) -> int:
        """Delete those last seen before that moment; return how many."""
        ...


class PasskeyStore(Protocol):
    """The store of passkeys in one open transaction."""

    def add(self, row: Passkey) -> Passkey: ...
    def save(self, row: Passkey) -> Passkey: ...
    def drop(self, passkey_id: int) -> None: ...
    def by_credential(self, credential_id: str) -> Passkey | None: ...
    def of_staff(self, staff_id: int) -> Sequence[Passkey]:
        """In order of adding."""
        ...
