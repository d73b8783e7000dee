"""The clinic and the patient of tests/app."""

from tests.app.conftest import anna, choose, clinic, database, team

__all__ = ["anna", "choose", "clinic", "database", "team"]
