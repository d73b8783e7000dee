"""Every sequence of events up to a depth: nothing that is remembered contradicts the laws of concerns."""

import os

import pytest

from tests.model.explore import Explored, explore
from tests.model.worlds import WORLDS


def _report(explored: Explored) -> str:
    return "\n".join(str(found) for found in explored.found)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", WORLDS)
def test_explored_events_keep_the_laws(name):
    world = WORLDS[name]
    explored = explore(world.symptoms, world.events, world.depth)
    assert not explored.found, _report(explored)
    assert explored.applied > 10 * len(world.events), "the events of this world hardly ever apply"


@pytest.mark.slow
@pytest.mark.skipif("NERVECHECK_DEEP" not in os.environ, reason="hours: NERVECHECK_DEEP=1 pytest tests/model -m slow")
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("name", WORLDS)
def test_deeper_explored_events_keep_the_laws(name):
    world = WORLDS[name]
    explored = explore(world.symptoms, world.events, world.deep)
    assert not explored.found, _report(explored)
