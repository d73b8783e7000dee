"""Ports to the stores of the team, its rota and its sign-ins. Never imports SQL or the engine."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Protocol

from bot.app.records.team import CoverRow, Passkey, Session, ShiftRow, Staff


class StaffStore(Protocol):
    """The store of staff in one open transaction."""

    def add(self, row: Staff) -> Staff:
        """Add a member and return them. Raise DuplicateError if the name exists or the chat is another member's."""
        ...

    def save(self, row: Staff) -> Staff:
        """Save a member and return them. Raise DuplicateError if the chat is another member's."""
        ...

    def by_name(self, name: str, *, lock: bool = False) -> Staff | None:
        """Return a member; `lock` locks the row: no removal and no other sign-in before this transaction ends."""
        ...

    def by_invite(self, token_hash: str) -> Staff | None: ...
    def by_chat(self, chat_id: int) -> Staff | None:
        """Return the one member of a chat, found by keyed hash; None if there is none."""
        ...

    def all(self, *, lock: bool = False) -> Sequence[Staff]:
        """Return all members, removed ones too, in order of name.

        With `lock`, nobody joins, leaves or changes reachability before this transaction ends.
        """
        ...

    def get(self, staff_id: int) -> Staff | None: ...
    def by_login(self, login_hash: str) -> Staff | None: ...


class RotaStore(Protocol):
    """The store of the rota in one open transaction."""

    def add_shift(self, row: ShiftRow) -> ShiftRow: ...
    def drop_shift(self, shift_id: int) -> bool:
        """Delete a shift; return False if there is none with that id."""
        ...

    def shifts(self) -> Sequence[ShiftRow]:
        """Return all shifts in the order added."""
        ...

    def add_cover(self, row: CoverRow) -> CoverRow: ...
    def drop_cover(self, cover_id: int) -> bool:
        """Delete a cover; return False if there is none with that id."""
        ...

    def covers(self, since: date) -> Sequence[CoverRow]:
        """Return the covers whose last day is not before `since`, in the order added."""
        ...


class SessionStore(Protocol):
    """The store of sessions in one open transaction."""

    def add(self, row: Session) -> Session: ...
    def save(self, row: Session) -> Session: ...
    def by_hash(self, token_hash: str) -> Session | None: ...
    def end_of(self, staff_id: int, at: datetime) -> None:
        """End all sessions of a member that have not ended."""
        ...

    def purge(self, before: datetime) -> int:
        """Delete sessions last seen before that time; return how many."""
        ...


class PasskeyStore(Protocol):
    """The store of passkeys in one open transaction."""

    def add(self, row: Passkey) -> Passkey: ...
    def save(self, row: Passkey) -> Passkey: ...
    def drop(self, passkey_id: int) -> None: ...
    def by_credential(self, credential_id: str) -> Passkey | None: ...
    def of_staff(self, staff_id: int) -> Sequence[Passkey]:
        """Return the member's passkeys in the order added."""
        ...
