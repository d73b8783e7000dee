"""The world as a fixture."""

from tests.stories.fixtures import world

__all__ = ["world"]
