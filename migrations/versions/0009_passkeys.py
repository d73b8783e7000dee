"""passkeys of the team"""

import sqlalchemy as sa
from alembic import op

from bot.db.types import Identity, UTCDateTime

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "passkey",
        sa.Column("id", Identity, primary_key=True, autoincrement=True),
        sa.Column("staff_id", Identity, sa.ForeignKey("staff.id"), nullable=False),
        sa.Column("credential_id", sa.String, nullable=False, unique=True),
        sa.Column("public_key", sa.String, nullable=False),
        sa.Column("sign_count", sa.BigInteger, nullable=False),
        sa.Column("added_at", UTCDateTime, nullable=False),
        sa.Column("used_at", UTCDateTime),
        sa.Column("last_challenge", sa.String),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_passkey_staff_id", "passkey", ["staff_id"])
