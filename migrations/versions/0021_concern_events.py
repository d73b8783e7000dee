"""concerns: what happened, in order, so that what is remembered can be derived again"""

import sqlalchemy as sa
from alembic import op

from bot.db.types import Identity, UTCDateTime

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "concern_event",
        sa.Column("id", Identity, primary_key=True, autoincrement=True),
        sa.Column("seal_id", sa.LargeBinary, nullable=False),
        sa.Column("patient_id", Identity, sa.ForeignKey("patient.id"), nullable=False),
        sa.Column("checkin_id", Identity, sa.ForeignKey("checkin.id")),
        sa.Column("what", sa.LargeBinary, nullable=False),
        sa.Column("last_jump", Identity, nullable=False),
        sa.Column("protocol_hash", sa.String, nullable=False),
        sa.Column("at", UTCDateTime, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_concern_event_checkin_id", "concern_event", ["checkin_id"])
    op.create_index("ix_concern_event_patient_id_id", "concern_event", ["patient_id", "id"])
    op.add_column("memory", sa.Column("last_event", Identity, nullable=False, server_default="0"))
