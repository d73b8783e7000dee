"""After the clock was set, no day counts that was counted before, and no time is in the future."""

from datetime import UTC, date, datetime, timedelta

import pytest

from bot.content.loader import load_protocol
from bot.core.accepted import Accepted, LowerAnswers
from bot.core.clock_jump import after_jump, not_ahead
from bot.core.concern_values import NONE, Concern, ConcernState, Days, Level, Rules
from bot.core.memory import Memory
from bot.core.protocol import Tier

AT = datetime(2026, 3, 2, 9, tzinfo=UTC)
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
PROTOCOL = load_protocol()
RULES = Rules(PROTOCOL.symptoms, PROTOCOL.remembering)
DAYS = Days(days=2, first_at=AT - 2 * DAY, last_at=AT - DAY, last_day=date(2026, 3, 1))


def concern(state, **changes):
    found = {"symptom": "numbness", "own_tier": Tier.SOON, "highest": Level(Tier.SOON, 1), "state": state}
    return Concern(**found | changes)


def jumped(of, back_by=timedelta(0)):
    memory = Memory(
        concerns={"numbness": of}, accepted={"stairs": Accepted(lower=LowerAnswers(seen=DAYS, highest=NONE))}
    )
    after = after_jump(memory, RULES, AT, back_by)
    assert after.accepted["stairs"].lower is None
    return after.concern("numbness")


@pytest.mark.parametrize("state", [ConcernState.OPEN, ConcernState.REACHED])
def test_days_are_counted_again(state):
    after = jumped(concern(state, usual=DAYS, calm_days=2, calm_on=date(2026, 3, 1)))
    assert (after.state, after.usual, after.calm_days, after.calm_on) == (state, None, 0, None)


@pytest.mark.parametrize(
    ("above_on", "expected"), [(date(2026, 2, 27), date(2026, 3, 2)), (date(2026, 3, 4), date(2026, 3, 4))]
)
def test_retraction_waits_for_another_day_again(above_on, expected):
    after = jumped(concern(ConcernState.OPEN, retracted_at=AT - 3 * DAY, above_on=above_on))
    assert (after.retracted_at, after.above_on) == (AT, expected)


@pytest.mark.parametrize(
    ("timestamp", "expected"),
    [(AT - HOUR, AT - HOUR), (AT, AT), (AT + DAY, AT - DAY), (AT + 3 * DAY, AT)],
)
def test_time_of_a_clock_that_was_two_days_ahead(timestamp, expected):
    assert not_ahead(timestamp, AT, 2 * DAY) == expected
    after = jumped(concern(ConcernState.SETTLED, settled_at=timestamp, givers={"anna": timestamp}), back_by=2 * DAY)
    assert (after.settled_at, after.givers) == (expected, {"anna": expected})
