"""Four chats of two patients, a helper and a nurse, in random lives: see `Chats` for what happens and what must hold."""

import pytest

from tests.property.chats import Chats


def test_chats_of_several_people_keep_every_law(clinic, wording):
    Chats(1, clinic, wording).live(60)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_many_chats_of_several_people_keep_every_law(clinic, wording):
    seen = set()
    for seed in range(100, 108):
        seen |= set(Chats(seed, clinic, wording).live(110).seen)
    assert {"phone.done", "link.ask", "care.goodbye", "stranger.numbers", "call.emergency"} <= seen
