"""The tables of what is remembered of a patient's symptoms. No queries; a change here needs a migration."""

from sqlalchemy import Column, Index, Table

from bot.db.columns import (
    integer_column,
    metadata,
    of_checkin,
    of_patient,
    partial_index,
    primary_key_column,
    seal_id,
    sealed,
    string_column,
    timestamp_column,
    version,
)
from bot.db.types import Identity

memory = Table(
    "memory",
    metadata,
    primary_key_column(),
    version(),
    seal_id(),
    of_patient(),
    sealed("value", "memory.value", nullable=False),
    sealed("heard", "memory.heard", nullable=False),
    timestamp_column("ends_at", nullable=True),
    Column("last_jump", Identity, nullable=False, server_default="0"),
    Column("last_event", Identity, nullable=False, server_default="0"),
    Index("ix_memory_patient_id", "patient_id", unique=True),
    sqlite_autoincrement=True,
)
partial_index("ix_memory_ends", memory.c.ends_at, memory.c.id, where=memory.c.ends_at.is_not(None))

clock_jump = Table(
    "clock_jump",
    metadata,
    primary_key_column(),
    timestamp_column("at"),
    integer_column("back_by"),
    sqlite_autoincrement=True,
)

kept_alert = Table("kept_alert", metadata, Column("alert_id", Identity, primary_key=True, autoincrement=False))
"""Alerts that outlive the data of their patient. No foreign key: they are deleted together."""

concern_change = Table(
    "concern_change",
    metadata,
    primary_key_column(),
    seal_id(),
    of_patient(),
    of_checkin(nullable=True),
    sealed("symptom", "concern_change.symptom", nullable=False),
    string_column("what"),
    string_column("state"),
    integer_column("tier"),
    timestamp_column("at"),
    string_column("actor"),
    Index(None, "checkin_id"),
    Index(None, "patient_id", "id"),
    sqlite_autoincrement=True,
)

concern_event = Table(
    "concern_event",
    metadata,
    primary_key_column(),
    seal_id(),
    of_patient(),
    of_checkin(nullable=True),
    sealed("what", "concern_event.what", nullable=False),
    Column("last_jump", Identity, nullable=False),
    string_column("protocol_hash"),
    timestamp_column("at"),
    Index(None, "checkin_id"),
    Index(None, "patient_id", "id"),
    sqlite_autoincrement=True,
)
