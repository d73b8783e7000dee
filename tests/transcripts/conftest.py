"""The `world` fixture."""

from tests.stories.fixtures import world

__all__ = ["world"]
