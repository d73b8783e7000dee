"""The part of the port to the database that is about the clinic's team. No SQL, no engine."""

from collections.abc import Sequence
from datetime import date, datetime, time
from typing import Literal, Protocol

from bot.core.screen import Frozen

Role = Literal["coordinator", "lead", "operator"]


class Versioned(Frozen):
    """A record that is saved whole. `version` counts how often it was: a copy of before can't be saved any more."""

    id: int = 0
    version: int = 0


class Staff(Versioned):
    """Someone of the team, known by a short name ("lead-2") as the audit keeps it: never a person's own.

    "invited" until they open their link in a chat (single-use; only the keyed hash of its token is stored), "active"
    then, "gone" when removed.
    """

    name: str
    role: Role
    state: Literal["invited", "active", "gone"] = "invited"
    language: str
    token_hash: str | None = None
    expires_at: datetime | None = None
    chat_id: int | None = None
    added_at: datetime
    joined_at: datetime | None = None
    unreachable_at: datetime | None = None
    """Since when messages can't be delivered: whoever it is, is passed over."""
    left_at: datetime | None = None
    password_hash: str | None = None
    """As argon2 writes it; None: no password was set."""
    totp_secret: str | None = None
    """Of the codes that the password needs beside it (base32; stored sealed)."""
    totp_step: int = 0
    """The newest of those codes that was used, as its number of half minutes since 1970: none is good twice."""
    failures: int = 0
    locked_until: datetime | None = None
    login_hash: str | None = None
    """Keyed hash of the one-time link to the console that was sent to their chat."""
    login_expires_at: datetime | None = None

    @property
    def can_be_told(self) -> bool:
        """Whether a message would reach them."""
        return self.state == "active" and self.chat_id is not None and self.unreachable_at is None


class ShiftRow(Frozen):
    """One shift, local to the clinic: weekdays (0 = Monday), hours, rank. `out_of_hours`: asked when no shift runs."""

    id: int = 0
    staff_id: int
    out_of_hours: bool = False
    days: tuple[int, ...]
    start: time
    end: time
    rank: int = 0


class CoverRow(Frozen):
    """Someone stands in for someone else, from `first` to `last`, both included."""

    id: int = 0
    away_id: int
    instead_id: int
    first: date
    last: date


class Snooze(Versioned):
    """A symptom (question id) that the team expects up to a level (choice id; stored sealed) until a moment."""

    patient_id: int
    question: str
    level: str
    until: datetime
    made_by: str
    made_at: datetime
    ended_at: datetime | None = None
    ended_by: str | None = None


class Session(Versioned):
    """A browser that is signed in to the console; only the keyed hash of its token is stored."""

    staff_id: int
    token_hash: str
    began_at: datetime
    seen_at: datetime
    ended_at: datetime | None = None


class Passkey(Versioned):
    """A passkey of someone of the team: what the browser knows it by and its public key (both URL-safe base64)."""

    staff_id: int
    credential_id: str
    public_key: str
    sign_count: int
    added_at: datetime
    used_at: datetime | None = None
    last_challenge: str | None = None
    """What it was last opened for: no answer is good twice."""


class WeekReport(Frozen):
    """What came of one week, which begins on a Monday of the clinic's calendar. Worked out by the hour, then kept."""

    week: date
    asked: int
    answered: int
    median_minutes: int | None
    """From the check-in to its last answer, of those that were answered."""
    alerts: int
    in_time: int
    """Alerts that were taken up before they became the next person's."""


class TeamStore(Protocol):
    """See `bot.app.store.Store`, which this is part of."""

    def add_staff(self, row: Staff) -> Staff:
        """Raise `DuplicateError` when the name exists, or the chat is someone else's of the team."""
        ...

    def save_staff(self, row: Staff) -> Staff:
        """Raise `DuplicateError` when the chat is someone else's of the team."""
        ...

    def staff_by_name(self, name: str, *, lock: bool = False) -> Staff | None:
        """`lock` holds the row for this transaction: they don't leave the team meanwhile, nor try another password."""
        ...

    def staff_by_hash(self, token_hash: str) -> Staff | None: ...
    def staff_by_chat(self, chat_id: int) -> Staff | None:
        """Found by keyed hash; a chat belongs to one of the team at most."""
        ...

    def staff(self, *, lock: bool = False) -> Sequence[Staff]:
        """All there are, those gone too, in order of name: a team, so never many.

        `lock`: nobody joins, leaves or can't be reached any more before this transaction ends.
        """
        ...

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

    def add_snooze(self, row: Snooze) -> Snooze: ...
    def save_snooze(self, row: Snooze) -> Snooze: ...
    def snoozes(self, patient_id: int) -> Sequence[Snooze]:
        """All there were, oldest first."""
        ...

    def staff_member(self, staff_id: int) -> Staff | None: ...
    def staff_by_login(self, login_hash: str) -> Staff | None: ...
    def add_session(self, row: Session) -> Session: ...
    def save_session(self, row: Session) -> Session: ...
    def session_by_hash(self, token_hash: str) -> Session | None: ...
    def end_sessions(self, staff_id: int, at: datetime) -> None:
        """All of one person that are not ended."""
        ...

    def forget_sessions(self, before: datetime) -> int:
        """Delete those last seen before that moment; return how many."""
        ...

    def save_week(self, row: WeekReport) -> None:
        """Add it, or write over the one of that week."""
        ...

    def weeks(self, limit: int) -> Sequence[WeekReport]:
        """Newest first."""
        ...

    def add_passkey(self, row: Passkey) -> Passkey: ...
    def save_passkey(self, row: Passkey) -> Passkey: ...
    def drop_passkey(self, passkey_id: int) -> None: ...
    def passkey_by_credential(self, credential_id: str) -> Passkey | None: ...
    def passkeys(self, staff_id: int) -> Sequence[Passkey]:
        """In order of adding."""
        ...
