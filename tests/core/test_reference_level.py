"""Which levels are accepted as usual, and how weeks of lower answers lower the reference level."""

from datetime import UTC, datetime, timedelta

import pytest

from bot.content.loader import load_protocol
from bot.core.accepted import Accepted, LowerAnswers, after_answer
from bot.core.concern_values import NONE, Days, Level
from bot.core.happenings import Answered
from bot.core.protocol import Tier

MONDAY = datetime(2026, 3, 2, 10, tzinfo=UTC)
DAY = timedelta(days=1)
MILD, MEDIUM, STRONG = Level(Tier.SOON, 1), Level(Tier.SOON, 2), Level(Tier.URGENT, 3)
REMEMBERING = load_protocol().remembering.model_copy(update={"lower_days": 3, "lower_span": 4 * DAY})


def answered(accepted, day, level):
    at = MONDAY + day * DAY
    return after_answer(accepted, Answered(symptom="scale", level=level, by="patient", day=at.date()), REMEMBERING, at)


def lower(number, first, last, highest):
    at = MONDAY + last * DAY
    seen = Days(days=number, first_at=MONDAY + first * DAY, last_at=at, last_day=at.date())
    return LowerAnswers(seen=seen, highest=highest)


@pytest.mark.parametrize(
    ("accepted", "raises_nothing", "is_usual"),
    [
        (Accepted(), NONE, NONE),
        (Accepted(reference=MILD), MILD, MILD),
        (Accepted(reference=MILD, agreed=STRONG), STRONG, STRONG),
        (Accepted(reference=STRONG, agreed=MILD), STRONG, STRONG),
        (Accepted(reference=MILD, agreed=STRONG, has_lapsed=True), STRONG, MILD),
    ],
)
def test_higher_of_reference_and_agreed_level_raises_nothing(accepted, raises_nothing, is_usual):
    assert (accepted.raises_nothing, accepted.is_usual) == (raises_nothing, is_usual)


@pytest.mark.parametrize("level", [MEDIUM, STRONG])
def test_answer_at_or_above_the_reference_ends_the_count(level):
    before = Accepted(reference=MEDIUM, agreed=STRONG, last=MILD, lower=lower(2, 0, 1, MILD))
    assert answered(before, 3, level) == before.model_copy(update={"last": level, "lower": None})


def test_lower_answers_are_counted_with_the_highest_of_them():
    before = Accepted(reference=STRONG, last=STRONG)
    first = answered(before, 0, MILD)
    assert first == Accepted(reference=STRONG, last=MILD, lower=lower(1, 0, 0, MILD))
    second = answered(first, 1, MEDIUM)
    assert second == Accepted(reference=STRONG, last=MEDIUM, lower=lower(2, 0, 1, MEDIUM))
    assert answered(second, 2, NONE) == Accepted(reference=STRONG, last=NONE, lower=lower(3, 0, 2, MEDIUM))


def test_so_many_days_over_so_long_lower_the_reference_to_the_highest_of_them():
    before = Accepted(reference=STRONG, agreed=STRONG, lower=lower(2, 0, 1, MEDIUM))
    assert answered(before, 3.9, MILD).reference == STRONG, "too short"
    few = before.model_copy(update={"lower": lower(1, 0, 1, MEDIUM)})
    assert answered(few, 4, MILD).reference == STRONG, "too few"
    assert answered(before, 4, MILD) == Accepted(reference=MEDIUM, agreed=STRONG, last=MILD)


def test_clock_that_was_set_back_keeps_the_highest_answer():
    before = Accepted(reference=STRONG, lower=lower(2, 0, 3, MEDIUM))
    assert answered(before, 1, MILD).lower == lower(1, 1, 1, MEDIUM)
