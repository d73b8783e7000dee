"""Records of the team: members, shifts, covers, and how they sign in."""

from datetime import date, datetime, time
from typing import Literal

from bot.core.frozen import Frozen, Versioned

Role = Literal["coordinator", "lead", "operator"]


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
    def can_be_notified(self) -> bool:
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
