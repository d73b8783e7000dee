"""The types of a protocol: what they take, what they refuse and say about it, and what follows from answers."""

from datetime import time, timedelta

import pytest
from pydantic import TypeAdapter, ValidationError

from bot.content.loader import load_protocol
from bot.core.protocol import (
    SKIP,
    Choice,
    Duration,
    Form,
    FormStep,
    Question,
    Rule,
    SignLine,
    SignList,
    Tier,
    TierName,
    any_holds,
    applicable,
    holds,
)

PROTOCOL = load_protocol()
CLOCKS = PROTOCOL.clocks

CLOCKS_OF_THE_CLINICAL_PAGE = {
    "cutoff": timedelta(hours=12),
    "reminders": (timedelta(hours=24), timedelta(hours=48)),
    "reminder_when_daily": timedelta(hours=6),
    "silent_after": timedelta(hours=72),
    "remind_again_soon": timedelta(hours=2),
    "invite_valid": timedelta(days=14),
    "change_for": timedelta(hours=24),
    "jitter": timedelta(minutes=10),
    "quiet_from": time(21),
    "quiet_to": time(9),
    "send_time": time(10),
}


@pytest.mark.parametrize("clock", CLOCKS_OF_THE_CLINICAL_PAGE)
def test_clock(clock):
    assert getattr(CLOCKS, clock) == CLOCKS_OF_THE_CLINICAL_PAGE[clock]


@pytest.mark.parametrize(
    ("tier", "after", "times"),
    [
        (Tier.EMERGENCY, timedelta(minutes=15), 3),
        (Tier.URGENT, timedelta(hours=1), 3),
        (Tier.SOON, timedelta(days=1), 2),
    ],
)
def test_safety_follow_up_clock(tier, after, times):
    assert (CLOCKS.safety_follow_up[tier].after, CLOCKS.safety_follow_up[tier].times) == (after, times)


@pytest.mark.parametrize(
    ("tier", "following", "everyone"),
    [
        (Tier.EMERGENCY, timedelta(minutes=15), timedelta(minutes=30)),
        (Tier.URGENT, timedelta(hours=1), timedelta(hours=4)),
        (Tier.SOON, timedelta(hours=24), timedelta(hours=48)),
    ],
)
def test_clock_for_the_team(tier, following, everyone):
    assert (CLOCKS.ack[tier].next, CLOCKS.ack[tier].everyone) == (following, everyone)


def test_every_clock_is_held_by_a_test():
    assert set(type(CLOCKS).model_fields) == {*CLOCKS_OF_THE_CLINICAL_PAGE, "safety_follow_up", "ack"}


def test_tips_rest_14_days():
    assert PROTOCOL.tip_rest == timedelta(days=14)


PLAN_DAYS = [
    ("standard", "early", 0, 91, {0, 2, 5, 7, 9, 12}),
    ("standard", "middle", 92, 182, {92, 99, 106}),
    ("standard", "late", 183, 365, {183, 197, 211}),
    ("combination", "early_daily", 7, 84, {7, 8, 9, 84}),
]


@pytest.mark.parametrize(("plan", "phase", "first", "last", "days"), PLAN_DAYS)
def test_phase_of_the_clinical_page(plan, phase, first, last, days):
    (found,) = [p for p in PROTOCOL.plans[plan].phases if p.name == phase]
    assert (found.first_day, found.last_day) == (first, last)
    due = {d for c in found.cadences for d in range(first + c.offset, last + 1, c.every)}
    upto = max(d for d in days if d != last)
    assert {d for d in due if d <= upto} == {d for d in days if d <= upto}


@pytest.mark.parametrize("plan", ["standard", "combination"])
def test_tail_asks_every_28_days_until_183_days_after_the_stop(plan):
    tail = PROTOCOL.plans[plan].tail
    assert ([c.every for c in tail.cadences], tail.days_after_stop) == ([28], 183)
    assert PROTOCOL.plans[plan].phases[-1].last_day == 365


# --- Words of the file ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("15 min", timedelta(minutes=15)),
        ("1 h", timedelta(hours=1)),
        ("1 day", timedelta(days=1)),
        ("14 days", timedelta(days=14)),
        (timedelta(hours=2), timedelta(hours=2)),
    ],
)
def test_a_length_of_time(written, meant):
    assert TypeAdapter(Duration).validate_python(written) == meant


@pytest.mark.parametrize("written", ["14", 14, "1.5 h", "soon", "15min", None])
def test_no_length_of_time(written):
    with pytest.raises(ValidationError, match="write it like '15 min'"):
        TypeAdapter(Duration).validate_python(written)


def test_a_tier_is_read_by_its_name():
    read = TypeAdapter(TierName).validate_python
    assert (read("URGENT"), read(Tier.SOON), read(3)) == (Tier.URGENT, Tier.SOON, Tier.EMERGENCY)
    with pytest.raises(ValidationError, match="'later' is not a tier: use one of ROUTINE, SOON, URGENT, EMERGENCY"):
        read("later")


def question(choices, **fields):
    return Question(id="q", choices=tuple(Choice(id=c) if isinstance(c, str) else c for c in choices), **fields)


NONE = Choice(id="none", exclusive=True)
OFF = Choice(id="na", off_scale=True)
SIGNS = SignList(tier="URGENT", named_in="which", lines=(SignLine(id="eyes", choices=("eyes",)),))


@pytest.mark.parametrize(
    ("choices", "fields", "reason"),
    [
        (["a", "a"], {}, "'a' is listed twice"),
        (["a", OFF], {}, "'off_scale' applies only to a scale"),
        (["a", OFF], {"scale": True}, "a scale needs at least two levels"),
        (["a", "b"], {"signs": SIGNS, "on_skip": "no_answer"}, "must be asked once more"),
        (["a", "b"], {"signs": SIGNS}, "must be asked once more"),
        (["a", SKIP], {}, "'skip' is reserved for a skipped question"),
        (["a"], {}, "at least two choices"),
        (["a", NONE], {}, "'exclusive' applies only to a question of kind 'several'"),
        (["a", NONE], {"kind": "several", "scale": True}, "a scale has one answer"),
        (["a", "b"], {"kind": "several"}, "needs an exclusive choice"),
    ],
)
def test_a_question_that_makes_no_sense(choices, fields, reason):
    with pytest.raises(ValidationError, match=reason):
        question(choices, **fields)


def test_choices_are_found_by_id():
    asked = question(["none", "mild", "strong"], scale=True)
    assert asked.choice("mild") == Choice(id="mild")
    assert asked.choice("awful") is None
    assert [asked.step_of(c) for c in ("none", "strong", "awful")] == [0, 2, None]


@pytest.mark.parametrize("clauses", [{}, {"if": {"a": ["b"]}, "count": {"question": "a", "at_least": 2}}])
def test_a_rule_is_decided_by_exactly_one_clause(clauses):
    with pytest.raises(ValidationError, match="exactly one of if, worse, composite, count, groups"):
        Rule(id="r", group="g", tier="SOON", **clauses)


@pytest.mark.parametrize(
    ("clause", "questions"),
    [
        ({"if": {"a": ["x"], "b": ["y"]}}, {"a", "b"}),
        ({"worse": {"question": "a", "than": "last"}}, {"a"}),
        ({"count": {"question": "a", "at_least": 2}}, {"a"}),
        ({"composite": {"severity": "a", "interference": "b", "at_least": 3}}, {"a", "b"}),
        ({"groups": {"tier": "SOON", "at_least": 2}}, set()),
    ],
)
def test_a_rule_says_which_questions_decide_it(clause, questions):
    assert Rule(id="r", group="g", tier="SOON", unless={"z": ["z"]}, **clause).questions == questions


# --- What follows from answers ----------------------------------------------------------------------------------------


def test_a_condition_holds_when_every_question_got_one_of_its_choices():
    condition = {"a": ("x", "y"), "b": ("z",)}
    assert holds(condition, {"a": ("w", "y"), "b": ("z",)})
    assert not holds(condition, {"a": ("x",)})
    assert not holds(condition, {"a": ("w",), "b": ("z",)})
    assert holds({}, {})


def test_one_of_several_conditions_is_enough_and_none_is_always_true():
    assert any_holds((), {})
    assert any_holds(({"a": ("x",)}, {"b": ("y",)}), {"b": ("y",)})
    assert not any_holds(({"a": ("x",)},), {})


def test_an_answer_to_a_step_that_does_not_apply_leads_nowhere():
    steps = (
        FormStep(ask="a"),
        FormStep(ask="b", when=({"a": ("yes",)},)),
        FormStep(ask="c", when=({"b": ("yes",)},)),
    )
    form = Form(id="f", steps=steps)
    answers = {"a": ("no",), "b": ("yes",), "c": ("yes",)}
    assert [s.ask for s in applicable(form, answers)] == ["a"]
    assert [s.ask for s in applicable(form, {**answers, "a": ("yes",)})] == ["a", "b", "c"]
    assert [s.ask for s in applicable(form, {})] == ["a"]
