"""the console: sign-in and weekly reports"""

import sqlalchemy as sa
from alembic import op

from bot.db.types import Identity, UTCDateTime

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("staff", sa.Column("password_hash", sa.String, nullable=True))
    op.add_column("staff", sa.Column("totp_secret", sa.LargeBinary, nullable=True))
    op.add_column("staff", sa.Column("totp_step", sa.BigInteger, nullable=False, server_default="0"))
    op.add_column("staff", sa.Column("failures", sa.Integer, nullable=False, server_default="0"))
    op.add_column("staff", sa.Column("locked_until", UTCDateTime, nullable=True))
    op.add_column("staff", sa.Column("login_hash", sa.String, nullable=True))
    op.add_column("staff", sa.Column("login_expires_at", UTCDateTime, nullable=True))
    op.create_index("ix_staff_login", "staff", ["login_hash"], unique=True)
    op.create_index("ix_patient_ici_start", "patient", ["ici_start", "id"])
    op.create_index("ix_alert_raised_at", "alert", ["raised_at"])
    op.create_table(
        "session",
        sa.Column("id", Identity, primary_key=True, autoincrement=True),
        sa.Column("staff_id", Identity, sa.ForeignKey("staff.id"), nullable=False),
        sa.Column("token_hash", sa.String, nullable=False, unique=True),
        sa.Column("began_at", UTCDateTime, nullable=False),
        sa.Column("seen_at", UTCDateTime, nullable=False),
        sa.Column("ended_at", UTCDateTime),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_session_seen_at", "session", ["seen_at"])
    op.create_index("ix_session_staff_id", "session", ["staff_id"])
    op.create_table(
        "week_report",
        sa.Column("week", sa.Date, primary_key=True),
        sa.Column("asked", sa.Integer, nullable=False),
        sa.Column("answered", sa.Integer, nullable=False),
        sa.Column("median_minutes", sa.Integer),
        sa.Column("alerts", sa.Integer, nullable=False),
        sa.Column("in_time", sa.Integer, nullable=False),
    )
