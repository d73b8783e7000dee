"""concerns: when the next agreed or unconfirmed level ends, so that a sweep finds it"""

import sqlalchemy as sa
from alembic import op

from bot.db.types import UTCDateTime

revision = "0018"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # The levels themselves are sealed; a memory that is stored already gets its time when it is next saved.
    op.add_column("memory", sa.Column("ends_at", UTCDateTime, nullable=True))
    is_set = sa.text("ends_at IS NOT NULL")
    op.create_index("ix_memory_ends", "memory", ["ends_at", "id"], sqlite_where=is_set, postgresql_where=is_set)
