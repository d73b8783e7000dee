"""caregivers, daily follow-ups, the inputs of an assessment"""

import sqlalchemy as sa
from alembic import op

from bot.db.types import Identity, UTCDateTime

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("patient", sa.Column("drug", sa.String, nullable=True))
    op.add_column("patient", sa.Column("watch", sa.LargeBinary, nullable=True))
    op.add_column("patient", sa.Column("said_at", UTCDateTime, nullable=True))
    op.add_column("checkin", sa.Column("remind_at", UTCDateTime, nullable=True))
    op.add_column("answer", sa.Column("caregiver_id", Identity, nullable=True))
    op.add_column("assessment", sa.Column("basis", sa.LargeBinary, nullable=True))
    op.add_column("alert", sa.Column("caregiver_id", Identity, nullable=True))
    _create_caregiver()
    _create_protocol_file()


def _create_caregiver() -> None:
    op.create_table(
        "caregiver",
        sa.Column("id", Identity, nullable=False, autoincrement=True),
        sa.Column("rid", sa.LargeBinary, nullable=False),
        sa.Column("patient_id", Identity, nullable=False),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("token_hash", sa.String, nullable=False),
        sa.Column("expires_at", UTCDateTime, nullable=False),
        sa.Column("chat_id", sa.LargeBinary, nullable=True),
        sa.Column("chat_hash", sa.LargeBinary, nullable=True),
        sa.Column("language", sa.String, nullable=False),
        sa.Column("invited_at", UTCDateTime, nullable=False),
        sa.Column("agreed_at", UTCDateTime, nullable=True),
        sa.Column("ended_at", UTCDateTime, nullable=True),
        sa.Column("said_at", UTCDateTime, nullable=True),
        sa.ForeignKeyConstraint(["patient_id"], ["patient.id"], name="fk_caregiver_patient_id"),
        sa.PrimaryKeyConstraint("id", name="pk_caregiver"),
        sa.UniqueConstraint("chat_hash", name="uq_caregiver_chat_hash"),
        sa.UniqueConstraint("token_hash", name="uq_caregiver_token_hash"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_caregiver_patient_id_id", "caregiver", ["patient_id", "id"])


def _create_protocol_file() -> None:
    op.create_table(
        "protocol_file",
        sa.Column("content_hash", sa.String, nullable=False),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("version", sa.String, nullable=False),
        sa.Column("content", sa.LargeBinary, nullable=False),
        sa.Column("first_used_at", UTCDateTime, nullable=False),
        sa.PrimaryKeyConstraint("content_hash", name="pk_protocol_file"),
    )
