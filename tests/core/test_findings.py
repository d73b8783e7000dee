"""What a form's answers say about each symptom."""

import pytest

from bot.content.loader import load_protocol
from bot.core.findings import NOT_NAMED, find, safety_screens
from bot.core.protocol import Tier
from bot.core.triage import History, assess

PROTOCOL = load_protocol()
CALM = {"safety_now": ("none",), "safety_new": ("none",)}


def found(form="full", protocol=PROTOCOL, **answers):
    given = {question: (c,) if isinstance(c, str) else tuple(c) for question, c in answers.items()}
    assessment = assess(given, History(), protocol, form=form, finished=True)
    return {f.symptom: f for f in find(given, assessment, protocol)}


def there(form="full", **answers):
    return {f.symptom: (f.level.tier.name, f.level.step) for f in found(form, **answers).values() if f.level.tier}


def test_safety_screens_are_the_two_lists_of_signs():
    assert safety_screens(PROTOCOL) == ("safety_now", "safety_new")


def test_yes_is_a_sign_not_named_until_it_is():
    assert there(safety_now="yes") == {NOT_NAMED: ("EMERGENCY", 1)}
    assert there(safety_now="none", safety_new="not_sure") == {NOT_NAMED: ("URGENT", 1)}
    assert there(safety_now="yes", which_now="not_sure") == {NOT_NAMED: ("EMERGENCY", 1)}
    named = found(safety_now="yes", which_now=["breathing", "heart"])
    assert {s for s, f in named.items() if f.level.tier} == {"breathing", "heart"}
    assert named["breathing"].is_named


def test_naming_a_sign_of_one_screen_names_none_of_the_other():
    assert there(safety_now="not_sure", safety_new="yes", which_new="eyes") == {
        NOT_NAMED: ("EMERGENCY", 1),
        "eyes": ("URGENT", 1),
    }


def test_not_sure_about_a_list_says_of_nothing_that_it_is_gone():
    assert "dizzy" not in found(autonomic="not_sure")


def test_naming_list_says_nothing_about_other_signs():
    assert "swallow" not in found(safety_now="yes", which_now="breathing")


@pytest.mark.parametrize("given", ["skip", "na"])
def test_skip_and_does_not_apply_are_no_answer(given):
    assert "stairs" not in found(**CALM, stairs=given)


def test_scale_has_the_tier_and_step_of_its_answer():
    assert there(**CALM, stairs="much", numbness="mild", interference="not_at_all") == {
        "stairs": ("URGENT", 2),
        "numbness": ("SOON", 1),
    }
    assert found(**CALM, stairs="none")["stairs"].level == (Tier.ROUTINE, 0)


def test_interference_and_self_care_raise_the_level():
    assert there(**CALM, numbness="medium", interference="very_much", selfcare="no") == {"numbness": ("URGENT", 2)}
    assert there(**CALM, numbness="mild", interference="quite_a_bit", selfcare="yes") == {"numbness": ("URGENT", 1)}


def test_list_of_signs_answers_each_of_them():
    answers = found(**CALM, autonomic=["dizzy", "headache"])
    assert {s: f.level.tier.name for s, f in answers.items() if s in {"dizzy", "bowel", "full", "headache"}} == {
        "dizzy": "SOON",
        "bowel": "ROUTINE",
        "full": "ROUTINE",
        "headache": "SOON",
    }


def test_something_new_is_found_if_nothing_else_is():
    assert there("quick", change="yes", **CALM, autonomic="none", numbness="none") == {"other": ("SOON", 1)}


def test_both_screens_none_and_nothing_new_answer_what_has_no_question():
    calm = found("quick", change="no", **CALM, numbness="none")
    assert {"help", "other", "unanswered", NOT_NAMED} <= set(calm)
    assert calm["help"].level.tier is Tier.ROUTINE
    assert "help" not in found("quick", change="yes", **CALM, autonomic="none", numbness="none")
    assert "help" not in found("quick", change="no", safety_now="none", safety_new="skip", numbness="none")


def test_safety_screen_left_open_is_unanswered():
    assert there("quick", change="no", safety_now="skip", safety_new="none", numbness="none") == {
        "unanswered": ("SOON", 1)
    }


def test_what_no_symptom_claims_is_found_all_the_same():
    bare = PROTOCOL.model_copy(update={"symptoms": {}})
    shown = found(protocol=bare, safety_now="yes", which_now="heart", autonomic=["dizzy", "bowel"])
    assert {s: f.level.tier.name for s, f in shown.items()} == {
        "emergency": "EMERGENCY",
        "heart": "EMERGENCY",
        "autonomic": "SOON",
    }
    assert there(never_asked="x") == {"unassessable": ("URGENT", 1)}


def test_known_before_is_marked():
    answers = found("baseline", **CALM, numbness="mild", known_before="yes_known", interference="not_at_all")
    assert answers["numbness"].was_known
    assert not found("baseline", **CALM, numbness="mild", known_before="no")["numbness"].was_known
