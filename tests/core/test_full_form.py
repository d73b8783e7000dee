"""The long form by function: each sign to its tier, old trouble that is known no alarm, eleven taps when nothing is wrong."""

import pytest

from bot.content.loader import load_protocol
from bot.core.protocol import SKIP, Tier, applicable
from bot.core.triage import History, assess

PROTOCOL = load_protocol()
SCALES = ("stairs", "chair", "buttons", "arms", "head", "floor")
ABLE = dict.fromkeys(SCALES, ("none",))
WELL = {
    "safety_now": ("none",),
    "safety_new": ("none",),
    **ABLE,
    "falls": ("no",),
    "numbness": ("none",),
    "autonomic": ("none",),
}


def full(answers, previous=WELL, baseline=WELL, *, form="full", finished=True):
    return assess(
        {**WELL, **answers}, History(previous=previous, baseline=baseline), PROTOCOL, form=form, finished=finished
    )


def first(answers, *, finished=True):
    """At enrolment: nothing to compare with."""
    return assess({**WELL, **answers}, History(), PROTOCOL, form="baseline", finished=finished)


@pytest.mark.parametrize("form", ["full", "baseline"])
def test_eleven_taps_when_nothing_is_wrong(form):
    assert len(applicable(PROTOCOL.forms[form], WELL)) == 11
    found = assess(WELL, History(), PROTOCOL, form=form, finished=True)
    assert (found.tier, found.complete) == (Tier.ROUTINE, True)


def test_the_quick_form_takes_four_taps_and_the_daily_one_asks_what_was_found():
    assert len(applicable(PROTOCOL.forms["quick"], {**WELL, "change": ("no",)})) == 4
    asked = [step.ask for step in applicable(PROTOCOL.forms["again"], WELL, ("numbness", "eyes", "stairs"))]
    assert asked == ["safety_now", "safety_new", "still_eyes", "stairs", "numbness"]
    assert applicable(PROTOCOL.forms["again"], WELL, ("help",))[0].ask == "change", "anything new?"


# The table of `clinical.md`, row "strength", a second time: item, step, its tier when it is new.
NEW_TROUBLE = [
    *((item, "some", Tier.SOON) for item in ("stairs", "chair", "buttons")),
    *((item, "some", Tier.URGENT) for item in ("arms", "head", "floor")),
    *((item, "much", Tier.URGENT) for item in SCALES),
    *((item, "cannot", Tier.URGENT) for item in ("stairs", "buttons", "floor")),
    *((item, "cannot", Tier.EMERGENCY) for item in ("chair", "arms", "head")),
]


@pytest.mark.parametrize(("question", "trouble", "tier"), NEW_TROUBLE)
def test_new_trouble_by_function_has_its_tier(question, trouble, tier):
    assert full({question: (trouble,)}).tier is tier


@pytest.mark.parametrize("question", ["chair", "arms", "head"])
@pytest.mark.parametrize("known", ["yes_known", "no"])
def test_what_may_stop_the_breath_is_an_emergency_whatever_was_before(question, known):
    before = {**WELL, question: ("cannot",)}
    assert full({question: ("cannot",)}, before, before).tier is Tier.EMERGENCY
    assert first({question: ("cannot",)}, finished=False).tier is Tier.EMERGENCY
    assert first({question: ("cannot",), f"known_{question}": (known,)}).tier is Tier.EMERGENCY


@pytest.mark.parametrize("question", [*SCALES, "falls"])
def test_a_skipped_item_is_no_answer_and_no_alarm(question):
    found = full({question: (SKIP,)})
    assert (found.tier, found.complete) == (Tier.ROUTINE, False)


@pytest.mark.parametrize("question", SCALES)
def test_does_not_apply_is_an_answer_and_no_alarm(question):
    found = full({question: ("na",)})
    assert (found.tier, found.complete) == (Tier.ROUTINE, True)
    assert PROTOCOL.questions[question].step_of("na") is None


@pytest.mark.parametrize("question", SCALES)
def test_trouble_with_what_did_not_apply_before_is_new(question):
    before = {**WELL, question: ("na",)}
    assert full({question: ("much",)}, before, before).tier is Tier.URGENT


def test_two_function_items_are_one_body_system():
    assert full({"stairs": ("some",), "chair": ("some",), "buttons": ("some",)}).tier is Tier.SOON


@pytest.mark.parametrize("item", ["arms", "head"])
def test_arms_and_head_very_hard_are_urgent_whatever_is_known(item):
    before = {**WELL, item: ("much",)}
    assert full({item: ("much",)}, before, before).tier is Tier.URGENT
    assert first({item: ("much",), f"known_{item}": ("yes_known",)}).tier is Tier.URGENT
    assert first({item: ("some",), f"known_{item}": ("yes_known",)}).tier is Tier.ROUTINE


@pytest.mark.parametrize("item", ["stairs", "chair", "buttons"])
@pytest.mark.parametrize("trouble", ["some", "much"])
def test_each_item_known_for_itself_is_no_alarm_at_enrolment(item, trouble):
    assert first({item: (trouble,), f"known_{item}": ("yes_known",)}).tier is Tier.ROUTINE
    other = "stairs" if item != "stairs" else "buttons"
    assert first({item: (trouble,), f"known_{item}": ("no",), f"known_{other}": ("yes_known",)}).tier >= Tier.SOON


@pytest.mark.parametrize("answer", ["yes", "not_sure"])
def test_a_fall_is_urgent(answer):
    assert full({"falls": (answer,)}).tier is Tier.URGENT


GROUPS = [
    *((item, "much", f"known_{item}") for item in ("stairs", "chair", "buttons")),
    *((item, "some", f"known_{item}") for item in ("arms", "head")),
    *(("floor", "much", "known_walking"), ("falls", "yes", "known_walking")),
]


@pytest.mark.parametrize(("question", "answer", "known"), GROUPS)
def test_at_enrolment_trouble_waits_for_whether_it_is_old(question, answer, known):
    assert first({question: (answer,)}, finished=False).tier is Tier.ROUTINE
    assert first({question: (answer,), known: ("yes_known",)}).tier is Tier.ROUTINE
    for word in ("yes_not_told", "no", "not_sure", SKIP):
        assert first({question: (answer,), known: (word,)}).tier is Tier.URGENT


@pytest.mark.parametrize(("question", "answer", "known"), GROUPS)
def test_who_stops_before_saying_whether_it_is_old_is_an_alert(question, answer, known):
    assert first({question: (answer,)}, finished=True).tier is Tier.URGENT


def test_trouble_in_one_group_asks_only_that_groups_questions():
    asked = {s.ask for s in applicable(PROTOCOL.forms["full"], {**WELL, "numbness": ("mild",)})}
    assert asked - set(WELL) == {"interference", "pain", "sleep"}
    asked = {s.ask for s in applicable(PROTOCOL.forms["baseline"], {**WELL, "arms": ("some",)})}
    assert asked - set(WELL) == {"known_arms"}


@pytest.mark.parametrize("plan", ["standard", "combination"])
def test_long_form_is_asked_in_every_phase(plan):
    template = PROTOCOL.plans[plan]
    assert all(phase.cadences[0].form == "full" for phase in template.phases)
    assert [(c.form, c.every) for c in template.tail.cadences] == [("full", 28)]


def test_the_long_form_comes_weekly_then_fortnightly_then_monthly():
    found = [
        (p.name, p.cadences[0].every, [c.every for c in p.cadences[1:]]) for p in PROTOCOL.plans["standard"].phases
    ]
    assert found == [("early", 7, [7, 7]), ("middle", 14, [7]), ("late", 28, [14])]
