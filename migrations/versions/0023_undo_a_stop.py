"""patients: until when one who stopped by themselves can undo it"""

import sqlalchemy as sa
from alembic import op

from bot.db.types import UTCDateTime

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("patient", sa.Column("undo_until", UTCDateTime, nullable=True))
