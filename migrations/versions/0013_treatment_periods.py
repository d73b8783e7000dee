"""treatment periods"""

import sqlalchemy as sa
from alembic import op

from bot.db.types import Identity, UTCDateTime

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

BY = "earlier version"
"""Who recorded them: the former version didn't say."""


def _columns() -> list[sa.Column]:
    return [
        sa.Column("seal_id", sa.LargeBinary, nullable=False),
        sa.Column("stop_reason", sa.LargeBinary),
        sa.Column("patient_id", Identity, sa.ForeignKey("patient.id"), nullable=False),
        sa.Column("start", sa.Date, nullable=False),
        sa.Column("stop", sa.Date),
        sa.Column("drug", sa.String),
        sa.Column("is_removed", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("recorded_at", UTCDateTime, nullable=False),
        sa.Column("recorded_by", sa.String, nullable=False),
    ]


def upgrade() -> None:
    op.create_table(
        "treatment_period",
        sa.Column("id", Identity, primary_key=True, autoincrement=True),
        sa.Column("version", sa.Integer, nullable=False, server_default="0"),
        *_columns(),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "treatment_period_history",
        sa.Column("id", Identity, primary_key=True, autoincrement=True),
        sa.Column("period_id", Identity, sa.ForeignKey("treatment_period.id"), nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        *_columns(),
        sa.UniqueConstraint("period_id", "version"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_treatment_period_patient_id", "treatment_period", ["patient_id"])
    op.create_index("ix_treatment_period_history_patient_id", "treatment_period_history", ["patient_id"])
    _copy()


def _copy() -> None:
    """Make one period of each patient's start, stop and drug. The reason of a stop was not recorded: it stays empty."""
    columns = "seal_id, patient_id, start, stop, drug, recorded_at, recorded_by"
    # Nothing is sealed in the copied rows, and sealing one later renews its seal_id.
    op.execute(
        f"INSERT INTO treatment_period ({columns}) "  # noqa: S608 - from above
        f"SELECT seal_id, id, ici_start, ici_stop, drug, created_at, '{BY}' FROM patient ORDER BY id"
    )
    op.execute(
        f"INSERT INTO treatment_period_history (period_id, version, {columns}) "  # noqa: S608 - from above
        f"SELECT id, version, {columns} FROM treatment_period ORDER BY id"
    )
