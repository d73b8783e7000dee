"""patients and check-ins: how many check-ins in a row were unanswered, and until when that puts off the next one"""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("patient", "checkin"):
        op.add_column(table, sa.Column("unanswered", sa.Integer, nullable=False, server_default="0"))
    op.add_column("patient", sa.Column("rests_until", sa.Date, nullable=True))
