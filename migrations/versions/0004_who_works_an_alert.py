"""the owner of an alert, its outcome, and who closed it"""

import sqlalchemy as sa
from alembic import op

from bot.db.types import UTCDateTime

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name in ("taken_by", "outcome", "closed_by"):
        op.add_column("alert", sa.Column(name, sa.String, nullable=True))
    for name in ("taken_at", "noted_at", "closed_at"):
        op.add_column("alert", sa.Column(name, UTCDateTime, nullable=True))
    waiting = sa.text("closed_at IS NULL")
    op.create_index("ix_alert_queue", "alert", ["tier", "id"], sqlite_where=waiting, postgresql_where=waiting)
