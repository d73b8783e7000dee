"""The cases K8, K12, K22, K23, K27 and K40 of the clinical examination that a single form decides, each by its number."""

import re

import pytest

from bot.content.loader import load_protocol
from bot.content.texts import Texts, sign_keys
from bot.core import checkin as core
from bot.core.protocol import SKIP, Answers, Tier
from bot.core.triage import Assessment, History, assess

PROTOCOL = load_protocol()
TEXTS = Texts.load(["en", "es", "ru"])
ITEMS = ("stairs", "chair", "buttons", "arms", "head", "floor")
WELL = {
    "safety_now": ("none",),
    "safety_new": ("none",),
    "falls": ("no",),
    "numbness": ("none",),
    "autonomic": ("none",),
    **dict.fromkeys(ITEMS, ("none",)),
}


def first(answers: Answers) -> Assessment:
    return assess({**WELL, **answers}, History(), PROTOCOL, form="baseline", finished=True)


def later(answers: Answers, before: Answers, form: str = "full") -> Assessment:
    history = History(previous={**WELL, **before}, baseline={**WELL, **before})
    return assess({**WELL, **answers}, history, PROTOCOL, form=form, finished=True)


def test_k8_an_old_knee_doesnt_hide_arms_and_head():
    knee = {"stairs": ("some",), "known_stairs": ("yes_known",)}
    assert first(knee).tier is Tier.ROUTINE
    assert later({"stairs": ("some",), "arms": ("much",), "head": ("much",)}, knee).tier is Tier.URGENT
    assert first({**knee, "arms": ("some",), "known_arms": ("no",)}).tier is Tier.URGENT
    known = {"known_arms": ("yes_known",), "known_head": ("yes_known",)}
    assert first({**knee, **known, "arms": ("much",), "head": ("much",)}).tier is Tier.URGENT


@pytest.mark.parametrize(
    ("language", "faint", "any_time"),
    [
        ("en", "faint", "now or at any time since your last check-in"),
        ("es", "desmayo", "ahora o en algún momento desde sus últimas respuestas"),
        ("ru", "обморок", "сейчас или было хоть раз с прошлого опроса"),
    ],
)
@pytest.mark.parametrize("form", ["quick", "full", "again"])
def test_k12_a_faint_yesterday_is_asked_about(language, faint, any_time, form):
    (step,) = (s for s in PROTOCOL.forms[form].steps if s.ask == "safety_now")
    assert any_time in TEXTS.get(language, step.text)
    lines = [TEXTS.get(language, key) for key in sign_keys(PROTOCOL.questions["safety_now"])]
    assert any(faint in line for line in lines[:-1]), "on a line of its own system, not only in the fold"
    assert later({"safety_now": ("yes",)}, {}, form).tier is Tier.EMERGENCY


@pytest.mark.parametrize("known", ["yes_known", "no", SKIP])
def test_k22_getting_up_from_a_chair_is_its_own_item(known):
    for form in ("full", "baseline"):
        assert {"stairs", "chair"} <= {step.ask for step in PROTOCOL.forms[form].steps}
    assert first({"chair": ("cannot",), "known_chair": (known,)}).tier is Tier.EMERGENCY
    assert first({"stairs": ("cannot",), "known_stairs": ("no",)}).tier is Tier.URGENT
    assert later({"chair": ("cannot",)}, {"chair": ("cannot",)}).tier is Tier.EMERGENCY


@pytest.mark.parametrize("item", ITEMS)
@pytest.mark.parametrize("answer", ["na", SKIP])
def test_k23_no_stairs_at_home_is_no_alarm(item, answer):
    assert later({item: (answer,)}, {item: (answer,)}).tier is Tier.ROUTINE


SIGNS = [
    (q.id, q.signs.named_in, c.id)
    for q in PROTOCOL.questions.values()
    if q.signs is not None
    for c in PROTOCOL.questions[q.signs.named_in].choices
    if not c.exclusive
]


@pytest.mark.parametrize(("screen", "which", "sign"), SIGNS)
def test_k27_one_sign_tapped_is_one_group(screen, which, sign):
    found = later({screen: ("yes",), which: (sign,)}, {}, "quick")
    assert found.tier is PROTOCOL.questions[screen].signs.tier
    assert "two_groups" not in found.rules


@pytest.mark.parametrize("answer", ["yes", "not_sure"])
@pytest.mark.parametrize("screen", ["safety_now", "safety_new"])
def test_k27_a_sign_that_is_not_named_is_one_group(screen, answer):
    which = PROTOCOL.questions[screen].signs.named_in
    for named in ("not_sure", SKIP):
        given = {screen: (answer,), which: (named,)}
        assert "two_groups" not in later(given, {}, "quick").rules
        assert "two_groups" not in later({**given, "autonomic": ("dizzy",)}, {}, "quick").rules


def test_k27_two_signs_of_two_systems_are_still_two():
    assert "two_groups" in later({"safety_now": ("yes",), "which_now": ("heart", "breathing")}, {}, "quick").rules


TIRED = {"en": r"tired|fatigue|evening", "es": r"cansa|fatiga|tarde|noche", "ru": r"устал|устаё|утом|вечер"}


@pytest.mark.parametrize("language", TIRED)
def test_k40_tired_in_the_evening_is_on_no_list(language):
    keys = [key for q in PROTOCOL.questions.values() for key in sign_keys(q)]
    keys += [
        f"choice.{q}.{c.id}" for q in ("which_now", "which_new", "autonomic") for c in PROTOCOL.questions[q].choices
    ]
    for key in keys:
        for text in TEXTS.forms(language, key):
            assert not re.search(TIRED[language], text, re.IGNORECASE), key


def test_k40_something_new_with_nothing_found_is_no_sign_of_fatigability():
    checkin = core.open_checkin("quick", PROTOCOL, {"change": ("yes",)})
    for choice in ("none", "none"):
        tap = core.Choose(question=checkin.cursor, choice=choice, revision=checkin.revision)
        checkin = core.step(checkin, tap, PROTOCOL, History()).checkin
    assert checkin.raised is Tier.ROUTINE
    assert not any("fading" in rule for rule in later(checkin.answers, {}, "quick").concerns)
