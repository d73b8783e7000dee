"""terms: rename columns, tables and stored words as in the glossary"""

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

renames = True
"""Processes of the previous version can't continue to run: see bot/db/migrate.py."""

TABLES = {"work_item": "task", "chat_pace": "chat_rate_limit"}
"""Their constraints and indexes keep their names: SQLite can't rename them."""

COLUMNS = {
    "alert": {
        "taken_by": "owner",
        "taken_at": "acknowledged_at",
        "told": "notified",
        "stages": "escalation_level",
        "staff_step_at": "next_escalation_at",
        "next_step_at": "next_patient_prompt_at",
        "loop_backs": "safety_follow_ups",
        "expected": "is_agreed",
    },
    "checkin": {"next_step_at": "next_action_at"},
    "patient": {"own": "plan_override", "watch": "follow_up", "said_at": "hint_sent_at"},
    "caregiver": {"said_at": "hint_sent_at"},
}
SEALED = ("patient", "caregiver", "answer", "assessment", "alert", "outbox", "dead_update", "staff", "snooze")
SEAL_ID = ("rid", "seal_id")
"""The former and the new name of the column that is part of the associated data of sealed values."""

WORDS = {
    ("alert", "outcome"): {"told_oncologist": "notified_oncologist"},
    ("checkin", "kind"): {"again": "follow_up"},
    ("audit", "action"): {
        "alert_taken": "alert_acknowledged",
        "alert_assigned": "alert_handed_over",
        "alert_passed_over": "alert_reassigned",
        "loop_back_sent": "safety_follow_up_sent",
        "symptom_expected": "level_agreed",
        "symptom_not_expected": "agreed_level_ended",
        "work_item_closed": "task_closed",
        "dead_dropped": "dead_letter_discarded",
        "dead_retried": "dead_letter_retried",
    },
}
"""Stored words, by table and column."""

DETAIL = {"told": "notified", "has": "owner", "stage": "level", "own": "plan_override"}
"""Keys in the detail of audit lines (JSON)."""
DETAIL_WORDS = {"outcome": {"told_oncologist": "notified_oncologist"}}
"""Values in the detail, by key."""
WITH_DETAIL = (
    *("alert_acknowledged", "alert_handed_over", "alert_noted", "alert_closed", "alert_reopened"),
    *("alert_escalated", "alert_reassigned", "plan_changed"),
)
"""The actions, by their new names, whose detail has any of them."""


def upgrade() -> None:
    for table, columns in COLUMNS.items():
        for old, new in columns.items():
            op.execute(f"ALTER TABLE {table} RENAME COLUMN {old} TO {new}")
    for table in SEALED:
        op.execute(f"ALTER TABLE {table} RENAME COLUMN {SEAL_ID[0]} TO {SEAL_ID[1]}")
    for old, new in TABLES.items():
        op.execute(f"ALTER TABLE {old} RENAME TO {new}")
    postgres = op.get_context().dialect.name == "postgresql"
    if postgres:
        op.execute("ALTER SEQUENCE work_item_id_seq RENAME TO task_id_seq")
    for (table, column), words in WORDS.items():
        for old, new in words.items():
            op.execute(f"UPDATE {table} SET {column} = '{new}' WHERE {column} = '{old}'")  # noqa: S608 - from above
    _convert_details(postgres=postgres)


def _convert_details(*, postgres: bool) -> None:
    """Replace keys in the stored JSON text: a key is written as `"name": `, which no value can contain unescaped."""
    text = "CAST(detail AS TEXT)"
    for old, new in DETAIL.items():
        text = f"replace({text}, '\"{old}\": ', '\"{new}\": ')"
    for key, words in DETAIL_WORDS.items():
        for old, new in words.items():
            text = f'replace({text}, \'"{key}": "{old}"\', \'"{key}": "{new}"\')'
    converted = f"CAST({text} AS JSON)" if postgres else text
    actions = ", ".join(f"'{action}'" for action in WITH_DETAIL)
    statement = f"UPDATE audit SET detail = {converted} WHERE action IN ({actions})"  # noqa: S608 - from above
    # SQLAlchemy would parse a colon as a parameter.
    op.execute(statement.replace(":", "\\:"))
