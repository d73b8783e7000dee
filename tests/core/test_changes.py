"""The name of each change of a concern, and when there is none."""

from datetime import UTC, datetime, timedelta

import pytest

from bot.core.changes import Change, What, changes_between
from bot.core.concern_values import Concern, ConcernState
from bot.core.protocol import Tier

MONDAY = datetime(2026, 3, 2, 10, tzinfo=UTC)
LATER = MONDAY + timedelta(hours=1)
NONE, OPEN, REACHED, SETTLED = ConcernState
OPENED = {"state": OPEN, "opened_at": MONDAY}


def concern(**values):
    return Concern(symptom="eyes", own_tier=Tier.URGENT, **values)


def named(before, after, again=()):
    old = {} if before is None else {"eyes": concern(**before)}
    return [change.what for change in changes_between(old, {"eyes": concern(**after)}, again)]


@pytest.mark.parametrize(
    ("before", "after", "what"),
    [
        (None, OPENED, What.OPENED),
        ({"state": NONE}, OPENED, What.OPENED),
        ({"state": SETTLED}, OPENED, What.OPENED),
        ({"state": REACHED}, OPENED, What.REOPENED),
        (OPENED, OPENED, None),
        (OPENED, OPENED | {"opened_at": LATER}, What.ROSE),
        (OPENED, OPENED | {"retracted_at": LATER}, What.RETRACTED),
        (OPENED, OPENED | {"retracted_at": LATER, "opened_at": LATER}, What.RETRACTED),
        (OPENED | {"retracted_at": MONDAY}, OPENED | {"retracted_at": LATER}, None),
        (OPENED | {"retracted_at": MONDAY}, OPENED, None),
        (OPENED | {"retracted_at": MONDAY}, OPENED | {"opened_at": LATER}, What.ROSE),
        (OPENED, {"state": REACHED}, What.REACHED),
        (OPENED | {"came_back": True}, {"state": REACHED}, What.REACHED),
        ({"state": SETTLED}, {"state": REACHED, "came_back": True}, What.CAME_BACK),
        ({"state": REACHED}, {"state": REACHED, "came_back": True}, None),
        (OPENED, {"state": SETTLED}, What.SETTLED),
        ({"state": REACHED}, {"state": SETTLED}, What.SETTLED),
        ({"state": SETTLED}, {"state": SETTLED}, None),
        (None, {"state": NONE}, None),
    ],
)
def test_change_of_a_concern_has_a_name(before, after, what):
    assert named(before, after) == ([] if what is None else [what])


def test_found_again_is_what_did_not_change_otherwise():
    assert named(OPENED, OPENED, again=["eyes"]) == [What.FOUND_AGAIN]
    assert named(OPENED, OPENED | {"opened_at": LATER}, again=["eyes"]) == [What.ROSE]
    assert named(OPENED, OPENED, again=["face"]) == []


@pytest.mark.parametrize("is_for_team", [True, False])
def test_change_says_tier_afterwards_and_whom_it_is_for(is_for_team):
    before = {"eyes": concern(state=SETTLED), "face": Concern(symptom="face")}
    after = {
        "eyes": concern(**OPENED, combined=Tier.EMERGENCY, is_for_team=is_for_team),
        "face": Concern(symptom="face"),
        "arms": Concern(symptom="arms", own_tier=Tier.SOON, **OPENED),
    }
    assert list(changes_between(before, after, ())) == [
        Change(symptom="eyes", what=What.OPENED, tier=Tier.EMERGENCY, is_for_team=is_for_team),
        Change(symptom="arms", what=What.OPENED, tier=Tier.SOON),
    ]
