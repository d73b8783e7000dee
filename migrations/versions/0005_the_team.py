"""the team: members, rota, and who was notified of an alert"""

import sqlalchemy as sa
from alembic import op

from bot.db.types import Identity, UTCDateTime

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

CODE = sa.String().with_variant(sa.String(collation="C"), "postgresql")


def upgrade() -> None:
    _tables()
    op.create_index("ix_checkin_opened", "checkin", ["opened_at", "kind", "state"])
    op.add_column("alert", sa.Column("told", sa.JSON, nullable=False, server_default="[]"))
    op.add_column("alert", sa.Column("stages", sa.SmallInteger, nullable=False, server_default="0"))
    op.add_column("alert", sa.Column("work_revision", sa.Integer, nullable=False, server_default="0"))
    for name in ("clock_from", "staff_step_at"):
        op.add_column("alert", sa.Column(name, UTCDateTime, nullable=True))
    planned = sa.text("staff_step_at IS NOT NULL")
    op.create_index(
        "ix_alert_staff_step", "alert", ["staff_step_at", "id"], sqlite_where=planned, postgresql_where=planned
    )


def _tables() -> None:
    op.create_table(
        "staff",
        sa.Column("id", Identity, primary_key=True, autoincrement=True),
        sa.Column("rid", sa.LargeBinary, nullable=False),
        sa.Column("name", CODE, nullable=False, unique=True),
        *(sa.Column(name, sa.String, nullable=False) for name in ("role", "state", "language")),
        sa.Column("token_hash", sa.String, unique=True),
        sa.Column("expires_at", UTCDateTime),
        sa.Column("chat_id", sa.LargeBinary),
        sa.Column("chat_hash", sa.LargeBinary, unique=True),
        sa.Column("added_at", UTCDateTime, nullable=False),
        *(sa.Column(name, UTCDateTime) for name in ("joined_at", "unreachable_at", "left_at")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "shift",
        sa.Column("id", Identity, primary_key=True, autoincrement=True),
        sa.Column("staff_id", Identity, sa.ForeignKey("staff.id"), nullable=False),
        sa.Column("out_of_hours", sa.Boolean, nullable=False),
        sa.Column("days", sa.JSON, nullable=False),
        *(sa.Column(name, sa.Time, nullable=False) for name in ("start", "end")),
        sa.Column("rank", sa.Integer, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_shift_staff_id", "shift", ["staff_id"])
    op.create_table(
        "cover",
        sa.Column("id", Identity, primary_key=True, autoincrement=True),
        *(sa.Column(name, Identity, sa.ForeignKey("staff.id"), nullable=False) for name in ("away_id", "instead_id")),
        *(sa.Column(name, sa.Date, nullable=False) for name in ("first", "last")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_cover_last", "cover", ["last"])
