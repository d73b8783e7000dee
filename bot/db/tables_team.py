"""The tables of the clinic's team: who they are, when they are on duty, what they expect, where they are signed in.

No query; a change here needs a migration beside it.
"""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Date,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Time,
)

from bot.db.columns import Code, Sealed, metadata, moment, number_column, of_patient, rid, version, whole, words
from bot.db.types import Identity, UTCDateTime


def _staff(name: str = "staff_id") -> Column[int]:
    return Column(name, Identity, ForeignKey("staff.id"), nullable=False)


staff = Table(
    "staff",
    metadata,
    number_column(),
    version(),
    rid(),
    Column("name", Code, nullable=False, unique=True),
    words("role"),
    words("state"),
    words("language"),
    Column("token_hash", String, unique=True),
    moment("expires_at", nullable=True),
    Column("chat_id", Sealed),
    Column("chat_hash", LargeBinary, unique=True),
    moment("added_at"),
    moment("joined_at", nullable=True),
    moment("unreachable_at", nullable=True),
    moment("left_at", nullable=True),
    words("password_hash", nullable=True),
    Column("totp_secret", Sealed),
    Column("totp_step", BigInteger, nullable=False, server_default="0"),
    Column("failures", Integer, nullable=False, server_default="0"),
    moment("locked_until", nullable=True),
    words("login_hash", nullable=True),
    moment("login_expires_at", nullable=True),
    Index("ix_staff_login", "login_hash", unique=True),
    sqlite_autoincrement=True,
)

shift = Table(
    "shift",
    metadata,
    number_column(),
    _staff(),
    Column("out_of_hours", Boolean, nullable=False),
    Column("days", JSON, nullable=False),
    Column("start", Time, nullable=False),
    Column("end", Time, nullable=False),
    whole("rank"),
    Index(None, "staff_id"),
    sqlite_autoincrement=True,
)

cover = Table(
    "cover",
    metadata,
    number_column(),
    _staff("away_id"),
    _staff("instead_id"),
    Column("first", Date, nullable=False),
    Column("last", Date, nullable=False),
    Index(None, "last"),
    sqlite_autoincrement=True,
)

snooze = Table(
    "snooze",
    metadata,
    number_column(),
    version(),
    rid(),
    of_patient(),
    words("question"),
    Column("level", Sealed, nullable=False),
    moment("until"),
    words("made_by"),
    moment("made_at"),
    moment("ended_at", nullable=True),
    words("ended_by", nullable=True),
    Index(None, "patient_id", "id"),
    sqlite_autoincrement=True,
)

session = Table(
    "session",
    metadata,
    number_column(),
    version(),
    _staff(),
    Column("token_hash", String, nullable=False, unique=True),
    moment("began_at"),
    Column("seen_at", UTCDateTime, nullable=False, index=True),
    moment("ended_at", nullable=True),
    Index(None, "staff_id"),
    sqlite_autoincrement=True,
)

week_report = Table(
    "week_report",
    metadata,
    Column("week", Date, primary_key=True),
    whole("asked"),
    whole("answered"),
    Column("median_minutes", Integer),
    whole("alerts"),
    whole("in_time"),
)

passkey = Table(
    "passkey",
    metadata,
    number_column(),
    version(),
    _staff(),
    Column("credential_id", String, nullable=False, unique=True),
    words("public_key"),
    Column("sign_count", BigInteger, nullable=False),
    moment("added_at"),
    moment("used_at", nullable=True),
    words("last_challenge", nullable=True),
    Index(None, "staff_id"),
    sqlite_autoincrement=True,
)
