"""The tables of the clinic's team: members, rota, agreed levels, sessions and reports.

No queries; a change here needs a migration.
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

from bot.db.columns import (
    Code,
    integer_column,
    metadata,
    of_patient,
    primary_key_column,
    seal_id,
    sealed,
    string_column,
    timestamp_column,
    version,
)
from bot.db.types import Identity, UTCDateTime


def _staff(name: str = "staff_id") -> Column[int]:
    return Column(name, Identity, ForeignKey("staff.id"), nullable=False)


staff = Table(
    "staff",
    metadata,
    primary_key_column(),
    version(),
    seal_id(),
    Column("name", Code, nullable=False, unique=True),
    string_column("role"),
    string_column("state"),
    string_column("language"),
    Column("token_hash", String, unique=True),
    timestamp_column("expires_at", nullable=True),
    sealed("chat_id", "staff.chat_id"),
    Column("chat_hash", LargeBinary, unique=True),
    timestamp_column("added_at"),
    timestamp_column("joined_at", nullable=True),
    timestamp_column("unreachable_at", nullable=True),
    timestamp_column("left_at", nullable=True),
    string_column("password_hash", nullable=True),
    sealed("totp_secret", "staff.totp_secret"),
    Column("totp_step", BigInteger, nullable=False, server_default="0"),
    Column("failures", Integer, nullable=False, server_default="0"),
    timestamp_column("locked_until", nullable=True),
    string_column("login_hash", nullable=True),
    timestamp_column("login_expires_at", nullable=True),
    Index("ix_staff_login", "login_hash", unique=True),
    sqlite_autoincrement=True,
)

shift = Table(
    "shift",
    metadata,
    primary_key_column(),
    _staff(),
    Column("out_of_hours", Boolean, nullable=False),
    Column("days", JSON, nullable=False),
    Column("start", Time, nullable=False),
    Column("end", Time, nullable=False),
    integer_column("rank"),
    Index(None, "staff_id"),
    sqlite_autoincrement=True,
)

cover = Table(
    "cover",
    metadata,
    primary_key_column(),
    _staff("away_id"),
    _staff("instead_id"),
    Column("first", Date, nullable=False),
    Column("last", Date, nullable=False),
    Index(None, "last"),
    sqlite_autoincrement=True,
)

agreed_level = Table(
    "snooze",
    metadata,
    primary_key_column(),
    version(),
    seal_id(),
    of_patient(),
    string_column("question"),
    sealed("level", "snooze.level", nullable=False),
    timestamp_column("until"),
    string_column("made_by"),
    timestamp_column("made_at"),
    timestamp_column("ended_at", nullable=True),
    string_column("ended_by", nullable=True),
    Index(None, "patient_id", "id"),
    sqlite_autoincrement=True,
)

session = Table(
    "session",
    metadata,
    primary_key_column(),
    version(),
    _staff(),
    Column("token_hash", String, nullable=False, unique=True),
    timestamp_column("began_at"),
    Column("seen_at", UTCDateTime, nullable=False, index=True),
    timestamp_column("ended_at", nullable=True),
    Index(None, "staff_id"),
    sqlite_autoincrement=True,
)

week_report = Table(
    "week_report",
    metadata,
    Column("week", Date, primary_key=True),
    integer_column("asked"),
    integer_column("answered"),
    Column("median_minutes", Integer),
    integer_column("alerts"),
    integer_column("in_time"),
)

passkey = Table(
    "passkey",
    metadata,
    primary_key_column(),
    version(),
    _staff(),
    Column("credential_id", String, nullable=False, unique=True),
    string_column("public_key"),
    Column("sign_count", BigInteger, nullable=False),
    timestamp_column("added_at"),
    timestamp_column("used_at", nullable=True),
    string_column("last_challenge", nullable=True),
    Index(None, "staff_id"),
    sqlite_autoincrement=True,
)
