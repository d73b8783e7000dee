"""concerns: what is remembered of a patient's symptoms between check-ins"""

import sqlalchemy as sa
from alembic import op

from bot.db.types import Identity, UTCDateTime

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "memory",
        sa.Column("id", Identity, primary_key=True, autoincrement=True),
        sa.Column("version", sa.Integer, nullable=False, server_default="0"),
        sa.Column("seal_id", sa.LargeBinary, nullable=False),
        sa.Column("patient_id", Identity, sa.ForeignKey("patient.id"), nullable=False),
        sa.Column("value", sa.LargeBinary, nullable=False),
        sa.Column("heard", sa.LargeBinary, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_memory_patient_id", "memory", ["patient_id"], unique=True)
    op.create_table(
        "concern_change",
        sa.Column("id", Identity, primary_key=True, autoincrement=True),
        sa.Column("seal_id", sa.LargeBinary, nullable=False),
        sa.Column("patient_id", Identity, sa.ForeignKey("patient.id"), nullable=False),
        sa.Column("checkin_id", Identity, sa.ForeignKey("checkin.id")),
        sa.Column("symptom", sa.LargeBinary, nullable=False),
        sa.Column("what", sa.String, nullable=False),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("tier", sa.Integer, nullable=False),
        sa.Column("at", UTCDateTime, nullable=False),
        sa.Column("actor", sa.String, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_concern_change_checkin_id", "concern_change", ["checkin_id"])
    op.create_index("ix_concern_change_patient_id_id", "concern_change", ["patient_id", "id"])
    # What an alert named, so that a reply or an outcome counts for just that.
    op.add_column("alert", sa.Column("symptoms", sa.LargeBinary, nullable=True))
    op.add_column("alert", sa.Column("named_at", UTCDateTime, nullable=True))
