"""All tables: import `metadata` from here, so that no table is missing."""

from bot.db import (
    tables,
    tables_concerns,  # noqa: F401 - it adds its tables to the same metadata, as do the next
    tables_levels,  # noqa: F401
    tables_team,  # noqa: F401
    tables_treatment,  # noqa: F401
)

metadata = tables.patient.metadata
