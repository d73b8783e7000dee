"""Records of the team: members, shifts, covers, sign-ins. They decide nothing."""

from datetime import date, datetime, time
from typing import Literal

from bot.core.frozen import Frozen, Versioned

Role = Literal["coordinator", "lead", "operator"]


class Staff(Versioned):
    """A team member, known by a short name ("lead-2") as the audit stores it: never a person's real name.

    "invited" until they open their link in a chat (single-use; only the keyed hash of its token is stored), then
    "active", and "gone" when removed.
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
    """Since when messages can't be delivered; unreachable members are skipped."""
    left_at: datetime | None = None
    password_hash: str | None = None
    """The encoded argon2 hash; None: no password was set."""
    totp_secret: str | None = None
    """The secret of the one-time codes that sign-in needs in addition (base32; stored sealed)."""
    totp_step: int = 0
    """The time step (half minutes since 1970) of the last code used: a code is accepted once."""
    failures: int = 0
    locked_until: datetime | None = None
    login_hash: str | None = None
    """The keyed hash of the one-time sign-in link that was sent to their chat."""
    login_expires_at: datetime | None = None

    @property
    def can_be_notified(self) -> bool:
        """Return whether a message would reach them."""
        return self.state == "active" and self.chat_id is not None and self.unreachable_at is None


class ShiftRow(Frozen):
    """One shift in clinic time: weekdays (0 = Monday), hours, rank. `out_of_hours`: on call when no shift runs."""

    id: int = 0
    staff_id: int
    out_of_hours: bool = False
    days: tuple[int, ...]
    start: time
    end: time
    rank: int = 0


class CoverRow(Frozen):
    """A cover: one member is on call for another from `first` to `last` (inclusive)."""

    id: int = 0
    away_id: int
    instead_id: int
    first: date
    last: date


class Session(Versioned):
    """A browser signed in to the console; only the keyed hash of its token is stored."""

    staff_id: int
    token_hash: str
    began_at: datetime
    seen_at: datetime
    ended_at: datetime | None = None


class Passkey(Versioned):
    """A member's passkey: its credential id and public key (both URL-safe base64)."""

    staff_id: int
    credential_id: str
    public_key: str
    sign_count: int
    added_at: datetime
    used_at: datetime | None = None
    last_challenge: str | None = None
    """The last challenge it signed: a response is accepted once."""
