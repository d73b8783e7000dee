"""Which symptoms are asked about again: in every form until they are settled, and daily until they are calm."""

from datetime import UTC, datetime, timedelta

import pytest

from bot.content.loader import load_protocol
from bot.core.concern_values import Level, Rules
from bot.core.follow_up import FollowUp, asked_again, asked_daily, usual_signs
from bot.core.happenings import Agree, Answered, Outcome, TimePassed
from bot.core.memory import Memory, apply
from bot.core.protocol import Tier

PROTOCOL = load_protocol()
RULES = Rules(PROTOCOL.symptoms, PROTOCOL.remembering)
START = datetime(2026, 3, 2, 9, tzinfo=UTC)
DAY = timedelta(days=1)
THERE, SAME, WORSE, GONE = Level(Tier.URGENT, 1), Level(Tier.URGENT, 1), Level(Tier.URGENT, 2), Level(Tier.ROUTINE, 0)


def answered(memory, day, level, symptom="eyes"):
    at = START + day * DAY
    given = Answered(symptom=symptom, level=level, by="patient", day=at.date())
    return apply(memory, (given,), RULES, at).memory


def spoken(memory, day, symptom="eyes"):
    at = START + day * DAY
    return apply(memory, (Outcome(kind="contact", symptoms=(symptom,), shown_at=at),), RULES, at).memory


def daily(memory, day):
    return asked_daily(memory, PROTOCOL.remembering, START + day * DAY)


@pytest.fixture
def found():
    return answered(Memory(), 0, THERE)


def test_nothing_found_is_not_asked_about():
    assert asked_again(Memory()) == daily(Memory(), 0) == ()


@pytest.mark.parametrize("known", [False, True], ids=["open", "reached"])
def test_three_days_without_worsening_end_the_daily_follow_up_and_two_do_not(found, known):
    memory = spoken(found, 0) if known else found
    for day in (1, 2):
        memory = answered(memory, day, SAME)
        assert daily(memory, day) == ("eyes",)
    memory = answered(memory, 3, SAME)
    assert daily(memory, 3) == ()
    assert asked_again(memory) == ("eyes",), "every later form asks about it until it is settled"


def test_worse_begins_it_again(found):
    memory = spoken(found, 0)
    for day in (1, 2):
        memory = answered(memory, day, SAME)
    memory = answered(memory, 3, WORSE)
    assert [daily(answered(memory, 4, WORSE), 5), daily(answered(memory, 4, SAME), 5)] == [("eyes",)] * 2


@pytest.mark.parametrize(("day", "asked"), [(13.9, ("eyes",)), (14, ())])
def test_it_ends_two_weeks_after_it_was_last_worse(found, day, asked):
    assert daily(found, day) == asked


def test_a_day_without_an_answer_is_not_calm(found):
    memory = answered(answered(spoken(found, 0), 1, SAME), 2, SAME)
    assert daily(memory, 6) == ("eyes",)


def test_what_passed_is_asked_about_no_more(found):
    memory = spoken(found, 0)
    for day in (1, 2, 3):
        memory = answered(memory, day, GONE)
    assert asked_again(memory) == daily(memory, 3) == ()


def test_what_is_watched_is_asked_about_whatever_its_state():
    assert asked_again(Memory(), {"breathing"}) == ("breathing",)
    assert asked_daily(Memory(), PROTOCOL.remembering, START, {"breathing"}) == ("breathing",)


def test_the_end_of_an_agreement_begins_no_daily_follow_up():
    agree = Agree(symptom="numbness", level=Level(Tier.URGENT, 3), until=START + 7 * DAY)
    memory = apply(Memory(), (agree,), RULES, START).memory
    memory = answered(memory, 1, Level(Tier.URGENT, 3), "numbness")
    memory = apply(memory, (TimePassed(),), RULES, START + 8 * DAY).memory
    assert (asked_again(memory), daily(memory, 8)) == (("numbness",), ())


def test_follow_up_of_a_former_version_is_read():
    stored = {"groups": ["sensory"], "since": "2026-03-02", "stable_days": 2, "counted_on": None, "steady": True}
    assert FollowUp.model_validate(stored) == FollowUp(groups=("sensory",), since=START.date(), steady=True)


def test_emergency_signs_that_are_usual_stay_so_until_staff_decide():
    leak = Agree(symptom="bladder", level=Level(Tier.EMERGENCY, 1), until=START + 91 * DAY)
    numb = Agree(symptom="numbness", level=Level(Tier.URGENT, 3), until=START + 28 * DAY)
    memory = apply(Memory(), (leak, numb), RULES, START).memory
    assert usual_signs(memory) == ("bladder",)
    assert usual_signs(apply(memory, (TimePassed(),), RULES, START + 100 * DAY).memory) == ("bladder",)
