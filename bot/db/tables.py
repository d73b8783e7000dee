"""The tables and the index behind every look-up. No query; a change here needs a migration beside it.

Columns of type `Sealed` are encrypted (see crypto.py) and bound to the row by `rid`, 16 random bytes that are known
before the database numbers the row. `chat_hash` is the keyed hash a chat is found by.

What a tick reads stands in partial indexes that hold only open work: its cost follows what is due, not what is stored.
"""

from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Date,
    ForeignKey,
    FromClause,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Table,
    Text,
    Time,
    UniqueConstraint,
    literal_column,
)
from sqlalchemy.sql.elements import ColumnElement

from bot.db.types import Identity, UTCDateTime

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

Sealed = LargeBinary
Code = String().with_variant(String(collation="C"), "postgresql")
"""Sorted by bytes everywhere: pages of patients must not depend on the server's locale."""


def _id() -> Column[int]:
    return Column("id", Identity, primary_key=True, autoincrement=True)


def _rid() -> Column[bytes]:
    return Column("rid", LargeBinary, nullable=False)


def _patient(*, nullable: bool = False) -> Column[int]:
    return Column("patient_id", Identity, ForeignKey("patient.id"), nullable=nullable)


def _checkin(*, nullable: bool = False) -> Column[int]:
    return Column("checkin_id", Identity, ForeignKey("checkin.id"), nullable=nullable)


def _text(name: str, *, nullable: bool = False) -> Column[str]:
    return Column(name, String, nullable=nullable)


def _number(name: str) -> Column[int]:
    return Column(name, Integer, nullable=False)


def _moment(name: str, *, nullable: bool = False) -> Column[object]:
    return Column(name, UTCDateTime, nullable=nullable)


def _protocol() -> tuple[Column[str], ...]:
    return _text("protocol_name"), _text("protocol_version"), _text("protocol_hash")


def _is(where: ColumnElement[Any], value: str) -> ColumnElement[bool]:
    """A condition written out: neither database matches a partial index to a bound value."""
    return where == literal_column(f"'{value}'")


def _partial(name: str, *columns: Column[Any], where: ColumnElement[bool], unique: bool = False) -> None:
    Index(name, *columns, unique=unique, sqlite_where=where, postgresql_where=where)


patient = Table(
    "patient",
    metadata,
    _id(),
    _rid(),
    Column("code", Code, nullable=False, unique=True),
    _text("state"),
    Column("chat_id", Sealed),
    Column("chat_hash", LargeBinary, unique=True),
    _text("language"),
    _text("timezone", nullable=True),
    Column("send_time", Time, nullable=False),
    Column("quiet_from", Time, nullable=False),
    Column("quiet_to", Time, nullable=False),
    Column("ici_start", Date, nullable=False),
    Column("ici_stop", Date),
    _text("regimen"),
    _text("plan"),
    Column("pauses", JSON, nullable=False),
    _number("jitter"),
    _text("enrol_step", nullable=True),
    _number("enrol_revision"),
    _moment("next_due_at", nullable=True),
    _moment("unreachable_at", nullable=True),
    _moment("created_at"),
    _text("drug", nullable=True),
    Column("watch", Sealed),
    _moment("said_at", nullable=True),
    sqlite_autoincrement=True,
)
IS_ACTIVE = _is(patient.c.state, "active")
_partial("ix_patient_due", patient.c.next_due_at, patient.c.id, where=IS_ACTIVE & patient.c.next_due_at.is_not(None))

invite = Table(
    "invite",
    metadata,
    _id(),
    _patient(),
    Column("token_hash", String, nullable=False, unique=True),
    _moment("expires_at"),
    _moment("used_at", nullable=True),
    _moment("revoked_at", nullable=True),
    Index(None, "patient_id", "id"),
    sqlite_autoincrement=True,
)

caregiver = Table(
    "caregiver",
    metadata,
    _id(),
    _rid(),
    _patient(),
    _text("state"),
    Column("token_hash", String, nullable=False, unique=True),
    _moment("expires_at"),
    Column("chat_id", Sealed),
    Column("chat_hash", LargeBinary, unique=True),
    _text("language"),
    _moment("invited_at"),
    _moment("agreed_at", nullable=True),
    _moment("ended_at", nullable=True),
    _moment("said_at", nullable=True),
    Index(None, "patient_id", "id"),
    sqlite_autoincrement=True,
)

consent = Table(
    "consent",
    metadata,
    _id(),
    _patient(),
    _text("version"),
    _text("text_hash"),
    _text("language"),
    _moment("given_at"),
    _moment("withdrawn_at", nullable=True),
    Index(None, "patient_id", "id"),
    sqlite_autoincrement=True,
)

checkin = Table(
    "checkin",
    metadata,
    _id(),
    _patient(),
    _text("kind"),
    _moment("due_at"),
    _moment("opened_at"),
    _moment("closed_at", nullable=True),
    _number("reminders"),
    _moment("next_step_at", nullable=True),
    _moment("silent_at", nullable=True),
    *_protocol(),
    _text("form"),
    _text("state"),
    _number("revision"),
    _number("asked_revision"),
    _text("cursor", nullable=True),
    Column("raised", SmallInteger, nullable=False),
    Column("acted_on", SmallInteger, nullable=False),
    _moment("remind_at", nullable=True),
    UniqueConstraint("patient_id", "due_at"),
    Index(None, "patient_id", "id"),
    sqlite_autoincrement=True,
)
IS_OPEN = checkin.c.state.in_([literal_column(f"'{state}'") for state in ("asking", "paused", "stopped")])
_partial("ix_checkin_step", checkin.c.next_step_at, checkin.c.id, where=IS_OPEN & checkin.c.next_step_at.is_not(None))
_partial("ix_checkin_open", checkin.c.patient_id, where=IS_OPEN)

answer = Table(
    "answer",
    metadata,
    _id(),
    _rid(),
    _checkin(),
    _patient(),
    _text("question"),
    Column("choices", Sealed, nullable=False),
    _moment("given_at"),
    _moment("superseded_at", nullable=True),
    Column("caregiver_id", Identity),
    Index(None, "checkin_id", "id"),
    Index(None, "patient_id"),
    sqlite_autoincrement=True,
)

assessment = Table(
    "assessment",
    metadata,
    _id(),
    _rid(),
    _checkin(),
    _patient(),
    Column("tier", SmallInteger, nullable=False),
    Column("rules", Sealed, nullable=False),
    Column("complete", Boolean, nullable=False),
    Column("final", Boolean, nullable=False),
    *_protocol(),
    _moment("at"),
    Column("basis", Sealed),
    Index(None, "checkin_id"),
    Index(None, "patient_id", "id"),
    sqlite_autoincrement=True,
)

alert = Table(
    "alert",
    metadata,
    _id(),
    _rid(),
    _patient(),
    _checkin(nullable=True),
    Column("tier", SmallInteger, nullable=False),
    Column("rules", Sealed, nullable=False),
    _text("state"),
    _moment("raised_at"),
    _number("loop_backs"),
    _moment("next_step_at", nullable=True),
    _text("last_reply", nullable=True),
    _moment("replied_at", nullable=True),
    _moment("mistake_at", nullable=True),
    Column("caregiver_id", Identity),
    *(_text(name, nullable=True) for name in ("declared", "taken_by", "outcome", "closed_by")),
    *(_moment(name, nullable=True) for name in ("taken_at", "noted_at", "closed_at")),
    Index(None, "checkin_id"),
    Index(None, "patient_id", "id"),
    sqlite_autoincrement=True,
)
_partial("ix_alert_queue", alert.c.tier, alert.c.id, where=alert.c.closed_at.is_(None))
_partial("ix_alert_step", alert.c.next_step_at, alert.c.id, where=alert.c.next_step_at.is_not(None))

work_item = Table(
    "work_item",
    metadata,
    _id(),
    _text("kind"),
    _patient(nullable=True),
    _text("subject"),
    _moment("raised_at"),
    _moment("closed_at", nullable=True),
    Index(None, "patient_id"),
    sqlite_autoincrement=True,
)
NOT_CLOSED = work_item.c.closed_at.is_(None)
_partial("uq_work_item_open", work_item.c.kind, work_item.c.subject, where=NOT_CLOSED, unique=True)
_partial("ix_work_item_open", work_item.c.id, where=NOT_CLOSED)

tip_shown = Table(
    "tip_shown",
    metadata,
    _id(),
    _patient(),
    _text("tip"),
    _moment("shown_at"),
    _text("rating", nullable=True),
    Index(None, "patient_id", "id"),
    sqlite_autoincrement=True,
)

outbox = Table(
    "outbox",
    metadata,
    _id(),
    _rid(),
    _patient(nullable=True),
    Column("chat_id", Sealed, nullable=False),
    Column("chat_hash", LargeBinary, nullable=False),
    _text("language"),
    Column("lane", SmallInteger, nullable=False),
    _text("slot"),
    _text("mode"),
    _number("revision"),
    Column("screen", Sealed, nullable=False),
    _moment("created_at"),
    _moment("not_before"),
    _moment("not_after", nullable=True),
    _text("state"),
    _text("owner", nullable=True),
    _moment("leased_until", nullable=True),
    _number("attempt"),
    Column("error", Text),
    _moment("ended_at", nullable=True),
    Index(None, "patient_id"),
    Index(None, "lane", "state"),
    sqlite_autoincrement=True,
)


def is_waiting(row: FromClause) -> ColumnElement[bool]:
    """The condition of the partial indexes of the outbox, for the table or an alias of it."""
    return _is(row.c.state, "waiting")


_partial("ix_outbox_claim", outbox.c.lane, outbox.c.not_before, outbox.c.id, where=is_waiting(outbox))
_partial("ix_outbox_slot", outbox.c.chat_hash, outbox.c.slot, where=is_waiting(outbox))
_partial("ix_outbox_stranger", outbox.c.chat_hash, where=outbox.c.patient_id.is_(None))
_partial("ix_outbox_leased", outbox.c.chat_hash, where=outbox.c.leased_until.is_not(None))
_partial("ix_outbox_expire", outbox.c.not_after, where=is_waiting(outbox) & outbox.c.not_after.is_not(None))
_partial("ix_outbox_over", outbox.c.created_at, where=~is_waiting(outbox))

slot_message = Table(
    "slot_message",
    metadata,
    Column("chat_hash", LargeBinary, primary_key=True),
    Column("slot", String, primary_key=True),
    Column("message_id", BigInteger, nullable=False),
    # No reference: adding one to a table that stands would mean writing the whole table anew on SQLite.
    Column("patient_id", Identity, index=True),
)

chat_pace = Table(
    "chat_pace",
    metadata,
    Column("chat_hash", LargeBinary, primary_key=True),
    _moment("free_at"),
)

limiter = Table(
    "limiter",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    _moment("all_free_at"),
    _moment("bulk_free_at"),
    _moment("bulk_stopped_until"),
)

seen_update = Table(
    "seen_update",
    metadata,
    Column("update_id", Identity, primary_key=True, autoincrement=False),
    Column("at", UTCDateTime, nullable=False, index=True),
)

dead_update = Table(
    "dead_update",
    metadata,
    _id(),
    _rid(),
    Column("update_id", BigInteger),
    Column("raw", Sealed, nullable=False),
    Column("error", Sealed, nullable=False),
    Column("at", UTCDateTime, nullable=False, index=True),
    Column("chat_id", Sealed),
    Column("chat_hash", LargeBinary, index=True),
    sqlite_autoincrement=True,
)

protocol_file = Table(
    "protocol_file",
    metadata,
    Column("content_hash", String, primary_key=True),
    _text("name"),
    _text("version"),
    Column("content", LargeBinary, nullable=False),
    _moment("first_used_at"),
)

setting = Table("setting", metadata, Column("name", String, primary_key=True), Column("value", Text, nullable=False))

audit = Table(
    "audit",
    metadata,
    _id(),
    _moment("at"),
    _text("actor"),
    _text("action"),
    _text("subject"),
    Column("detail", JSON, nullable=False),
    Index(None, "subject", "id"),
    sqlite_autoincrement=True,
)
