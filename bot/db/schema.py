"""All tables: import `metadata` from here, so that no table is missing."""

from bot.db import (
    tables,
    tables_team,  # noqa: F401 - it adds its tables to the same metadata
)

metadata = tables.patient.metadata
