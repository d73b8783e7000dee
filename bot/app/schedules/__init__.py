"""Use cases: schedules."""
