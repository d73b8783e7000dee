"""A safety screen that was skipped is asked once more; skipped again, it stays open: SOON, and nothing is new."""

import pytest

from bot.content.loader import load_protocol
from bot.core import checkin as core
from bot.core.checkin import State
from bot.core.protocol import UNANSWERED, Tier
from bot.core.triage import History
from tests.core.test_checkin import Patient

PROTOCOL = load_protocol()


def skipping(*questions):
    """Answer the quick check with nothing new, and skip these questions; return the patient where the form stops."""
    patient = Patient()
    for question, choice in (("change", "no"), ("safety_now", "none"), ("safety_new", "none"), ("numbness", "none")):
        patient.skip() if question in questions else patient.choose(choice)
    return patient


@pytest.mark.parametrize("question", ["safety_now", "safety_new"])
def test_a_skipped_safety_screen_is_asked_once_more_at_the_end(question):
    patient = skipping(question)
    assert (patient.state, patient.at) == (State.ASKING, question)
    assert core.is_asked_again(patient.checkin, PROTOCOL)
    assert core.taps_left(patient.checkin, PROTOCOL) == 1
    patient.skip()
    (finished,) = patient.of(core.Finished)
    assert (patient.state, finished.assessment.tier) == (State.DONE, Tier.SOON)
    assert next(reason.group for reason in finished.assessment.reasons) == UNANSWERED


def test_both_skipped_safety_screens_are_asked_once_more_each():
    patient = skipping("safety_now", "safety_new")
    asked = []
    while patient.state is State.ASKING:
        asked.append((patient.at, core.taps_left(patient.checkin, PROTOCOL)))
        patient.skip()
    assert asked == [("safety_now", 2), ("safety_new", 1)]


def test_a_safety_screen_answered_the_second_time_is_no_longer_open():
    patient = skipping("safety_now", "safety_new")
    patient.choose("none", "none")
    (finished,) = patient.of(core.Finished)
    assert (finished.assessment.tier, finished.assessment.complete) == (Tier.ROUTINE, True)


def test_yes_on_the_safety_screen_asked_again_acts_at_once():
    patient = skipping("safety_now")
    patient.choose("yes")
    assert patient.of(core.RedFlag)[0].assessment.tier is Tier.EMERGENCY


def test_any_other_skipped_question_is_not_asked_again():
    assert skipping("numbness").state is State.DONE


def test_going_back_to_a_skipped_safety_screen_asks_it_the_second_time():
    patient = skipping("safety_now")
    patient.skip()
    assert patient.state is State.DONE
    patient = Patient()
    patient.choose("no")
    patient.skip()
    patient.back()
    assert (patient.at, core.is_asked_again(patient.checkin, PROTOCOL)) == ("safety_now", True)


def test_an_urgent_last_answer_still_asks_what_was_left_open():
    patient = Patient(history=History())
    patient.choose("no")
    patient.skip()
    patient.choose("none", "mild", "very_much", "yes")
    assert (patient.state, core.taps_left(patient.checkin, PROTOCOL)) == (State.PAUSED, 1)
    patient.go_on()
    assert patient.at == "safety_now"
    patient.choose("none")
    assert patient.state is State.DONE


def test_silence_after_one_skip_leaves_the_screen_open():
    patient = skipping("safety_now")
    patient.send(core.Expire())
    assert patient.of(core.Finished)[0].assessment.concerns == ("skipped.now",)
