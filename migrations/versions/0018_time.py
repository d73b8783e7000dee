"""concerns: when the next accepted level ends, jumps of the clock, and alerts that outlive data"""

import sqlalchemy as sa
from alembic import op

from bot.db.types import Identity, UTCDateTime

revision = "0018"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # The levels themselves are sealed; a memory that is stored already gets its time when it is next saved.
    op.add_column("memory", sa.Column("ends_at", UTCDateTime, nullable=True))
    op.add_column("memory", sa.Column("last_jump", Identity, nullable=False, server_default="0"))
    op.create_table(
        "clock_jump",
        sa.Column("id", Identity, primary_key=True, autoincrement=True),
        sa.Column("at", UTCDateTime, nullable=False),
        sa.Column("back_by", sa.Integer, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_table("kept_alert", sa.Column("alert_id", Identity, primary_key=True, autoincrement=False))
    is_set = sa.text("ends_at IS NOT NULL")
    op.create_index("ix_memory_ends", "memory", ["ends_at", "id"], sqlite_where=is_set, postgresql_where=is_set)
