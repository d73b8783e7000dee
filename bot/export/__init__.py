"""Exports as files: calendars, cards, tables, FHIR. Reads through app/ and stores nothing."""
