"""agreed levels"""

import sqlalchemy as sa
from alembic import op

from bot.db.types import Identity, UTCDateTime

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "snooze",
        sa.Column("id", Identity, primary_key=True, autoincrement=True),
        sa.Column("rid", sa.LargeBinary, nullable=False),
        sa.Column("patient_id", Identity, sa.ForeignKey("patient.id"), nullable=False),
        sa.Column("question", sa.String, nullable=False),
        sa.Column("level", sa.LargeBinary, nullable=False),
        sa.Column("until", UTCDateTime, nullable=False),
        sa.Column("made_by", sa.String, nullable=False),
        sa.Column("made_at", UTCDateTime, nullable=False),
        sa.Column("ended_at", UTCDateTime),
        sa.Column("ended_by", sa.String),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_snooze_patient_id_id", "snooze", ["patient_id", "id"])
    op.add_column("alert", sa.Column("expected", sa.Boolean, nullable=False, server_default=sa.false()))
