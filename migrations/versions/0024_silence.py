"""patients and check-ins: unanswered check-ins in a row, until when that puts off the next one; when to say goodbye"""

import sqlalchemy as sa
from alembic import op

from bot.db.types import UTCDateTime

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("patient", "checkin"):
        op.add_column(table, sa.Column("unanswered", sa.Integer, nullable=False, server_default="0"))
    op.add_column("patient", sa.Column("rests_until", sa.Date, nullable=True))
    op.add_column("patient", sa.Column("goodbye_at", UTCDateTime, nullable=True))
    op.create_index(
        "ix_patient_goodbye",
        "patient",
        ["goodbye_at", "id"],
        sqlite_where=sa.text("goodbye_at IS NOT NULL"),
        postgresql_where=sa.text("goodbye_at IS NOT NULL"),
    )
