"""The cautious answer wins: "yes" on a safety screen of the form that was answered "none" already."""

import pytest

from bot.core import checkin as core
from bot.core.checkin import IgnoredReason, State
from bot.core.protocol import Tier
from tests.core.test_checkin import Patient, ignored_as, only


def test_yes_after_none_on_the_same_screen_is_yes_and_asks_which():
    """Two fingers, or two people: the second tap comes when the next question is asked already."""
    patient = Patient()
    patient.choose("no", "none")
    assert patient.at == "safety_new"
    (given, flag) = patient.send(core.Choose(question="safety_now", choice="yes", revision=1))
    assert given == core.AnswerGiven(question="safety_now", choices=("yes",))
    assert flag.assessment.tier is Tier.EMERGENCY
    assert (patient.state, patient.at) == (State.STOPPED, "which_now")


def test_yes_after_none_counts_while_the_form_waits_after_another_red_flag():
    patient = Patient()
    patient.choose("no", "none", "none", "strong")
    assert patient.state is State.PAUSED
    only_flag = only(patient.send(core.Choose(question="safety_new", choice="not_sure", revision=2)), core.RedFlag)
    assert [flag.assessment.tier for flag in only_flag] == [Tier.URGENT]
    patient.go_on()
    assert (patient.state, patient.at) == (State.ASKING, "which_new")
    assert only(patient.send(core.Choose(question="safety_now", choice="yes", revision=1)), core.RedFlag)
    assert patient.state is State.STOPPED


@pytest.mark.parametrize("again", ["none", "yes", "not_sure"])
def test_what_comes_after_yes_on_the_same_screen_changes_nothing(again):
    patient = Patient()
    patient.choose("no", "yes")
    before = patient.checkin
    assert ignored_as(patient.send(core.Choose(question="safety_now", choice=again, revision=1))) is IgnoredReason.STALE
    assert patient.checkin == before


def test_yes_counts_on_a_screen_whose_none_was_given_up_as_too_old():
    patient = Patient()
    patient.choose("no", "none")
    patient.checkin = patient.checkin.model_copy(update={"answers": {"change": ("no",)}})
    assert only(patient.send(core.Choose(question="safety_now", choice="yes", revision=1)), core.RedFlag)
    assert (patient.state, patient.at) == (State.STOPPED, "which_now")


@pytest.mark.parametrize(("question", "choice"), [("safety_now", "none"), ("change", "yes")])
def test_other_late_taps_are_stale(question, choice):
    """A milder answer, and another question."""
    patient = Patient()
    patient.choose("no", "none")
    patient.back()
    late = core.Choose(question=question, choice=choice, revision=0)
    assert ignored_as(patient.send(late)) is IgnoredReason.STALE


def test_yes_on_a_screen_that_the_form_does_not_have_is_left_to_others():
    """A later protocol may ask it no more: as an answer it would be lost, and nothing would act."""
    patient = Patient()
    patient.choose("no", "none")
    form = patient.protocol.forms["quick"]
    left = form.model_copy(update={"steps": tuple(s for s in form.steps if s.ask != "safety_now")})
    patient.protocol = patient.protocol.model_copy(update={"forms": {**patient.protocol.forms, "quick": left}})
    late = core.Choose(question="safety_now", choice="yes", revision=1)
    assert ignored_as(patient.send(late)) is IgnoredReason.STALE
