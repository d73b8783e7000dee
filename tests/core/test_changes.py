"""The signs that were named after a "yes", by what changed."""

import pytest

from bot.core.changes import Change, What, signs_named
from bot.core.protocol import Tier
from tests.core.test_memory import PROTOCOL


def change(symptom, what):
    return Change(symptom=symptom, what=what, tier=Tier.URGENT)


NAMED = change("sign_not_named", What.SETTLED)
EYES, NUMBNESS = change("eyes", What.REACHED), change("numbness", What.OPENED)


@pytest.mark.parametrize(
    ("changes", "signs"),
    [
        ((NAMED, EYES, NUMBNESS), ("eyes",)),
        ((EYES, NUMBNESS), ()),
        ((change("sign_not_named", What.OPENED), EYES), ()),
        ((NAMED, NUMBNESS), ()),
    ],
)
def test_signs_that_were_named_just_now(changes, signs):
    assert signs_named(changes, PROTOCOL) == signs
