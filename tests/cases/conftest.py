"""The clinic and patient of the use cases."""

from tests.app.conftest import anna, clinic, database

__all__ = ["anna", "clinic", "database"]
