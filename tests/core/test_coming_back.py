"""What comes back after it was gone, or is said again, counts: found by random lives of 400 days."""

import pytest

from bot.core.concern_values import NONE, Level
from bot.core.follow_up import asked_daily
from bot.core.happenings import Agree, KnownBefore, TimePassed
from bot.core.protocol import Tier
from tests.core.test_memory import DAY, EMERGENCY, MONDAY, RULES, STRONG, URGENT, WORSE, Course


@pytest.fixture
def course():
    return Course()


def test_ended_level_is_forgotten_once_answers_have_shown_that_it_is_gone(course):
    """Found by a random life: months later the same level raised nothing, because nobody had decided about it."""
    course.happen(0, KnownBefore(symptom="numbness", level=STRONG, is_helper=False)).says(0, "numbness", STRONG)
    course.happen(7, TimePassed()).staff(7.5, "contact", "numbness")
    for day in (8, 10, 12):
        course.says(day, "numbness", NONE)
    assert course.state("numbness") == "settled"
    assert course.says(60, "numbness", STRONG).raised is Tier.URGENT


def test_usual_emergency_sign_waits_for_staff_whatever_was_answered(course):
    """Its line on the safety screen names what is usual until they have decided."""
    course.happen(0, Agree(symptom="breathing", level=Level(Tier.EMERGENCY, 1), until=MONDAY + 5 * DAY))
    course.says(4, "breathing", Level(Tier.EMERGENCY, 1)).happen(6, TimePassed())
    assert course.state("breathing") == "open"
    for day in (7, 9, 11, 13, 15, 17, 19, 21):
        course.says(day, "breathing", NONE)
    assert course.memory.usual("breathing").has_lapsed


@pytest.mark.parametrize(("symptom", "level"), [("help", Level(Tier.URGENT, 1)), ("sign_not_named", EMERGENCY)])
def test_what_has_no_question_and_comes_again_is_followed_up_again(course, symptom, level):
    """Found by a random life: said again after weeks, it was open and no longer asked about daily."""
    course.says(0, symptom, level)
    rules = RULES.remembering
    assert asked_daily(course.memory, rules, MONDAY + 20 * DAY) == ()
    course.says(20, symptom, level)
    assert asked_daily(course.memory, rules, MONDAY + 20 * DAY) == (symptom,)


@pytest.mark.parametrize(("level", "state"), [(EMERGENCY, "reached"), (Level(Tier.EMERGENCY, 2), "open")])
def test_worse_is_more_than_the_name_of_what_somebody_spoke_about(course, level, state):
    """Named after somebody spoke about the "yes", and then, asked by name, worse: nobody knows about that."""
    course.says(0, "sign_not_named", EMERGENCY).spoke(0.1, "sign_not_named")
    course.names(0.2, "breathing", level, said=0)
    assert course.state("breathing") == state
    assert (course.raised is Tier.EMERGENCY) == (state == "open")
    # "Yes" once more on the message from before is not about "worse".
    course.spoke(0.3, "breathing", message=2, asked=0.15)
    assert course.state("breathing") == state


def test_what_got_worse_since_it_came_back_rose_since_an_older_message(course):
    worse = Level(Tier.EMERGENCY, 2)
    course.says(0, "breathing", worse).spoke(0.1, "breathing")
    course.says(1, "breathing", EMERGENCY).says(2, "breathing", worse)
    assert course.spoke(2.1, "breathing", asked=1.5).state("breathing") == "open"
    assert course.spoke(2.2, "breathing").state("breathing") == "reached"


def test_worse_is_news_though_a_human_knew_of_it_before_it_came_back(course):
    course.says(0, "eyes", WORSE).staff(0.1, "contact", "eyes").says(1, "eyes", URGENT, is_named=True)
    assert course.says(2, "eyes", WORSE).raised is Tier.URGENT
