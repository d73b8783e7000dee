"""All tables: import `metadata` from here, so that no table is missing."""

from bot.db import tables, tables_team

metadata = tables.patient.metadata
TABLES = (tables, tables_team)
