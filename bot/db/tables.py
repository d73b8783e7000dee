"""The tables of patients and their indexes. No queries; a change here needs a migration.

The team's own tables are in tables_team.py, treatment periods in tables_treatment.py, columns in columns.py.
Sweeps read partial indexes that contain only open work: their cost depends on what is due, not on what is stored.
"""

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
    PrimaryKeyConstraint,
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
    holds,
    integer_column,
    metadata,
    of_checkin,
    of_patient,
    partial_index,
    primary_key_column,
    protocol_columns,
    seal_id,
    sealed,
    second_chat,
    string_column,
    timestamp_column,
    version,
)
from bot.db.types import Identity, UTCDateTime

patient = Table(
    "patient",
    metadata,
    primary_key_column(),
    version(),
    seal_id(),
    Column("code", Code, nullable=False, unique=True),
    string_column("state"),
    sealed("chat_id", "patient.chat_id"),
    Column("chat_hash", LargeBinary, unique=True),
    string_column("language"),
    string_column("timezone", nullable=True),
    *(Column(name, Time, nullable=False) for name in ("send_time", "quiet_from", "quiet_to")),
    Column("ici_start", Date, nullable=False),
    Column("ici_stop", Date),
    string_column("regimen"),
    string_column("plan"),
    Column("pauses", JSON, nullable=False),
    Column("plan_override", JSON, nullable=False, server_default="{}"),
    integer_column("jitter"),
    string_column("enrol_step", nullable=True),
    integer_column("enrol_revision"),
    timestamp_column("created_at"),
    string_column("drug", nullable=True),
    sealed("follow_up", "patient.watch"),
    *(timestamp_column(name, nullable=True) for name in ("next_due_at", "unreachable_at", "hint_sent_at")),
    *(timestamp_column(name, nullable=True) for name in ("ask_home_at", "undo_until", "goodbye_at")),
    Column("unanswered", Integer, nullable=False, server_default="0"),
    Column("rests_until", Date),
    *second_chat(),
    sqlite_autoincrement=True,
)
IS_ACTIVE = holds(patient.c.state, "active")
Index("ix_patient_ici_start", patient.c.ici_start, patient.c.id)
partial_index(
    "ix_patient_due", patient.c.next_due_at, patient.c.id, where=IS_ACTIVE & patient.c.next_due_at.is_not(None)
)
partial_index("ix_patient_second_chat", patient.c.second_chat_hash, where=patient.c.second_chat_hash.is_not(None))
partial_index("ix_patient_goodbye", patient.c.goodbye_at, patient.c.id, where=patient.c.goodbye_at.is_not(None))
partial_index("ix_patient_home", patient.c.ask_home_at, patient.c.id, where=patient.c.ask_home_at.is_not(None))

invite = Table(
    "invite",
    metadata,
    primary_key_column(),
    version(),
    of_patient(),
    Column("token_hash", String, nullable=False, unique=True),
    timestamp_column("expires_at"),
    timestamp_column("used_at", nullable=True),
    timestamp_column("revoked_at", nullable=True),
    Index(None, "patient_id", "id"),
    sqlite_autoincrement=True,
)

caregiver = Table(
    "caregiver",
    metadata,
    primary_key_column(),
    version(),
    seal_id(),
    of_patient(),
    string_column("state"),
    Column("token_hash", String, nullable=False, unique=True),
    timestamp_column("expires_at"),
    sealed("chat_id", "caregiver.chat_id"),
    Column("chat_hash", LargeBinary, unique=True),
    string_column("language"),
    timestamp_column("invited_at"),
    timestamp_column("agreed_at", nullable=True),
    timestamp_column("ended_at", nullable=True),
    timestamp_column("hint_sent_at", nullable=True),
    Index(None, "patient_id", "id"),
    sqlite_autoincrement=True,
)

consent = Table(
    "consent",
    metadata,
    primary_key_column(),
    version("row_version"),
    of_patient(),
    string_column("version"),
    string_column("text_hash"),
    string_column("language"),
    timestamp_column("given_at"),
    timestamp_column("withdrawn_at", nullable=True),
    Index(None, "patient_id", "id"),
    sqlite_autoincrement=True,
)

checkin = Table(
    "checkin",
    metadata,
    primary_key_column(),
    version(),
    seal_id(nullable=True),
    of_patient(),
    string_column("kind"),
    *(timestamp_column(name) for name in ("due_at", "opened_at")),
    integer_column("reminders"),
    *(timestamp_column(name, nullable=True) for name in ("closed_at", "next_action_at", "silent_at", "remind_at")),
    Column("unanswered", Integer, nullable=False, server_default="0"),
    *protocol_columns(),
    string_column("form"),
    string_column("state"),
    integer_column("revision"),
    integer_column("asked_revision"),
    string_column("cursor", nullable=True),
    Column("raised", SmallInteger, nullable=False),
    Column("acted_on", SmallInteger, nullable=False),
    sealed("about", "checkin.about"),
    sealed("usual", "checkin.usual"),
    UniqueConstraint("patient_id", "due_at"),
    Index(None, "patient_id", "id"),
    Index("ix_checkin_opened", "opened_at", "kind", "state"),
    sqlite_autoincrement=True,
)
IS_OPEN = checkin.c.state.in_([literal_column(f"'{state}'") for state in ("asking", "paused", "stopped")])
partial_index(
    "ix_checkin_step", checkin.c.next_action_at, checkin.c.id, where=IS_OPEN & checkin.c.next_action_at.is_not(None)
)
partial_index("ix_checkin_open", checkin.c.patient_id, where=IS_OPEN)

answer = Table(
    "answer",
    metadata,
    primary_key_column(),
    seal_id(),
    of_checkin(),
    of_patient(),
    string_column("question"),
    sealed("choices", "answer.choices", nullable=False),
    timestamp_column("given_at"),
    timestamp_column("superseded_at", nullable=True),
    Column("caregiver_id", Identity),
    Index(None, "checkin_id", "id"),
    Index(None, "patient_id"),
    sqlite_autoincrement=True,
)

assessment = Table(
    "assessment",
    metadata,
    primary_key_column(),
    seal_id(),
    of_checkin(),
    of_patient(),
    Column("tier", SmallInteger, nullable=False),
    sealed("rules", "assessment.rules", nullable=False),
    Column("complete", Boolean, nullable=False),
    Column("final", Boolean, nullable=False),
    *protocol_columns(),
    timestamp_column("at"),
    sealed("basis", "assessment.basis"),
    Index(None, "checkin_id"),
    Index(None, "patient_id", "id"),
    sqlite_autoincrement=True,
)

alert = Table(
    "alert",
    metadata,
    primary_key_column(),
    version(),
    seal_id(),
    of_patient(),
    of_checkin(nullable=True),
    Column("tier", SmallInteger, nullable=False),
    Column("asked_tier", SmallInteger),
    sealed("rules", "alert.rules", nullable=False),
    sealed("symptoms", "alert.symptoms"),
    timestamp_column("named_at", nullable=True),
    string_column("state"),
    timestamp_column("raised_at"),
    integer_column("safety_follow_ups"),
    timestamp_column("next_patient_prompt_at", nullable=True),
    string_column("last_reply", nullable=True),
    *(timestamp_column(name, nullable=True) for name in ("replied_at", "mistake_at")),
    Column("caregiver_id", Identity),
    *(string_column(name, nullable=True) for name in ("declared", "owner", "outcome", "closed_by")),
    *(timestamp_column(name, nullable=True) for name in ("acknowledged_at", "noted_at", "closed_at")),
    Column("notified", JSON, nullable=False, server_default="[]"),
    Column("escalation_level", SmallInteger, nullable=False, server_default="0"),
    Column("is_agreed", Boolean, nullable=False, server_default=false()),
    Column("work_revision", Integer, nullable=False, server_default="0"),
    *(timestamp_column(name, nullable=True) for name in ("clock_from", "next_escalation_at")),
    Index(None, "checkin_id"),
    Index(None, "patient_id", "id"),
    Index(None, "raised_at"),
    sqlite_autoincrement=True,
)
partial_index("ix_alert_queue", alert.c.tier, alert.c.id, where=alert.c.closed_at.is_(None))
partial_index(
    "ix_alert_step", alert.c.next_patient_prompt_at, alert.c.id, where=alert.c.next_patient_prompt_at.is_not(None)
)
partial_index(
    "ix_alert_staff_step", alert.c.next_escalation_at, alert.c.id, where=alert.c.next_escalation_at.is_not(None)
)

# Its constraints and indexes keep the table's former name: SQLite can't rename them.
task = Table(
    "task",
    metadata,
    Column("id", Identity, autoincrement=True),
    string_column("kind"),
    Column("patient_id", Identity, ForeignKey("patient.id", name="fk_work_item_patient_id")),
    string_column("subject"),
    timestamp_column("raised_at"),
    timestamp_column("closed_at", nullable=True),
    PrimaryKeyConstraint("id", name="pk_work_item"),
    Index("ix_work_item_patient_id", "patient_id"),
    sqlite_autoincrement=True,
)
NOT_CLOSED = task.c.closed_at.is_(None)
partial_index("uq_work_item_open", task.c.kind, task.c.subject, where=NOT_CLOSED, unique=True)
partial_index("ix_work_item_open", task.c.id, where=NOT_CLOSED)

tip_shown = Table(
    "tip_shown",
    metadata,
    primary_key_column(),
    of_patient(),
    string_column("tip"),
    timestamp_column("shown_at"),
    string_column("rating", nullable=True),
    Index(None, "patient_id", "id"),
    sqlite_autoincrement=True,
)

outbox = Table(
    "outbox",
    metadata,
    primary_key_column(),
    seal_id(),
    of_patient(nullable=True),
    sealed("chat_id", "outbox.chat_id", nullable=False),
    Column("chat_hash", LargeBinary, nullable=False),
    string_column("language"),
    Column("lane", SmallInteger, nullable=False),
    string_column("slot"),
    string_column("mode"),
    integer_column("revision"),
    sealed("screen", "outbox.screen", nullable=False),
    timestamp_column("created_at"),
    timestamp_column("not_before"),
    timestamp_column("not_after", nullable=True),
    string_column("state"),
    string_column("owner", nullable=True),
    timestamp_column("leased_until", nullable=True),
    integer_column("attempt"),
    Column("error", Text),
    timestamp_column("ended_at", nullable=True),
    Index(None, "patient_id"),
    Index(None, "lane", "state"),
    sqlite_autoincrement=True,
)


def is_waiting(row: FromClause) -> ColumnElement[bool]:
    """Return the condition of the outbox's partial indexes, for the table or an alias of it."""
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
    # No foreign key: SQLite can add one to an existing table only by rewriting the whole table.
    Column("patient_id", Identity, index=True),
)

chat_rate_limit = Table(
    "chat_rate_limit",
    metadata,
    Column("chat_hash", LargeBinary),
    timestamp_column("free_at"),
    PrimaryKeyConstraint("chat_hash", name="pk_chat_pace"),
)

limiter = Table(
    "limiter",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    timestamp_column("all_free_at"),
    timestamp_column("bulk_free_at"),
    timestamp_column("bulk_stopped_until"),
)

lease = Table(
    "lease",
    metadata,
    Column("name", String, primary_key=True),
    string_column("owner"),
    timestamp_column("held_until"),
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
    primary_key_column(),
    seal_id(),
    Column("update_id", BigInteger),
    sealed("raw", "dead_update.raw", nullable=False),
    sealed("error", "dead_update.error", nullable=False),
    Column("at", UTCDateTime, nullable=False, index=True),
    sealed("chat_id", "dead_update.chat_id"),
    Column("chat_hash", LargeBinary, index=True),
    sqlite_autoincrement=True,
)

protocol_file = Table(
    "protocol_file",
    metadata,
    Column("content_hash", String, primary_key=True),
    string_column("name"),
    string_column("version"),
    Column("content", LargeBinary, nullable=False),
    timestamp_column("first_used_at"),
)

setting = Table("setting", metadata, Column("name", String, primary_key=True), Column("value", Text, nullable=False))

audit = Table(
    "audit",
    metadata,
    primary_key_column(),
    timestamp_column("at"),
    string_column("actor"),
    string_column("action"),
    string_column("subject"),
    Column("detail", JSON, nullable=False),
    Index(None, "subject", "id"),
    sqlite_autoincrement=True,
)
