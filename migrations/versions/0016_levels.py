"""levels: what staff decided about a patient's levels, and which symptoms they watch closely"""

import sqlalchemy as sa
from alembic import op

from bot.db.types import Identity, UTCDateTime

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def _columns() -> list[sa.Column]:
    return [
        sa.Column("id", Identity, primary_key=True, autoincrement=True),
        sa.Column("version", sa.Integer, nullable=False, server_default="0"),
        sa.Column("seal_id", sa.LargeBinary, nullable=False),
        sa.Column("patient_id", Identity, sa.ForeignKey("patient.id"), nullable=False),
        sa.Column("symptom", sa.LargeBinary, nullable=False),
        sa.Column("reason", sa.LargeBinary, nullable=False),
        sa.Column("made_by", sa.String, nullable=False),
        sa.Column("made_at", UTCDateTime, nullable=False),
    ]


def upgrade() -> None:
    op.create_table(
        "level_decision",
        *_columns(),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("level", sa.LargeBinary),
        sa.Column("until", UTCDateTime),
        sa.Column("days", sa.Integer),
        sa.Column("decided_by", sa.LargeBinary),
        sa.Column("closed_by", sa.String),
        sa.Column("closed_at", UTCDateTime),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_level_decision_patient_id_id", "level_decision", ["patient_id", "id"])
    op.create_table(
        "close_watch",
        *_columns(),
        sa.Column("until", UTCDateTime, nullable=False),
        sa.Column("ended_by", sa.String),
        sa.Column("ended_at", UTCDateTime),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_close_watch_patient_id_id", "close_watch", ["patient_id", "id"])
