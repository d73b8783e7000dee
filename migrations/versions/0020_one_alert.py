"""alerts: the tier of what the patient is asked to call about"""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("alert", sa.Column("asked_tier", sa.SmallInteger, nullable=True))
