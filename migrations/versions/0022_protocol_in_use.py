"""protocol: a setting names the one that check-ins were asked with last, so that another one can be compared with it"""

from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Until now, the newest file was the one in use.
    op.execute(
        "INSERT INTO setting (name, value) SELECT 'protocol', content_hash FROM protocol_file "
        "WHERE NOT EXISTS (SELECT 1 FROM setting WHERE name = 'protocol') "
        "ORDER BY first_used_at DESC, content_hash LIMIT 1"
    )
