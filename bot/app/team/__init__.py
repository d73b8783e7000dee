"""Use cases: team."""
