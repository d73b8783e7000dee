"""Use cases: checkins."""
