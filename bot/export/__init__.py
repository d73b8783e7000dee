"""What leaves the program as files: calendars, cards, tables, FHIR. Reads through app/ and stores nothing."""
