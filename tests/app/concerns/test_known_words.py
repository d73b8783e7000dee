"""What the end screen says of what a human knows about: whom to call by what it is about, and that it came back."""

import pytest

from tests.app.concerns.test_cases import Life
from tests.app.concerns.test_cases import life as made_life
from tests.app.concerns.test_usual_signs import agree

life = made_life
EYES = {"safety_new": "yes", "which_new": "eyes"}
HEART = {"safety_now": "yes", "which_now": "heart"}


def known(life: Life, **found):
    """Let the team deal with what was found on day 0."""
    life.check(0, **found)
    life.staff(life.alerts()[0], "spoke_to_patient", 0, 2)


def test_emergency_sign_that_is_gone_names_112_if_it_comes_back(life):
    known(life, **HEART)
    assert life.check(1, still_heart="gone") == ["done.known"]
    assert life.words()[0] == "done.known.away.emergency"


@pytest.mark.parametrize(
    ("found", "gone", "word"),
    [
        (EYES, {"still_eyes": "gone"}, "done.known.away.urgent"),
        ({"numbness": "medium"}, {"numbness": "none"}, "done.known.away"),
    ],
)
def test_what_is_gone_below_emergency_names_the_team(life, found, gone, word):
    known(life, **found)
    assert life.check(1, **gone) == ["done.known"]
    assert life.words()[0] == word


@pytest.mark.parametrize(
    ("found", "gone", "there", "word"),
    [
        (EYES, {"still_eyes": "gone"}, {"still_eyes": "same"}, "done.known.back.urgent"),
        ({"numbness": "medium"}, {"numbness": "none"}, {"numbness": "medium"}, "done.known.back"),
    ],
)
def test_what_came_back_is_not_about_the_same_as_last_time(life, found, gone, there, word):
    known(life, **found)
    life.check(1, **gone)
    assert life.check(2, **there) == ["done.known"], "no alert: a human knows"
    assert life.words()[0] == word
    assert life.check(3, **there) == ["done.known"]
    assert life.words()[0] == "done.known.staff", "from then on it is as it was"


def test_what_came_back_next_to_an_emergency_that_is_gone_names_112(life):
    known(life, **EYES)
    life.check(1, **HEART)
    life.staff(life.alerts()[-1], "spoke_to_patient", 1, 2)
    life.check(2, still_eyes="gone", still_heart="gone")
    assert life.check(3, still_eyes="same", still_heart="gone") == ["done.known"]
    assert life.words()[0] == "done.known.back.emergency"


def test_the_same_is_about_the_same(life):
    known(life, **EYES)
    life.check(1, still_eyes="same")
    assert life.words()[0] == "done.known.staff"


def test_numbness_known_next_to_an_emergency_that_is_gone_names_112(life):
    known(life, **HEART)
    life.check(1, still_heart="gone", numbness="medium")
    life.staff(life.alerts()[-1], "spoke_to_patient", 1, 2)
    life.check(2, still_heart="gone", numbness="medium")
    assert life.words()[0] == "done.known.staff.emergency"


def test_both_signs_of_an_overlap_name_112(life):
    life.check(0, change="yes", autonomic="effort")
    life.check(1, **EYES)
    life.staff(life.alerts()[0], "spoke_to_patient", 1, 2)
    assert life.check(2, still_eyes="same", autonomic="effort") == ["done.known"]
    assert life.words()[0] == "done.known.staff.emergency"


def test_usual_emergency_sign_whose_time_ended_names_112_if_worse(life):
    agree(life, days=5)
    life.check(3, still_bladder="same")
    life.check(6, still_bladder="same")
    assert "done.open.worse.emergency" in life.words()
