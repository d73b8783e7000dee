"""What a form's answers need, for this patient: what is usual or known raises nothing, what is open is not raised twice."""

from datetime import UTC, datetime, timedelta

import pytest

from bot.content.loader import load_protocol
from bot.core import checkin as core
from bot.core.concern_values import Level, Rules
from bot.core.findings import find
from bot.core.happenings import Agree, Answered, Outcome, SetReference, TookBack
from bot.core.hearing import FormAnswers, Heard, Remembered, happenings
from bot.core.memory import Memory, apply
from bot.core.protocol import Tier
from bot.core.triage import History
from bot.core.weighing import weigh

PROTOCOL = load_protocol()
RULES = Rules(PROTOCOL.symptoms, PROTOCOL.remembering)
START = datetime(2026, 3, 2, 9, tzinfo=UTC)
DAY = timedelta(days=1)
CALM = {"change": "no", "safety_now": "none", "safety_new": "none", "numbness": "none"}
MEDIUM, STRONG = Level(Tier.SOON, 2), Level(Tier.URGENT, 3)
DIZZY, EYES = Level(Tier.SOON, 1), Level(Tier.URGENT, 1)


def happened(memory, day, *given):
    return apply(memory, given, RULES, START + day * DAY).memory


def there(symptom, level, day=0, *, named=False):
    return Answered(symptom=symptom, level=level, by="patient", day=(START + day * DAY).date(), is_named=named)


def spoke(*symptoms, day=0):
    return Outcome(kind="contact", symptoms=symptoms, shown_at=START + day * DAY)


def weighed(memory, day=1, form="quick", *, finished=True, about=(), opened=0.0, heard=None, **answers):
    given = {q: (c,) if isinstance(c, str) else tuple(c) for q, c in answers.items()}
    at = START + day * DAY
    remembered = Remembered(memory, heard or {}, at - opened * DAY, at, at.date(), "patient")
    return weigh(FormAnswers(form, given, about, finished), History(), remembered, PROTOCOL)


def test_without_a_memory_every_finding_counts_in_full():
    given = FormAnswers("quick", {"numbness": ("strong",)}, (), finished=True)
    found = weigh(given, History(), None, PROTOCOL)
    assert (found.tier, found.raised, found.quiet) == (Tier.URGENT, Tier.URGENT, ())


def test_what_is_new_is_raised():
    found = weighed(Memory(), **{**CALM, "numbness": "strong"})
    assert (found.tier, found.raised, found.concerns) == (Tier.URGENT, Tier.URGENT, ("sensory.severe",))


@pytest.mark.parametrize("level", [MEDIUM, STRONG])
def test_reference_and_agreed_level_raise_nothing(level):
    answer = "medium" if level is MEDIUM else "strong"
    for accepted in (
        SetReference(symptom="numbness", level=level),
        Agree(symptom="numbness", level=level, until=START + 9 * DAY),
    ):
        found = weighed(happened(Memory(), 0, accepted), **{**CALM, "numbness": answer})
        assert (found.tier, found.raised, found.concerns) == (Tier.ROUTINE, Tier.ROUTINE, ())
        assert set(found.quiet) & {"sensory.some", "sensory.severe"}


def test_above_the_reference_level_is_raised_at_its_own_tier():
    usual = happened(Memory(), 0, SetReference(symptom="numbness", level=MEDIUM))
    assert weighed(usual, **{**CALM, "numbness": "strong"}).raised is Tier.URGENT


def test_what_a_human_knows_and_is_no_worse_raises_nothing():
    known = happened(happened(Memory(), 0, there("numbness", STRONG)), 0.1, spoke("numbness", day=0.1))
    found = weighed(known, **{**CALM, "numbness": "strong"})
    assert (found.tier, found.raised) == (Tier.ROUTINE, Tier.ROUTINE)
    assert weighed(known, **{**CALM, "numbness": "very_strong"}).raised is Tier.URGENT


def test_what_is_open_and_unchanged_has_todays_words_and_is_not_raised_again():
    found = weighed(happened(Memory(), 0, there("numbness", STRONG)), **{**CALM, "numbness": "strong"})
    assert (found.tier, found.raised) == (Tier.URGENT, Tier.ROUTINE)


def test_weaker_today_keeps_the_words_of_what_it_was():
    found = weighed(happened(Memory(), 0, there("numbness", STRONG)), **{**CALM, "numbness": "mild"})
    assert (found.tier, found.open, found.raised) == (Tier.URGENT, Tier.URGENT, Tier.ROUTINE)


def test_an_emergency_is_raised_each_time():
    again = happened(Memory(), 0, there("breathing", Level(Tier.EMERGENCY, 1), named=True))
    found = weighed(again, about=("breathing",), **CALM, still_breathing="same")
    assert (found.tier, found.raised) == (Tier.EMERGENCY, Tier.EMERGENCY)


@pytest.mark.parametrize(
    ("now", "tier"), [("same", Tier.ROUTINE), ("worse", Tier.EMERGENCY), ("unsure", Tier.EMERGENCY)]
)
def test_a_usual_emergency_sign_is_raised_only_if_it_is_worse(now, tier):
    leak = Agree(symptom="bladder", level=Level(Tier.EMERGENCY, 1), until=START + 80 * DAY)
    found = weighed(happened(Memory(), 0, leak), about=("bladder",), **CALM, still_bladder=now)
    assert (found.tier, found.raised) == (tier, tier)
    assert weighed(happened(Memory(), 0, leak), **{**CALM, "safety_now": "yes", "which_now": "bladder"}).raised is (
        Tier.EMERGENCY
    ), '"worse than usual for you": yes'


@pytest.mark.parametrize(("now", "raised"), [("gone", Tier.ROUTINE), ("same", Tier.ROUTINE), ("worse", Tier.URGENT)])
def test_k28_sign_that_a_human_knows(now, raised):
    seen = happened(happened(Memory(), 0, there("eyes", EYES, named=True)), 0.1, spoke("eyes", day=0.1))
    assert weighed(seen, about=("eyes",), **CALM, still_eyes=now).raised is raised


def test_yes_counts_at_once_whatever_is_known():
    seen = happened(happened(Memory(), 0, there("eyes", EYES, named=True)), 0.1, spoke("eyes", day=0.1))
    found = weighed(seen, change="no", safety_now="none", safety_new="yes", finished=False)
    assert (found.tier, found.raised) == (Tier.URGENT, Tier.URGENT)


def test_two_ambers_meet_across_check_ins_at_the_tap():
    dizzy = happened(Memory(), 0, there("dizzy", DIZZY))
    found = weighed(dizzy, finished=False, **{**CALM, "numbness": "mild"})
    assert (found.tier, found.open, found.raised) == (Tier.URGENT, Tier.URGENT, Tier.URGENT)


def test_two_ambers_of_which_one_is_usual_do_not_meet():
    usual = happened(Memory(), 0, SetReference(symptom="dizzy", level=DIZZY))
    answers = {**CALM, "change": "yes", "autonomic": "dizzy", "numbness": "mild"}
    found = weighed(usual, **answers)
    assert (found.tier, found.raised) == (Tier.SOON, Tier.SOON)
    assert weighed(usual, **{**answers, "autonomic": ("dizzy", "bowel"), "numbness": "none"}).raised is Tier.SOON


def test_something_new_is_heard_with_what_is_known():
    usual = happened(Memory(), 0, SetReference(symptom="numbness", level=STRONG))
    found = weighed(usual, **{**CALM, "change": "yes", "autonomic": "none", "numbness": "strong"})
    assert (found.tier, found.raised, found.concerns) == (Tier.SOON, Tier.SOON, ("change.worse",))


def test_rule_about_one_sign_of_a_list_is_quiet_while_another_counts():
    usual = happened(Memory(), 0, SetReference(symptom="headache", level=DIZZY))
    found = weighed(usual, **{**CALM, "change": "yes", "autonomic": ("headache", "effort")})
    assert (found.raised, found.concerns) == (Tier.SOON, ("breath.on_effort",))


# --- Known before? ----------------------------------------------------------------------------------------------------

FIRST = {"safety_now": "none", "safety_new": "none"}


def test_what_may_still_be_known_waits_and_counts_once_the_form_is_left():
    asked = {**FIRST, "numbness": "strong"}
    assert weighed(Memory(), form="baseline", finished=False, **asked).tier is Tier.ROUTINE
    assert weighed(Memory(), form="baseline", **asked).raised is Tier.URGENT
    no = weighed(Memory(), form="baseline", finished=False, **asked, known_before="no")
    assert no.raised is Tier.URGENT
    yes = weighed(Memory(), form="baseline", **asked, known_before="yes_known")
    assert (yes.tier, yes.raised) == (Tier.ROUTINE, Tier.ROUTINE)


@pytest.mark.parametrize("item", ["arms", "head"])
def test_k8_law_14_very_hard_arms_and_head_wait_for_nothing(item):
    asked = {**FIRST, item: "much"}
    assert weighed(Memory(), form="baseline", finished=False, **asked).raised is Tier.URGENT
    assert weighed(Memory(), form="baseline", **asked, **{f"known_{item}": "yes_known"}).raised is Tier.URGENT


def test_known_before_counts_in_the_baseline_only():
    found = weighed(Memory(), **{**CALM, "numbness": "medium", "known_before": "yes_known"})
    assert found.raised is Tier.SOON


# --- One check-in -----------------------------------------------------------------------------------------------------


def test_what_this_check_in_found_is_new_until_it_ends():
    """So that the same answer after a claimed mistake shows the call screen again."""
    memory = happened(Memory(), 1, there("numbness", STRONG, 1))
    heard = {"numbness": Heard(level=STRONG, at=START + DAY)}
    found = weighed(memory, 1.01, opened=0.02, heard=heard, **{**CALM, "numbness": "strong"})
    assert found.raised is Tier.URGENT
    assert weighed(memory, 1.01, opened=0.001, heard=heard, **{**CALM, "numbness": "strong"}).raised is Tier.ROUTINE


def test_an_answer_that_was_heard_is_no_news_and_a_lower_one_is_taken_back():
    given = FormAnswers("quick", {q: (c,) for q, c in {**CALM, "numbness": "mild"}.items()}, (), finished=True)
    at = START + DAY
    remembered = Remembered(Memory(), {"numbness": Heard(level=STRONG, at=at)}, at, at, at.date(), "patient")
    found = find(given.answers, weigh(given, History(), None, PROTOCOL), PROTOCOL)
    about = [h for h in happenings(found, given, remembered, PROTOCOL) if h.symptom == "numbness"]
    assert [(type(h), h.level) for h in about] == [(TookBack, Level(Tier.SOON, 1))]
    same = remembered._replace(heard={"numbness": Heard(level=Level(Tier.SOON, 1), at=at)})
    assert not [h for h in happenings(found, given, same, PROTOCOL) if h.symptom == "numbness"]


def test_the_check_in_acts_on_what_is_new():
    known = happened(happened(Memory(), 0, there("numbness", STRONG)), 0.1, spoke("numbness", day=0.1))
    at = START + DAY
    remembered = Remembered(known, {}, at, at, at.date(), "patient")
    checkin = core.open_checkin("again", PROTOCOL, about=("numbness",))
    for question, choice in (("safety_now", "none"), ("safety_new", "none"), ("numbness", "strong")):
        tap = core.Choose(question=question, choice=choice, revision=checkin.revision)
        step = core.step(checkin, tap, PROTOCOL, History(), remembered)
        checkin = step.checkin
    assert (checkin.state, checkin.cursor) == (core.State.ASKING, "interference")
    worse = core.Choose(question="interference", choice="very_much", revision=checkin.revision)
    assert core.step(checkin, worse, PROTOCOL, History(), remembered).checkin.raised is Tier.ROUTINE
