"""patients: the second chat of one who gets a new phone, until both have agreed; since when answers are shown there"""

import sqlalchemy as sa
from alembic import op

from bot.db.types import UTCDateTime

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("patient", sa.Column("second_chat_id", sa.LargeBinary(), nullable=True))
    op.add_column("patient", sa.Column("second_chat_hash", sa.LargeBinary(), nullable=True))
    op.add_column("patient", sa.Column("phone_move", sa.String(), nullable=True))
    op.add_column("patient", sa.Column("history_from", UTCDateTime, nullable=True))
    op.create_index(
        "ix_patient_second_chat",
        "patient",
        ["second_chat_hash"],
        sqlite_where=sa.text("second_chat_hash IS NOT NULL"),
        postgresql_where=sa.text("second_chat_hash IS NOT NULL"),
    )
