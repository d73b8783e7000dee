"""first tables"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from bot.db.types import Identity, UTCDateTime

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    _create_audit()
    _create_chat_rate_limit()
    _create_dead_update()
    _create_limiter()
    _create_patient()
    _create_seen_update()
    _create_setting()
    _create_slot_message()
    _create_checkin()
    _create_consent()
    _create_invite()
    _create_outbox()
    _create_tip_shown()
    _create_task()
    _create_alert()
    _create_answer()
    _create_assessment()


def _index(name: str, table: str, columns: Sequence[str], where: str | None = None, *, unique: bool = False) -> None:
    condition = sa.text(where) if where else None
    op.create_index(name, table, list(columns), unique=unique, sqlite_where=condition, postgresql_where=condition)


def _create_audit() -> None:
    op.create_table(
        "audit",
        sa.Column("id", Identity, nullable=False, autoincrement=True),
        sa.Column("at", UTCDateTime, nullable=False),
        sa.Column("actor", sa.String, nullable=False),
        sa.Column("action", sa.String, nullable=False),
        sa.Column("subject", sa.String, nullable=False),
        sa.Column("detail", sa.JSON, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_audit"),
        sqlite_autoincrement=True,
    )
    _index("ix_audit_subject_id", "audit", ["subject", "id"])


def _create_chat_rate_limit() -> None:
    op.create_table(
        "chat_pace",
        sa.Column("chat_hash", sa.LargeBinary, nullable=False),
        sa.Column("free_at", UTCDateTime, nullable=False),
        sa.PrimaryKeyConstraint("chat_hash", name="pk_chat_pace"),
    )


def _create_dead_update() -> None:
    op.create_table(
        "dead_update",
        sa.Column("id", Identity, nullable=False, autoincrement=True),
        sa.Column("rid", sa.LargeBinary, nullable=False),
        sa.Column("update_id", sa.BigInteger, nullable=True),
        sa.Column("raw", sa.LargeBinary, nullable=False),
        sa.Column("error", sa.LargeBinary, nullable=False),
        sa.Column("at", UTCDateTime, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_dead_update"),
        sqlite_autoincrement=True,
    )


def _create_limiter() -> None:
    op.create_table(
        "limiter",
        sa.Column("id", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("all_free_at", UTCDateTime, nullable=False),
        sa.Column("bulk_free_at", UTCDateTime, nullable=False),
        sa.Column("bulk_stopped_until", UTCDateTime, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_limiter"),
    )


def _create_patient() -> None:
    op.create_table(
        "patient",
        sa.Column("id", Identity, nullable=False, autoincrement=True),
        sa.Column("rid", sa.LargeBinary, nullable=False),
        sa.Column("code", sa.String().with_variant(sa.String(collation="C"), "postgresql"), nullable=False),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("chat_id", sa.LargeBinary, nullable=True),
        sa.Column("chat_hash", sa.LargeBinary, nullable=True),
        sa.Column("language", sa.String, nullable=False),
        sa.Column("timezone", sa.String, nullable=True),
        sa.Column("send_time", sa.Time, nullable=False),
        sa.Column("quiet_from", sa.Time, nullable=False),
        sa.Column("quiet_to", sa.Time, nullable=False),
        sa.Column("ici_start", sa.Date, nullable=False),
        sa.Column("ici_stop", sa.Date, nullable=True),
        sa.Column("regimen", sa.String, nullable=False),
        sa.Column("plan", sa.String, nullable=False),
        sa.Column("pauses", sa.JSON, nullable=False),
        sa.Column("jitter", sa.Integer, nullable=False),
        sa.Column("enrol_step", sa.String, nullable=True),
        sa.Column("enrol_revision", sa.Integer, nullable=False),
        sa.Column("next_due_at", UTCDateTime, nullable=True),
        sa.Column("unreachable_at", UTCDateTime, nullable=True),
        sa.Column("created_at", UTCDateTime, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_patient"),
        sa.UniqueConstraint("chat_hash", name="uq_patient_chat_hash"),
        sa.UniqueConstraint("code", name="uq_patient_code"),
        sqlite_autoincrement=True,
    )
    _index("ix_patient_due", "patient", ["next_due_at", "id"], "state = 'active' AND next_due_at IS NOT NULL")


def _create_seen_update() -> None:
    op.create_table(
        "seen_update",
        sa.Column("update_id", Identity, nullable=False, autoincrement=False),
        sa.Column("at", UTCDateTime, nullable=False),
        sa.PrimaryKeyConstraint("update_id", name="pk_seen_update"),
    )
    _index("ix_seen_update_at", "seen_update", ["at"])


def _create_setting() -> None:
    op.create_table(
        "setting",
        sa.Column("name", sa.String, nullable=False),
        sa.Column("value", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_setting"),
    )


def _create_slot_message() -> None:
    op.create_table(
        "slot_message",
        sa.Column("chat_hash", sa.LargeBinary, nullable=False),
        sa.Column("slot", sa.String, nullable=False),
        sa.Column("message_id", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("chat_hash", "slot", name="pk_slot_message"),
    )


def _create_checkin() -> None:
    op.create_table(
        "checkin",
        sa.Column("id", Identity, nullable=False, autoincrement=True),
        sa.Column("patient_id", Identity, nullable=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("due_at", UTCDateTime, nullable=False),
        sa.Column("opened_at", UTCDateTime, nullable=False),
        sa.Column("closed_at", UTCDateTime, nullable=True),
        sa.Column("reminders", sa.Integer, nullable=False),
        sa.Column("next_step_at", UTCDateTime, nullable=True),
        sa.Column("silent_at", UTCDateTime, nullable=True),
        sa.Column("protocol_name", sa.String, nullable=False),
        sa.Column("protocol_version", sa.String, nullable=False),
        sa.Column("protocol_hash", sa.String, nullable=False),
        sa.Column("form", sa.String, nullable=False),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("asked_revision", sa.Integer, nullable=False),
        sa.Column("cursor", sa.String, nullable=True),
        sa.Column("raised", sa.SmallInteger, nullable=False),
        sa.Column("acted_on", sa.SmallInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_checkin"),
        sa.ForeignKeyConstraint(["patient_id"], ["patient.id"], name="fk_checkin_patient_id"),
        sa.UniqueConstraint("patient_id", "due_at", name="uq_checkin_patient_id_due_at"),
        sqlite_autoincrement=True,
    )
    _index("ix_checkin_open", "checkin", ["patient_id"], "state IN ('asking', 'paused', 'stopped')")
    _index("ix_checkin_patient_id_id", "checkin", ["patient_id", "id"])
    _index(
        "ix_checkin_step",
        "checkin",
        ["next_step_at", "id"],
        "state IN ('asking', 'paused', 'stopped') AND next_step_at IS NOT NULL",
    )


def _create_consent() -> None:
    op.create_table(
        "consent",
        sa.Column("id", Identity, nullable=False, autoincrement=True),
        sa.Column("patient_id", Identity, nullable=False),
        sa.Column("version", sa.String, nullable=False),
        sa.Column("text_hash", sa.String, nullable=False),
        sa.Column("language", sa.String, nullable=False),
        sa.Column("given_at", UTCDateTime, nullable=False),
        sa.Column("withdrawn_at", UTCDateTime, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_consent"),
        sa.ForeignKeyConstraint(["patient_id"], ["patient.id"], name="fk_consent_patient_id"),
        sqlite_autoincrement=True,
    )
    _index("ix_consent_patient_id_id", "consent", ["patient_id", "id"])


def _create_invite() -> None:
    op.create_table(
        "invite",
        sa.Column("id", Identity, nullable=False, autoincrement=True),
        sa.Column("patient_id", Identity, nullable=False),
        sa.Column("token_hash", sa.String, nullable=False),
        sa.Column("expires_at", UTCDateTime, nullable=False),
        sa.Column("used_at", UTCDateTime, nullable=True),
        sa.Column("revoked_at", UTCDateTime, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_invite"),
        sa.ForeignKeyConstraint(["patient_id"], ["patient.id"], name="fk_invite_patient_id"),
        sa.UniqueConstraint("token_hash", name="uq_invite_token_hash"),
        sqlite_autoincrement=True,
    )
    _index("ix_invite_patient_id_id", "invite", ["patient_id", "id"])


def _create_outbox() -> None:
    op.create_table(
        "outbox",
        sa.Column("id", Identity, nullable=False, autoincrement=True),
        sa.Column("rid", sa.LargeBinary, nullable=False),
        sa.Column("patient_id", Identity, nullable=True),
        sa.Column("chat_id", sa.LargeBinary, nullable=False),
        sa.Column("chat_hash", sa.LargeBinary, nullable=False),
        sa.Column("language", sa.String, nullable=False),
        sa.Column("lane", sa.SmallInteger, nullable=False),
        sa.Column("slot", sa.String, nullable=False),
        sa.Column("mode", sa.String, nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("screen", sa.LargeBinary, nullable=False),
        sa.Column("created_at", UTCDateTime, nullable=False),
        sa.Column("not_before", UTCDateTime, nullable=False),
        sa.Column("not_after", UTCDateTime, nullable=True),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("owner", sa.String, nullable=True),
        sa.Column("leased_until", UTCDateTime, nullable=True),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("error", sa.Text, nullable=True),
        sa.Column("ended_at", UTCDateTime, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_outbox"),
        sa.ForeignKeyConstraint(["patient_id"], ["patient.id"], name="fk_outbox_patient_id"),
        sqlite_autoincrement=True,
    )
    _index("ix_outbox_claim", "outbox", ["lane", "not_before", "id"], "state = 'waiting'")
    _index("ix_outbox_expire", "outbox", ["not_after"], "state = 'waiting' AND not_after IS NOT NULL")
    _index("ix_outbox_lane_state", "outbox", ["lane", "state"])
    _index("ix_outbox_leased", "outbox", ["chat_hash"], "leased_until IS NOT NULL")
    _index("ix_outbox_over", "outbox", ["created_at"], "state != 'waiting'")
    _index("ix_outbox_patient_id", "outbox", ["patient_id"])
    _index("ix_outbox_slot", "outbox", ["chat_hash", "slot"], "state = 'waiting'")
    _index("ix_outbox_stranger", "outbox", ["chat_hash"], "patient_id IS NULL")


def _create_tip_shown() -> None:
    op.create_table(
        "tip_shown",
        sa.Column("id", Identity, nullable=False, autoincrement=True),
        sa.Column("patient_id", Identity, nullable=False),
        sa.Column("tip", sa.String, nullable=False),
        sa.Column("shown_at", UTCDateTime, nullable=False),
        sa.Column("rating", sa.String, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_tip_shown"),
        sa.ForeignKeyConstraint(["patient_id"], ["patient.id"], name="fk_tip_shown_patient_id"),
        sqlite_autoincrement=True,
    )
    _index("ix_tip_shown_patient_id_id", "tip_shown", ["patient_id", "id"])


def _create_task() -> None:
    op.create_table(
        "work_item",
        sa.Column("id", Identity, nullable=False, autoincrement=True),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("patient_id", Identity, nullable=True),
        sa.Column("subject", sa.String, nullable=False),
        sa.Column("raised_at", UTCDateTime, nullable=False),
        sa.Column("closed_at", UTCDateTime, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_work_item"),
        sa.ForeignKeyConstraint(["patient_id"], ["patient.id"], name="fk_work_item_patient_id"),
        sqlite_autoincrement=True,
    )
    _index("ix_work_item_open", "work_item", ["id"], "closed_at IS NULL")
    _index("ix_work_item_patient_id", "work_item", ["patient_id"])
    _index("uq_work_item_open", "work_item", ["kind", "subject"], "closed_at IS NULL", unique=True)


def _create_alert() -> None:
    op.create_table(
        "alert",
        sa.Column("id", Identity, nullable=False, autoincrement=True),
        sa.Column("rid", sa.LargeBinary, nullable=False),
        sa.Column("patient_id", Identity, nullable=False),
        sa.Column("checkin_id", Identity, nullable=True),
        sa.Column("tier", sa.SmallInteger, nullable=False),
        sa.Column("rules", sa.LargeBinary, nullable=False),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("raised_at", UTCDateTime, nullable=False),
        sa.Column("loop_backs", sa.Integer, nullable=False),
        sa.Column("next_step_at", UTCDateTime, nullable=True),
        sa.Column("last_reply", sa.String, nullable=True),
        sa.Column("replied_at", UTCDateTime, nullable=True),
        sa.Column("mistake_at", UTCDateTime, nullable=True),
        sa.Column("declared", sa.String, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_alert"),
        sa.ForeignKeyConstraint(["checkin_id"], ["checkin.id"], name="fk_alert_checkin_id"),
        sa.ForeignKeyConstraint(["patient_id"], ["patient.id"], name="fk_alert_patient_id"),
        sqlite_autoincrement=True,
    )
    _index("ix_alert_checkin_id", "alert", ["checkin_id"])
    _index("ix_alert_patient_id_id", "alert", ["patient_id", "id"])
    _index("ix_alert_step", "alert", ["next_step_at", "id"], "next_step_at IS NOT NULL")


def _create_answer() -> None:
    op.create_table(
        "answer",
        sa.Column("id", Identity, nullable=False, autoincrement=True),
        sa.Column("rid", sa.LargeBinary, nullable=False),
        sa.Column("checkin_id", Identity, nullable=False),
        sa.Column("patient_id", Identity, nullable=False),
        sa.Column("question", sa.String, nullable=False),
        sa.Column("choices", sa.LargeBinary, nullable=False),
        sa.Column("given_at", UTCDateTime, nullable=False),
        sa.Column("superseded_at", UTCDateTime, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_answer"),
        sa.ForeignKeyConstraint(["checkin_id"], ["checkin.id"], name="fk_answer_checkin_id"),
        sa.ForeignKeyConstraint(["patient_id"], ["patient.id"], name="fk_answer_patient_id"),
        sqlite_autoincrement=True,
    )
    _index("ix_answer_checkin_id_id", "answer", ["checkin_id", "id"])
    _index("ix_answer_patient_id", "answer", ["patient_id"])


def _create_assessment() -> None:
    op.create_table(
        "assessment",
        sa.Column("id", Identity, nullable=False, autoincrement=True),
        sa.Column("rid", sa.LargeBinary, nullable=False),
        sa.Column("checkin_id", Identity, nullable=False),
        sa.Column("patient_id", Identity, nullable=False),
        sa.Column("tier", sa.SmallInteger, nullable=False),
        sa.Column("rules", sa.LargeBinary, nullable=False),
        sa.Column("complete", sa.Boolean, nullable=False),
        sa.Column("final", sa.Boolean, nullable=False),
        sa.Column("protocol_name", sa.String, nullable=False),
        sa.Column("protocol_version", sa.String, nullable=False),
        sa.Column("protocol_hash", sa.String, nullable=False),
        sa.Column("at", UTCDateTime, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_assessment"),
        sa.ForeignKeyConstraint(["checkin_id"], ["checkin.id"], name="fk_assessment_checkin_id"),
        sa.ForeignKeyConstraint(["patient_id"], ["patient.id"], name="fk_assessment_patient_id"),
        sqlite_autoincrement=True,
    )
    _index("ix_assessment_checkin_id", "assessment", ["checkin_id"])
    _index("ix_assessment_patient_id_id", "assessment", ["patient_id", "id"])
