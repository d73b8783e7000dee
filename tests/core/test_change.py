"""An answer of a finished check-in given again: what rises is raised, what falls takes nothing back, it stays done."""

from datetime import UTC, datetime

import pytest

from bot.content.loader import load_protocol
from bot.core import checkin as core
from bot.core.checkin import IgnoredReason, State
from bot.core.protocol import Tier
from bot.core.triage import History

PROTOCOL = load_protocol()
AT = datetime(2026, 3, 10, 9, tzinfo=UTC)
CALM = {"change": ("no",), "safety_now": ("none",), "safety_new": ("none",), "numbness": ("none",)}
SIGNS = {**CALM, "safety_new": ("yes",), "which_new": ("eyes",), "autonomic": ("none",)}


def done(answers=CALM, *, raised=Tier.ROUTINE, acted_on=None, state=State.DONE):
    return core.CheckIn(
        form="quick",
        state=state,
        revision=7,
        asked_revision=6,
        cursor=None,
        answers=answers,
        raised=raised,
        acted_on=raised if acted_on is None else acted_on,
    )


def change(checkin, question, *choices, history=None):
    received = core.Change(question=question, choices=choices)
    return core.step(checkin, received, PROTOCOL, history or History(previous=CALM, baseline=CALM))


def of(step, kind):
    return [event for event in step.events if isinstance(event, kind)]


def test_a_worse_answer_is_stored_judged_and_raised():
    step = change(done(), "numbness", "strong")
    assert step.events[0] == core.AnswerGiven(question="numbness", choices=("strong",))
    assert [e.assessment.tier for e in of(step, core.RedFlag)] == [Tier.URGENT]
    assert [e.assessment.tier for e in of(step, core.Changed)] == [Tier.URGENT]
    assert [type(event) for event in step.events] == [core.AnswerGiven, core.RedFlag, core.Changed]
    after = step.checkin
    assert (after.state, after.cursor, after.revision, after.asked_revision) == (State.DONE, None, 8, 6)
    assert (after.raised, after.acted_on) == (Tier.URGENT, Tier.URGENT)
    assert after.answers == {**CALM, "numbness": ("strong",)}


def test_soon_is_judged_with_all_that_was_answered_and_is_no_red_flag():
    step = change(done(), "numbness", "mild")
    (changed,) = of(step, core.Changed)
    assert changed.assessment.tier is Tier.SOON
    assert "sensory.some" in changed.assessment.rules
    assert not of(step, core.RedFlag)
    assert (step.checkin.raised, step.checkin.revision) == (Tier.ROUTINE, 8)


def test_single_answer_counts_too_as_nothing_more_is_asked():
    (changed,) = of(change(done(), "change", "yes"), core.Changed)
    assert changed.assessment.rules[0] == "change.worse"


def test_a_lower_answer_takes_nothing_back():
    step = change(done(SIGNS, raised=Tier.URGENT), "safety_new", "none")
    (changed,) = of(step, core.Changed)
    assert changed.assessment.tier is Tier.ROUTINE
    assert not of(step, core.RedFlag)
    assert step.checkin.raised is Tier.URGENT
    assert {e.question for e in of(step, core.AnswerRemoved)} == {"which_new", "autonomic"}
    assert step.checkin.answers == CALM


def test_up_again_after_it_was_lowered_is_raised_again():
    lowered = change(done(SIGNS, raised=Tier.URGENT), "safety_new", "none").checkin
    step = change(lowered, "safety_new", "yes")
    assert [e.assessment.tier for e in of(step, core.RedFlag)] == [Tier.URGENT]


def test_another_answer_next_to_a_red_flag_raises_it_once():
    step = change(done(SIGNS, raised=Tier.URGENT), "numbness", "mild")
    assert not of(step, core.RedFlag)
    assert of(step, core.Changed)


def test_emergency_next_to_an_urgent_sign_is_raised_and_stays():
    step = change(done(SIGNS, raised=Tier.URGENT), "safety_now", "yes")
    assert [e.assessment.tier for e in of(step, core.RedFlag)] == [Tier.EMERGENCY]
    assert step.checkin.raised is Tier.EMERGENCY
    lower = change(step.checkin.model_copy(update={"acted_on": Tier.ROUTINE}), "safety_now", "none")
    assert [e.assessment.tier for e in of(lower, core.RedFlag)] == [Tier.URGENT]
    assert (lower.checkin.raised, lower.checkin.acted_on) == (Tier.EMERGENCY, Tier.URGENT)


def test_after_a_claimed_mistake_the_same_tier_is_raised_again():
    step = change(done(SIGNS, raised=Tier.URGENT, acted_on=Tier.ROUTINE), "which_new", "face")
    assert [e.assessment.tier for e in of(step, core.RedFlag)] == [Tier.URGENT]


def test_a_doubled_tap_changes_nothing():
    checkin = done()
    step = change(checkin, "numbness", "none")
    assert (step.checkin, step.events) == (checkin, ())


@pytest.mark.parametrize(
    ("question", "choices", "reason"),
    [
        ("unknown", ("x",), IgnoredReason.STALE),
        ("which_new", ("eyes",), IgnoredReason.STALE),
        ("numbness", ("huge",), IgnoredReason.UNKNOWN_CHOICE),
        ("numbness", (), IgnoredReason.UNKNOWN_CHOICE),
        ("numbness", ("mild", "strong"), IgnoredReason.UNKNOWN_CHOICE),
    ],
)
def test_what_can_not_be_changed_is_ignored(question, choices, reason):
    checkin = done()
    step = change(checkin, question, *choices)
    assert step.checkin == checkin
    assert step.events == (core.Ignored(reason=reason, input="Change", state=State.DONE),)


@pytest.mark.parametrize(
    ("choices", "possible"),
    [(("eyes", "face"), True), (("eyes", "not_sure"), False), (("eyes", "eyes"), False), (("not_sure",), True)],
)
def test_several_choices_stand_together_unless_one_is_exclusive(choices, possible):
    step = change(done(SIGNS, raised=Tier.URGENT), "which_new", *choices)
    assert bool(of(step, core.Changed)) is possible


@pytest.mark.parametrize("state", [s for s in State if s is not State.DONE])
def test_only_a_finished_check_in_can_be_changed(state):
    checkin = done(state=state)
    step = change(checkin, "numbness", "strong")
    assert step.checkin == checkin
    assert of(step, core.Ignored)


def test_finding_already_raised_is_not_raised_by_another_answer():
    weak = {"safety_now": ("none",), "safety_new": ("none",), "stairs": ("much",), "numbness": ("none",)}
    checkin = done(weak, raised=Tier.URGENT).model_copy(update={"form": "baseline"})
    able = {**weak, "stairs": ("none",)}
    step = change(checkin, "numbness", "mild", history=History(previous=able, baseline=able))
    assert [e.assessment.tier for e in of(step, core.Changed)] == [Tier.URGENT]
    assert not of(step, core.RedFlag), "it was ended before 'known or new' was asked: URGENT already"
