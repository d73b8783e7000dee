"""What a form's answers contribute to the memory: each once, what is lower or gone takes it back."""

from datetime import UTC, date, datetime, timedelta

import pytest

from bot.content.loader import load_protocol
from bot.core.concern_values import NONE, Level
from bot.core.findings import NOT_NAMED, Finding
from bot.core.happenings import Answered, KnownBefore, Named, NotKnown, TookBack
from bot.core.hearing import BASELINE, FormAnswers, Heard, Remembered, happenings, is_news, may_be_known, that_counts
from bot.core.memory import Memory
from bot.core.protocol import SKIP, Form, FormStep, Tier
from bot.core.triage import History, assess

PROTOCOL = load_protocol()
AT = datetime(2026, 3, 2, 9, tzinfo=UTC)
EARLIER = AT - timedelta(minutes=5)
TODAY = date(2026, 3, 2)
MILD, STRONG = Level(Tier.SOON, 1), Level(Tier.URGENT, 3)
THERE, GRAVE = Level(Tier.URGENT, 1), Level(Tier.EMERGENCY, 1)


def said(*found, form="quick", by="patient", is_helper=False, heard=None, answers=None):
    given = FormAnswers(form, {q: (c,) for q, c in (answers or {}).items()}, (), finished=False)
    remembered = Remembered(Memory(), heard or {}, EARLIER, AT, TODAY, by, is_helper)
    return list(happenings(found, given, remembered, PROTOCOL))


def answered(symptom, level, **more):
    return Answered(symptom=symptom, level=level, day=TODAY, **{"by": "patient"} | more)


def took_back(symptom, level=NONE, by="patient"):
    return TookBack(symptom=symptom, level=level, by=by, given_at=EARLIER, day=TODAY)


# -- what is new


def test_answer_that_was_not_heard_is_said_by_who_gives_it():
    numb, eyes = Finding(symptom="numbness", level=MILD), Finding(symptom="eyes", level=THERE, is_named=True)
    assert said(numb, eyes, by="helper") == [
        answered("numbness", MILD, by="helper"),
        answered("eyes", THERE, by="helper", is_named=True),
    ]


@pytest.mark.parametrize(
    ("heard", "found", "new"),
    [
        (None, Finding(symptom="numbness", level=MILD), True),
        (Heard(level=MILD, at=EARLIER), Finding(symptom="numbness", level=MILD), False),
        (Heard(level=MILD, at=EARLIER), Finding(symptom="numbness", level=STRONG), True),
        (Heard(level=STRONG, at=EARLIER), Finding(symptom="numbness", level=MILD), True),
        (Heard(level=MILD, at=EARLIER), Finding(symptom="numbness", level=MILD, was_known=True), True),
        (Heard(level=MILD, at=EARLIER, was_known=True), Finding(symptom="numbness", level=MILD), True),
        (Heard(level=MILD, at=EARLIER, was_known=True), Finding(symptom="numbness", level=MILD, was_known=True), False),
    ],
)
def test_answer_counts_once(heard, found, new):
    before = {} if heard is None else {"numbness": heard}
    assert is_news(found, before) is new
    assert bool(said(found, heard=before)) is new


def test_what_follows_an_answer_that_was_heard_counts():
    heard = {"numbness": Heard(level=MILD, at=EARLIER)}
    unchanged, eyes = Finding(symptom="numbness", level=MILD), Finding(symptom="eyes", level=THERE)
    assert said(unchanged, eyes, heard=heard) == [answered("eyes", THERE)]


def test_higher_answer_is_one_more_and_a_lower_one_takes_back():
    heard = {"numbness": Heard(level=MILD, at=EARLIER), "eyes": Heard(level=THERE, at=EARLIER)}
    lower = Finding(symptom="eyes", level=MILD)
    unheard = Finding(symptom="dizzy", level=MILD)
    assert said(Finding(symptom="numbness", level=STRONG), lower, unheard, heard=heard) == [
        answered("numbness", STRONG).model_copy(update={"replaces": EARLIER}),
        took_back("eyes", MILD),
        answered("dizzy", MILD),
    ]


@pytest.mark.parametrize("is_helper", [True, False])
def test_known_before_counts_at_the_baseline_alone(is_helper):
    found = Finding(symptom="numbness", level=MILD, was_known=True)
    assert said(found) == [answered("numbness", MILD)]
    assert said(found, form=BASELINE, is_helper=is_helper) == [
        KnownBefore(symptom="numbness", level=MILD, is_helper=is_helper),
        answered("numbness", MILD),
    ]


def test_no_longer_known_before_is_said_first():
    heard = {"numbness": Heard(level=MILD, at=EARLIER, was_known=True)}
    found = Finding(symptom="numbness", level=MILD)
    assert said(found, form=BASELINE, heard=heard) == [
        NotKnown(symptom="numbness"),
        answered("numbness", MILD).model_copy(update={"replaces": EARLIER}),
    ]
    still = Finding(symptom="numbness", level=STRONG, was_known=True)
    assert said(still, form=BASELINE, heard=heard) == [
        KnownBefore(symptom="numbness", level=STRONG, is_helper=False),
        answered("numbness", STRONG).model_copy(update={"replaces": EARLIER}),
    ]


def test_sign_that_is_named_replaces_what_was_not():
    eyes = Finding(symptom="eyes", level=THERE, is_named=True)
    heard = {NOT_NAMED: Heard(level=THERE, at=EARLIER)}
    made = {"level": THERE, "by": "patient", "day": TODAY, "instead_of": NOT_NAMED, "yes_at": EARLIER}
    named = Named(symptom="eyes", **made)
    assert said(eyes, heard=heard) == [named]
    assert said(Finding(symptom="numbness", level=MILD), heard=heard) == [answered("numbness", MILD)]


def test_sign_that_is_added_to_those_named_before_is_found_on_its_own():
    """Found by a random life: somebody had spoken with the patient before it was added, and it counted as known."""
    heard = {NOT_NAMED: Heard(level=THERE, at=EARLIER), "eyes": Heard(level=THERE, at=EARLIER)}
    added = Finding(symptom="face", level=THERE, is_named=True)
    assert said(Finding(symptom="eyes", level=THERE, is_named=True), added, heard=heard) == [
        answered("face", THERE, is_named=True)
    ]
    taken_back = {**heard, "eyes": Heard(level=NONE, at=EARLIER)}
    assert isinstance(said(added, heard=taken_back)[0], Named), "it is the only one"
    of_other = {**heard, "eyes": Heard(level=NONE, at=EARLIER), "breathing": Heard(level=GRAVE, at=EARLIER)}
    assert isinstance(said(added, heard=of_other)[0], Named), "a sign of the other safety screen"


# -- "none" on a safety screen


@pytest.mark.parametrize(
    ("symptom", "answers", "takes_back"),
    [
        ("eyes", {"safety_new": "none"}, True),
        ("eyes", {"safety_now": "none"}, False),
        ("eyes", {"safety_new": "yes"}, False),
        ("eyes", {"safety_new": SKIP}, False),
        ("eyes", {}, False),
        ("heart", {"safety_now": "none"}, True),
        ("heart", {"safety_new": "none"}, False),
        (NOT_NAMED, {"safety_now": "none", "safety_new": "none"}, True),
        (NOT_NAMED, {"safety_now": "none"}, False),
        (NOT_NAMED, {"safety_now": "none", "safety_new": "yes"}, False),
        ("numbness", {"safety_now": "none", "safety_new": "none"}, False),
        ("of_another_protocol", {"safety_now": "none", "safety_new": "none"}, False),
    ],
)
def test_none_on_its_screen_takes_a_sign_back(symptom, answers, takes_back):
    heard = {symptom: Heard(level=THERE, at=EARLIER)}
    assert said(heard=heard, answers=answers, by="helper") == ([took_back(symptom, by="helper")] if takes_back else [])


def test_sign_that_is_found_or_was_none_is_not_taken_back():
    none = {"safety_new": "none"}
    found = Finding(symptom="eyes", level=THERE)
    assert said(found, heard={"eyes": Heard(level=THERE, at=EARLIER)}, answers=none) == []
    assert said(heard={"eyes": Heard(level=NONE, at=EARLIER)}, answers=none) == []
    assert said(heard={"eyes": Heard(level=MILD, at=EARLIER)}, answers=none) == [took_back("eyes")]


# -- what counts before the end


def baseline(finished=False, form=BASELINE, about=(), **answers):
    return FormAnswers(form, {q: (c,) for q, c in answers.items()}, about, finished)


@pytest.mark.parametrize(
    ("symptom", "level", "given", "may_be"),
    [
        ("numbness", MILD, baseline(numbness="mild"), True),
        ("numbness", MILD, baseline(numbness="mild", finished=True), False),
        ("numbness", MILD, baseline(numbness="mild", known_before="no"), False),
        ("numbness", MILD, baseline(numbness="none"), False),
        ("numbness", MILD, baseline(numbness="mild", form="quick"), False),
        ("numbness", MILD, baseline(numbness="mild", form="gone"), False),
        ("numbness", GRAVE, baseline(numbness="mild"), False),
        ("eyes", THERE, baseline(numbness="mild"), False),
        ("of_another_protocol", THERE, baseline(numbness="mild"), False),
        ("arms", Level(Tier.URGENT, 1), baseline(arms="some"), True),
        ("arms", Level(Tier.URGENT, 2), baseline(arms="much"), False),
        ("arms", Level(Tier.URGENT, 3), baseline(arms="much"), False),
    ],
)
def test_may_still_be_known_until_it_is_asked_unless_staff_alone_can_accept_it(symptom, level, given, may_be):
    assert may_be_known(Finding(symptom=symptom, level=level), given, PROTOCOL) is may_be


@pytest.mark.parametrize(("about", "may_be"), [(("numbness",), True), (("eyes",), False), ((), False)])
def test_may_be_known_where_only_a_symptom_asked_about_again_leads_to_the_question(about, may_be):
    step = FormStep(ask="known_before", about=("numbness",))
    protocol = PROTOCOL.model_copy(update={"forms": {"again": Form(id="again", steps=(step,))}})
    given = baseline(numbness="mild", form="again", about=about)
    assert may_be_known(Finding(symptom="numbness", level=MILD), given, protocol) is may_be


def counting(given, *, is_closed=False):
    found = assess(given.answers, History(), PROTOCOL, form=given.form, finished=given.finished)
    return [finding.symptom for finding in that_counts(given, found, PROTOCOL, is_closed=is_closed)]


def test_before_the_end_what_needs_a_human_counts_unless_it_may_be_known():
    given = baseline(numbness="medium", stairs="none", autonomic="dizzy")
    assert counting(given) == ["dizzy"]
    assert {"numbness", "dizzy", "stairs"} <= set(counting(given, is_closed=True))
    assert "numbness" in counting(baseline(numbness="medium", known_before="yes_known"))
