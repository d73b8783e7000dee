"""The tables of what staff decided about levels, and of close watch. No queries; a change here needs a migration."""

from sqlalchemy import Column, Index, Integer, Table

from bot.db.columns import (
    metadata,
    of_patient,
    primary_key_column,
    seal_id,
    sealed,
    string_column,
    timestamp_column,
    version,
)

level_decision = Table(
    "level_decision",
    metadata,
    primary_key_column(),
    version(),
    seal_id(),
    of_patient(),
    string_column("kind"),
    sealed("symptom", "level_decision.symptom", nullable=False),
    sealed("level", "level_decision.level"),
    timestamp_column("until", nullable=True),
    Column("days", Integer),
    sealed("reason", "level_decision.reason", nullable=False),
    sealed("decided_by", "level_decision.decided_by"),
    string_column("made_by"),
    timestamp_column("made_at"),
    string_column("closed_by", nullable=True),
    timestamp_column("closed_at", nullable=True),
    Index(None, "patient_id", "id"),
    sqlite_autoincrement=True,
)

close_watch = Table(
    "close_watch",
    metadata,
    primary_key_column(),
    version(),
    seal_id(),
    of_patient(),
    sealed("symptom", "close_watch.symptom", nullable=False),
    timestamp_column("until"),
    sealed("reason", "close_watch.reason", nullable=False),
    string_column("made_by"),
    timestamp_column("made_at"),
    string_column("ended_by", nullable=True),
    timestamp_column("ended_at", nullable=True),
    Index(None, "patient_id", "id"),
    sqlite_autoincrement=True,
)
