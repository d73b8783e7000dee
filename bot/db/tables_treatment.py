"""The tables of treatment periods and their history. No queries; a change here needs a migration."""

from sqlalchemy import Boolean, Column, Date, ForeignKey, Index, Table, UniqueConstraint, false
from sqlalchemy.schema import SchemaItem

from bot.db.columns import (
    integer_column,
    metadata,
    of_patient,
    primary_key_column,
    seal_id,
    sealed,
    string_column,
    timestamp_column,
    version,
)
from bot.db.types import Identity


def _period_columns() -> tuple[SchemaItem, ...]:
    return (
        of_patient(),
        Column("start", Date, nullable=False),
        Column("stop", Date),
        string_column("drug", nullable=True),
        Column("is_removed", Boolean, nullable=False, server_default=false()),
        timestamp_column("recorded_at"),
        string_column("recorded_by"),
        Index(None, "patient_id"),
    )


# The columns ici_start, ici_stop and drug of `patient` repeat the newest period for processes of the previous version.
treatment_period = Table(
    "treatment_period",
    metadata,
    primary_key_column(),
    version(),
    seal_id(),
    sealed("stop_reason", "treatment_period.stop_reason"),
    *_period_columns(),
    sqlite_autoincrement=True,
)

treatment_period_history = Table(
    "treatment_period_history",
    metadata,
    primary_key_column(),
    Column("period_id", Identity, ForeignKey("treatment_period.id"), nullable=False),
    integer_column("version"),
    seal_id(),
    sealed("stop_reason", "treatment_period_history.stop_reason"),
    *_period_columns(),
    UniqueConstraint("period_id", "version"),
    sqlite_autoincrement=True,
)
