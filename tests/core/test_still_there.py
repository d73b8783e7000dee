"""A concern that a human knows about is still there as long as its last answer is above the reference."""

from datetime import UTC, date, datetime

import pytest

from bot.core.concern_values import NONE, Concern, ConcernState, Days, Level
from bot.core.protocol import Tier

AT = datetime(2026, 3, 2, 9, tzinfo=UTC)
THERE = Level(Tier.URGENT, 1)
USUAL = Days(days=1, first_at=AT, last_at=AT, last_day=date(2026, 3, 2))


@pytest.mark.parametrize(
    ("state", "level", "usual", "is_there"),
    [
        ("reached", THERE, None, True),
        ("reached", Level(Tier.SOON, 1), None, True),
        ("reached", NONE, None, False),
        ("reached", THERE, USUAL, False),
        ("open", THERE, None, False),
        ("settled", THERE, None, False),
    ],
)
def test_still_there_is_known_and_above_the_reference(state, level, usual, is_there):
    concern = Concern(symptom="eyes", state=ConcernState(state), level=level, usual=usual)
    assert concern.is_still_there is is_there
