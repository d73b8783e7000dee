"""All tables there are: import `metadata` from here, so that none is missing."""

from bot.db import tables, tables_team

metadata = tables.patient.metadata
TABLES = (tables, tables_team)
