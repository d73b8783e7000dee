"""The tables of patients and the index behind every look-up. No query; a change here needs a migration beside it.

The team's own tables are in tables_team.py; the kinds of columns in columns.py.

What a tick reads stands in partial indexes that hold only open work: its cost follows what is due, not what is stored.
"""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Date,
    FromClause,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    String,
    Table,
    Text,
    Time,
    UniqueConstraint,
    false,
    literal_column,
)
from sqlalchemy.sql.elements import ColumnElement

from bot.db.columns import (
    Code,
    Sealed,
    holds,
    metadata,
    moment,
    number_column,
    of_checkin,
    of_patient,
    partial_index,
    protocol_columns,
    rid,
    version,
    whole,
    words,
)
from bot.db.types import Identity, UTCDateTime

patient = Table(
    "patient",
    metadata,
    number_column(),
    version(),
    rid(),
    Column("code", Code, nullable=False, unique=True),
    words("state"),
    Column("chat_id", Sealed),
    Column("chat_hash", LargeBinary, unique=True),
    words("language"),
    words("timezone", nullable=True),
    Column("send_time", Time, nullable=False),
    Column("quiet_from", Time, nullable=False),
    Column("quiet_to", Time, nullable=False),
    Column("ici_start", Date, nullable=False),
    Column("ici_stop", Date),
    words("regimen"),
    words("plan"),
    Column("pauses", JSON, nullable=False),
    Column("own", JSON, nullable=False, server_default="{}"),
    whole("jitter"),
    words("enrol_step", nullable=True),
    whole("enrol_revision"),
    moment("next_due_at", nullable=True),
    moment("unreachable_at", nullable=True),
    moment("created_at"),
    words("drug", nullable=True),
    Column("watch", Sealed),
    moment("said_at", nullable=True),
    sqlite_autoincrement=True,
)
IS_ACTIVE = holds(patient.c.state, "active")
Index("ix_patient_ici_start", patient.c.ici_start, patient.c.id)
partial_index(
    "ix_patient_due", patient.c.next_due_at, patient.c.id, where=IS_ACTIVE & patient.c.next_due_at.is_not(None)
)

invite = Table(
    "invite",
    metadata,
    number_column(),
    version(),
    of_patient(),
    Column("token_hash", String, nullable=False, unique=True),
    moment("expires_at"),
    moment("used_at", nullable=True),
    moment("revoked_at", nullable=True),
    Index(None, "patient_id", "id"),
    sqlite_autoincrement=True,
)

caregiver = Table(
    "caregiver",
    metadata,
    number_column(),
    version(),
    rid(),
    of_patient(),
    words("state"),
    Column("token_hash", String, nullable=False, unique=True),
    moment("expires_at"),
    Column("chat_id", Sealed),
    Column("chat_hash", LargeBinary, unique=True),
    words("language"),
    moment("invited_at"),
    moment("agreed_at", nullable=True),
    moment("ended_at", nullable=True),
    moment("said_at", nullable=True),
    Index(None, "patient_id", "id"),
    sqlite_autoincrement=True,
)

consent = Table(
    "consent",
    metadata,
    number_column(),
    version("row_version"),
    of_patient(),
    words("version"),
    words("text_hash"),
    words("language"),
    moment("given_at"),
    moment("withdrawn_at", nullable=True),
    Index(None, "patient_id", "id"),
    sqlite_autoincrement=True,
)

checkin = Table(
    "checkin",
    metadata,
    number_column(),
    version(),
    of_patient(),
    words("kind"),
    moment("due_at"),
    moment("opened_at"),
    moment("closed_at", nullable=True),
    whole("reminders"),
    moment("next_step_at", nullable=True),
    moment("silent_at", nullable=True),
    *protocol_columns(),
    words("form"),
    words("state"),
    whole("revision"),
    whole("asked_revision"),
    words("cursor", nullable=True),
    Column("raised", SmallInteger, nullable=False),
    Column("acted_on", SmallInteger, nullable=False),
    moment("remind_at", nullable=True),
    UniqueConstraint("patient_id", "due_at"),
    Index(None, "patient_id", "id"),
    Index("ix_checkin_opened", "opened_at", "kind", "state"),
    sqlite_autoincrement=True,
)
IS_OPEN = checkin.c.state.in_([literal_column(f"'{state}'") for state in ("asking", "paused", "stopped")])
partial_index(
    "ix_checkin_step", checkin.c.next_step_at, checkin.c.id, where=IS_OPEN & checkin.c.next_step_at.is_not(None)
)
partial_index("ix_checkin_open", checkin.c.patient_id, where=IS_OPEN)

answer = Table(
    "answer",
    metadata,
    number_column(),
    rid(),
    of_checkin(),
    of_patient(),
    words("question"),
    Column("choices", Sealed, nullable=False),
    moment("given_at"),
    moment("superseded_at", nullable=True),
    Column("caregiver_id", Identity),
    Index(None, "checkin_id", "id"),
    Index(None, "patient_id"),
    sqlite_autoincrement=True,
)

assessment = Table(
    "assessment",
    metadata,
    number_column(),
    rid(),
    of_checkin(),
    of_patient(),
    Column("tier", SmallInteger, nullable=False),
    Column("rules", Sealed, nullable=False),
    Column("complete", Boolean, nullable=False),
    Column("final", Boolean, nullable=False),
    *protocol_columns(),
    moment("at"),
    Column("basis", Sealed),
    Index(None, "checkin_id"),
    Index(None, "patient_id", "id"),
    sqlite_autoincrement=True,
)

alert = Table(
    "alert",
    metadata,
    number_column(),
    version(),
    rid(),
    of_patient(),
    of_checkin(nullable=True),
    Column("tier", SmallInteger, nullable=False),
    Column("rules", Sealed, nullable=False),
    words("state"),
    moment("raised_at"),
    whole("loop_backs"),
    moment("next_step_at", nullable=True),
    words("last_reply", nullable=True),
    moment("replied_at", nullable=True),
    moment("mistake_at", nullable=True),
    Column("caregiver_id", Identity),
    *(words(name, nullable=True) for name in ("declared", "taken_by", "outcome", "closed_by")),
    *(moment(name, nullable=True) for name in ("taken_at", "noted_at", "closed_at")),
    Column("told", JSON, nullable=False, server_default="[]"),
    Column("stages", SmallInteger, nullable=False, server_default="0"),
    Column("expected", Boolean, nullable=False, server_default=false()),
    Column("work_revision", Integer, nullable=False, server_default="0"),
    *(moment(name, nullable=True) for name in ("clock_from", "staff_step_at")),
    Index(None, "checkin_id"),
    Index(None, "patient_id", "id"),
    Index(None, "raised_at"),
    sqlite_autoincrement=True,
)
partial_index("ix_alert_queue", alert.c.tier, alert.c.id, where=alert.c.closed_at.is_(None))
partial_index("ix_alert_step", alert.c.next_step_at, alert.c.id, where=alert.c.next_step_at.is_not(None))
partial_index("ix_alert_staff_step", alert.c.staff_step_at, alert.c.id, where=alert.c.staff_step_at.is_not(None))

work_item = Table(
    "work_item",
    metadata,
    number_column(),
    words("kind"),
    of_patient(nullable=True),
    words("subject"),
    moment("raised_at"),
    moment("closed_at", nullable=True),
    Index(None, "patient_id"),
    sqlite_autoincrement=True,
)
NOT_CLOSED = work_item.c.closed_at.is_(None)
partial_index("uq_work_item_open", work_item.c.kind, work_item.c.subject, where=NOT_CLOSED, unique=True)
partial_index("ix_work_item_open", work_item.c.id, where=NOT_CLOSED)

tip_shown = Table(
    "tip_shown",
    metadata,
    number_column(),
    of_patient(),
    words("tip"),
    moment("shown_at"),
    words("rating", nullable=True),
    Index(None, "patient_id", "id"),
    sqlite_autoincrement=True,
)

outbox = Table(
    "outbox",
    metadata,
    number_column(),
    rid(),
    of_patient(nullable=True),
    Column("chat_id", Sealed, nullable=False),
    Column("chat_hash", LargeBinary, nullable=False),
    words("language"),
    Column("lane", SmallInteger, nullable=False),
    words("slot"),
    words("mode"),
    whole("revision"),
    Column("screen", Sealed, nullable=False),
    moment("created_at"),
    moment("not_before"),
    moment("not_after", nullable=True),
    words("state"),
    words("owner", nullable=True),
    moment("leased_until", nullable=True),
    whole("attempt"),
    Column("error", Text),
    moment("ended_at", nullable=True),
    Index(None, "patient_id"),
    Index(None, "lane", "state"),
    sqlite_autoincrement=True,
)


def is_waiting(row: FromClause) -> ColumnElement[bool]:
    """The condition of the partial indexes of the outbox, for the table or an alias of it."""
    return holds(row.c.state, "waiting")


partial_index("ix_outbox_claim", outbox.c.lane, outbox.c.not_before, outbox.c.id, where=is_waiting(outbox))
partial_index("ix_outbox_slot", outbox.c.chat_hash, outbox.c.slot, where=is_waiting(outbox))
partial_index("ix_outbox_stranger", outbox.c.chat_hash, where=outbox.c.patient_id.is_(None))
partial_index("ix_outbox_leased", outbox.c.chat_hash, where=outbox.c.leased_until.is_not(None))
partial_index("ix_outbox_expire", outbox.c.not_after, where=is_waiting(outbox) & outbox.c.not_after.is_not(None))
partial_index("ix_outbox_over", outbox.c.created_at, where=~is_waiting(outbox))

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
    moment("free_at"),
)

limiter = Table(
    "limiter",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    moment("all_free_at"),
    moment("bulk_free_at"),
    moment("bulk_stopped_until"),
)

lease = Table(
    "lease",
    metadata,
    Column("name", String, primary_key=True),
    words("owner"),
    moment("held_until"),
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
    number_column(),
    rid(),
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
    words("name"),
    words("version"),
    Column("content", LargeBinary, nullable=False),
    moment("first_used_at"),
)

setting = Table("setting", metadata, Column("name", String, primary_key=True), Column("value", Text, nullable=False))

audit = Table(
    "audit",
    metadata,
    number_column(),
    moment("at"),
    words("actor"),
    words("action"),
    words("subject"),
    Column("detail", JSON, nullable=False),
    Index(None, "subject", "id"),
    sqlite_autoincrement=True,
)
