"""versions: a record is saved only if no other transaction has changed it since it was read"""

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
    # Its column "version" is the version of the consent text.
    op.add_column("consent", sa.Column("row_version", sa.Integer, nullable=False, server_default="0"))
