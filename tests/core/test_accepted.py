"""The levels that are accepted as usual for a patient: when the next one ends."""

from datetime import UTC, datetime, timedelta

import pytest

from bot.core.accepted import Accepted
from bot.core.concern_values import Level
from bot.core.protocol import Tier

AT = datetime(2026, 3, 2, 9, tzinfo=UTC)
DAY = timedelta(days=1)
MILD = Level(Tier.SOON, 1)


@pytest.mark.parametrize(
    ("accepted", "ends_at"),
    [
        (Accepted(), None),
        (Accepted(reference=MILD), None),
        (Accepted(reference=MILD, confirm_until=AT), AT),
        (Accepted(agreed=MILD, agreed_until=AT), AT),
        (Accepted(agreed=MILD, agreed_until=AT, has_lapsed=True), None),
        (Accepted(agreed_until=AT), None),
        (Accepted(reference=MILD, confirm_until=AT + DAY, agreed=MILD, agreed_until=AT), AT),
        (Accepted(reference=MILD, confirm_until=AT, agreed=MILD, agreed_until=AT + DAY), AT),
    ],
)
def test_level_ends_at_the_first_time_that_staff_have_to_decide(accepted, ends_at):
    assert accepted.ends_at == ends_at
