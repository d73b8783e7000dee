"""asked again: the symptoms that a check-in asks about by name, and the signs that are usual"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("checkin", sa.Column("seal_id", sa.LargeBinary, nullable=True))
    op.add_column("checkin", sa.Column("about", sa.LargeBinary, nullable=True))
    op.add_column("checkin", sa.Column("usual", sa.LargeBinary, nullable=True))
