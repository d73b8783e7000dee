"""Which two concerns need a human sooner together: each condition by itself, at its border."""

from datetime import UTC, datetime, timedelta

import pytest

from bot.content.loader import load_protocol
from bot.core.concern_values import Concern, ConcernState, Level, Rules
from bot.core.pairs import are_two_ambers, can_pair, overlap
from bot.core.protocol import Symptom, Tier

MONDAY = datetime(2026, 3, 2, 10, tzinfo=UTC)
DAY, SECOND = timedelta(days=1), timedelta(seconds=1)
WINDOW = 5 * DAY
OPEN, REACHED, SETTLED = ConcernState.OPEN, ConcernState.REACHED, ConcernState.SETTLED
RULES = Rules(
    {
        each.id: each
        for each in (
            Symptom(id="eyes", group="eyes", overlap="eyes"),
            Symptom(id="face", group="face", overlap="face"),
            Symptom(id="lids", group="eyes", overlap="eyes"),
            Symptom(id="legs", group="strength", overlap="limbs", overlap_from=2),
            Symptom(id="breath", group="breath", overlap="effort", overlap_not_with=frozenset({"limbs"})),
            Symptom(id="mild", group="mild"),
            Symptom(id="dizzy", group="autonomic", pairs_in_group=True),
            Symptom(id="bowel", group="autonomic", pairs_in_group=True),
            Symptom(id="sweat", group="autonomic"),
            Symptom(id="new", group="change", pairs=False),
        )
    },
    load_protocol().remembering.model_copy(update={"pair_window": WINDOW}),
)


def concern(symptom, *, found=0, step=2, tier=Tier.SOON, **more):
    first_found_at = MONDAY + found if found else MONDAY
    made = {"state": OPEN, "own_tier": tier, "highest": Level(tier, step), "first_found_at": first_found_at}
    return Concern(symptom=symptom, **made | more)


def overlaps(first, second):
    found = {overlap(first, second, RULES, ()), overlap(second, first, RULES, ())}
    assert len(found) == 1, "the order says nothing"
    return found.pop()


def two_ambers(first, second, *others):
    found = {are_two_ambers(*pair, RULES, others) for pair in ((first, second), (second, first))}
    assert len(found) == 1, "the order says nothing"
    return found.pop()


# -- two signs of the overlap list


@pytest.mark.parametrize(
    ("first", "second", "meet"),
    [
        ("eyes", "face", True),
        ("eyes", "legs", True),
        ("eyes", "lids", False),
        ("eyes", "mild", False),
        ("mild", "dizzy", False),
        ("breath", "eyes", True),
        ("breath", "legs", False),
    ],
)
def test_two_different_signs_of_the_list_overlap(first, second, meet):
    assert overlaps(concern(first), concern(second)) is meet


def test_both_have_to_be_strong_enough_for_the_list():
    assert overlaps(concern("legs", step=2), concern("eyes", step=1))
    assert not overlaps(concern("legs", step=1), concern("eyes", step=1))
    assert not overlaps(concern("legs", step=1), concern("eyes", step=2))
    assert not overlaps(concern("legs", step=2), concern("eyes", step=0))


def test_signs_overlap_within_the_window():
    eyes = concern("eyes")
    assert overlaps(eyes, concern("face", found=WINDOW))
    assert not overlaps(eyes, concern("face", found=WINDOW + SECOND))


def test_what_became_a_sign_later_counts_from_then_on():
    eyes = concern("eyes", found=WINDOW + DAY)
    assert not overlaps(eyes, concern("legs"))
    assert overlaps(eyes, concern("legs", sign_found_at=MONDAY + DAY))
    assert not overlaps(concern("eyes"), concern("legs", sign_found_at=MONDAY + WINDOW + DAY))


def test_a_sign_without_a_time_overlaps_with_one_that_has():
    assert overlaps(concern("eyes"), concern("face", first_found_at=None))


# -- two ambers


@pytest.mark.parametrize(
    ("first", "second", "meet"),
    [
        ("mild", "eyes", True),
        ("eyes", "lids", False),
        ("dizzy", "bowel", True),
        ("dizzy", "sweat", False),
        ("dizzy", "eyes", True),
    ],
)
def test_two_ambers_of_different_systems_or_that_count_in_one_meet(first, second, meet):
    assert two_ambers(concern(first), concern(second)) is meet


@pytest.mark.parametrize("tier", [Tier.URGENT, Tier.EMERGENCY])
def test_what_is_more_than_amber_is_no_amber(tier):
    assert not two_ambers(concern("mild", tier=tier), concern("eyes"))
    assert not two_ambers(concern("mild", combined=tier), concern("eyes"))


def test_open_ambers_meet_however_long_apart():
    assert two_ambers(concern("mild"), concern("eyes", found=WINDOW + 30 * DAY))


@pytest.mark.parametrize("states", [(OPEN, REACHED), (REACHED, REACHED), (OPEN, SETTLED), (SETTLED, SETTLED)])
def test_ambers_that_are_not_both_open_meet_within_the_window(states):
    first, second = states
    assert two_ambers(concern("mild", state=first), concern("eyes", state=second, found=WINDOW))
    assert not two_ambers(concern("mild", state=first), concern("eyes", state=second, found=WINDOW + SECOND))


@pytest.mark.parametrize(
    ("changes", "meet"),
    [
        ({}, False),
        ({"state": REACHED}, False),
        ({"state": SETTLED}, True),
        ({"in_alert": False}, True),
        ({"tier": Tier.SOON}, True),
        ({"tier": Tier.SOON, "combined": Tier.URGENT}, False),
    ],
)
def test_ambers_raise_nothing_in_an_alert_that_has_more(changes, meet):
    other = concern("face", **{"tier": Tier.URGENT, "in_alert": True} | changes)
    assert two_ambers(concern("mild"), concern("eyes"), concern("dizzy"), other) is meet


# -- what pairs at all


@pytest.mark.parametrize(
    ("symptom", "changes", "can"),
    [
        ("eyes", {}, True),
        ("unknown", {}, True),
        ("new", {}, False),
        ("eyes", {"retracted_at": MONDAY}, False),
        ("eyes", {"is_for_team": True}, False),
    ],
)
def test_what_is_taken_back_or_for_the_team_pairs_with_nothing(symptom, changes, can):
    assert can_pair(concern(symptom, **changes), RULES) is can
