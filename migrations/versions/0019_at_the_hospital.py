"""patients: when one who said that they are at the hospital is asked whether they are home"""

import sqlalchemy as sa
from alembic import op

from bot.db.types import UTCDateTime

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("patient", sa.Column("ask_home_at", UTCDateTime, nullable=True))
    op.create_index(
        "ix_patient_home",
        "patient",
        ["ask_home_at", "id"],
        sqlite_where=sa.text("ask_home_at IS NOT NULL"),
        postgresql_where=sa.text("ask_home_at IS NOT NULL"),
    )
