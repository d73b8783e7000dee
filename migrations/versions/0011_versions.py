"""versions: what was read before another transaction's change is not saved over it"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

TABLES = (
    *("patient", "invite", "caregiver", "checkin", "alert"),
    *("staff", "snooze", "session", "passkey"),
)


def upgrade() -> None:
    for table in TABLES:
        op.add_column(table, sa.Column("version", sa.Integer, nullable=False, server_default="0"))
    # Its "version" is that of the text that was agreed to.
    op.add_column("consent", sa.Column("row_version", sa.Integer, nullable=False, server_default="0"))
