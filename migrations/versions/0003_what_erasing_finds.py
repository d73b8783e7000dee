"""the patient of a dead update and of an edited message, so that erasing finds them"""

import sqlalchemy as sa
from alembic import op

from bot.db.types import Identity

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("dead_update", sa.Column("chat_id", sa.LargeBinary, nullable=True))
    op.add_column("dead_update", sa.Column("chat_hash", sa.LargeBinary, nullable=True))
    op.create_index("ix_dead_update_chat_hash", "dead_update", ["chat_hash"])
    op.create_index("ix_dead_update_at", "dead_update", ["at"])
    op.add_column("slot_message", sa.Column("patient_id", Identity, nullable=True))
    op.create_index("ix_slot_message_patient_id", "slot_message", ["patient_id"])
