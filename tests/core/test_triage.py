"""Each red-flag group, each row of the tier table, each rule of triage and each cell of the composite table, by name.

The table of tiers is written out here a second time on purpose: a change of the protocol file has to be made twice.
"""

import re
from itertools import product
from pathlib import Path

import pytest
from hypothesis import strategies as st

from bot.content.loader import load_protocol
from bot.core.protocol import SKIP, UNANSWERED, Answers, Composite, Groups, Rule, Tier, applicable
from bot.core.triage import UNASSESSABLE, Assessment, History, Reason, assess
from tests.core.drawn import drawn

PROTOCOL = load_protocol()
NOTHING = History(previous={"numbness": ("none",)}, baseline={"numbness": ("none",)})
CALM = {"change": ("no",), "safety_now": ("none",), "safety_new": ("none",), "numbness": ("none",)}
ASKED_MORE = {**CALM, "change": ("yes",), "autonomic": ("none",)}
NUMBNESS = ["none", "mild", "medium", "strong", "very_strong"]
INTERFERENCE = ["not_at_all", "a_little", "somewhat", "quite_a_bit", "very_much"]


def quick(answers: Answers, history: History = NOTHING, *, finished: bool = True) -> Assessment:
    return assess(answers, history, PROTOCOL, form="quick", finished=finished)


def full_check(answers: Answers) -> Assessment:
    return assess({**CALM, **answers}, NOTHING, PROTOCOL, form="full", finished=True)


def same(answers: Answers) -> History:
    """A history in which these were the answers last time and at enrolment."""
    return History(previous=answers, baseline=answers)


def test_nothing_new_is_routine_and_complete():
    found = quick(CALM)
    assert (found.tier, found.complete, found.concerns) == (Tier.ROUTINE, True, ())
    assert found.rules == ("change.no", "now.none", "new.none", "sensory.none")


def test_rule_9_the_result_names_protocol_version_hash_and_rules():
    found = quick(CALM)
    assert (found.protocol_name, found.protocol_version) == (PROTOCOL.name, PROTOCOL.version)
    assert found.protocol_hash == PROTOCOL.content_hash
    assert re.fullmatch(r"[0-9a-f]{64}", found.protocol_hash)


# --- The tier table, row by row ---------------------------------------------------------------------------------------

EMERGENCY_ROWS = {
    "breathing": "breathing",
    "bulbar": "swallow",
    "legs/arms": "limbs",
    "mind": "mind",
    "head": "head",
    "bladder/bowel": "bladder",
    "back and legs": "back",
    "heart": "heart",
    "sudden": "sudden",
}
URGENT_ROWS = {
    "eyes": ["eyes"],
    "face": ["face"],
    "strength": ["strength"],
    "strength (muscle pain)": ["muscle_pain"],
    "walking": ["walking"],
    "fatigability": ["fading"],
    "vision": ["vision"],
    "urine colour": ["urine"],
}
SOON_ROWS = {"headache alone": "headache", "breath on effort": "effort"}


@pytest.mark.parametrize("choice", EMERGENCY_ROWS.values(), ids=EMERGENCY_ROWS)
def test_emergency_row(choice):
    assert quick({"change": ("no",), "safety_now": ("yes",), "which_now": (choice,)}).tier is Tier.EMERGENCY
    # Even alone, should the screen before it be lost.
    assert quick({"which_now": (choice,)}).tier is Tier.EMERGENCY


def test_every_emergency_row_can_be_tapped_and_each_has_a_group_of_its_own():
    choices = {c.id for c in PROTOCOL.questions["which_now"].choices if not c.exclusive}
    assert choices == set(EMERGENCY_ROWS.values())
    groups = [quick({"which_now": (c,)}).reasons[0].group for c in EMERGENCY_ROWS.values()]
    assert len(set(groups)) == len(EMERGENCY_ROWS)


@pytest.mark.parametrize("choices", URGENT_ROWS.values(), ids=URGENT_ROWS)
def test_urgent_row(choices):
    assert quick({"change": ("no",), "safety_new": ("yes",), "which_new": tuple(choices)}).tier is Tier.URGENT
    assert quick({"which_new": tuple(choices)}).tier is Tier.URGENT


def test_every_urgent_sign_can_be_tapped():
    choices = {c.id for c in PROTOCOL.questions["which_new"].choices if not c.exclusive}
    assert choices == {c for row in URGENT_ROWS.values() for c in row}
    groups = {
        row.split(" (")[0]: quick({"which_new": (signs[0],)}).reasons[0].group for row, signs in URGENT_ROWS.items()
    }
    assert len(set(groups.values())) == len(groups)


@pytest.mark.parametrize("sign", SOON_ROWS.values(), ids=SOON_ROWS)
def test_sign_worth_a_call_alone_is_soon(sign):
    assert quick({**ASKED_MORE, "autonomic": (sign,)}).tier is Tier.SOON


@pytest.mark.parametrize("signs", [("headache", "effort"), ("dizzy", "headache"), ("full", "effort")])
def test_two_signs_of_different_systems_on_one_list_are_urgent(signs):
    found = quick({**ASKED_MORE, "autonomic": signs})
    assert found.tier is Tier.URGENT
    assert "autonomic.two" not in found.rules, "only autonomic signs count as two autonomic ones"
    assert "two_groups" in found.rules


def test_a_strength_item_and_breath_on_effort_are_urgent_and_no_more():
    found = full_check({"stairs": ("some",), "autonomic": ("effort",)})
    assert (found.tier, found.reasons[0].rule) == (Tier.URGENT, "two_groups")


@pytest.mark.parametrize("form", ["quick", "baseline"])
def test_every_form_asks_both_safety_screens_whatever_was_tapped(form):
    steps = {s.ask: s for s in PROTOCOL.forms[form].steps}
    assert steps["safety_now"].when == ()
    assert steps["safety_new"].when == ()
    assert steps["numbness"].when == ()


@pytest.mark.parametrize("severity", ["strong", "very_strong"])
@pytest.mark.parametrize("form", ["quick", "baseline"])
def test_sensory_severe_is_urgent_also_when_known_and_unchanged(form, severity):
    answers = {**CALM, "numbness": (severity,), "interference": ("not_at_all",), "known_before": ("yes_known",)}
    assert assess(answers, same(answers), PROTOCOL, form=form, finished=True).tier is Tier.URGENT


@pytest.mark.parametrize("answer", ["yes", "not_sure"])
def test_sensory_that_stops_washing_dressing_or_eating_is_urgent(answer):
    answers = {**CALM, "numbness": ("mild",), "interference": ("quite_a_bit",), "selfcare": (answer,)}
    assert quick(answers).tier is Tier.URGENT
    answers["selfcare"] = ("no",)
    assert quick(answers).tier is Tier.SOON


@pytest.mark.parametrize("severity", ["mild", "medium"])
@pytest.mark.parametrize("history", [History(), NOTHING], ids=["no history", "none before"])
def test_sensory_new_is_soon(severity, history):
    answers = {**CALM, "numbness": (severity,), "interference": ("not_at_all",)}
    assert quick(answers, history).tier is Tier.SOON


@pytest.mark.parametrize("sign", ["dizzy", "bowel", "full"])
def test_autonomic_one_sign_is_soon(sign):
    assert quick({**ASKED_MORE, "autonomic": (sign,)}).tier is Tier.SOON


@pytest.mark.parametrize(
    "signs", [("dizzy", "bowel"), ("dizzy", "full"), ("bowel", "full"), ("dizzy", "bowel", "full")]
)
def test_autonomic_two_or_more_signs_are_urgent(signs):
    assert quick({**ASKED_MORE, "autonomic": signs}).tier is Tier.URGENT


def test_autonomic_an_exclusive_choice_is_no_sign():
    assert quick({**ASKED_MORE, "autonomic": ("not_sure", "dizzy")}).tier is Tier.SOON


# --- The rules of the clinical page -----------------------------------------------------------------------------------


def test_rule_3_two_soon_of_different_groups_are_urgent():
    answers = {**ASKED_MORE, "autonomic": ("dizzy",), "numbness": ("mild",), "interference": ("not_at_all",)}
    found = quick(answers)
    assert found.tier is Tier.URGENT
    assert found.reasons[0] == Reason(rule="two_groups", group="several", tier=Tier.URGENT)


def test_rule_3_two_soon_of_one_group_stay_soon():
    found = full_check({"stairs": ("some",), "buttons": ("some",)})
    assert found.concerns == ("strength.stairs_some", "strength.buttons_some")
    assert found.tier is Tier.SOON


def test_rule_3_holds_at_the_tap_not_only_at_the_end():
    answers = {"change": ("yes",), "safety_now": ("none",), "autonomic": ("full",), "numbness": ("mild",)}
    assert quick(answers, finished=False).tier is Tier.URGENT


@pytest.mark.parametrize(
    ("question", "tier"),
    [
        ("safety_now", Tier.EMERGENCY),
        ("which_now", Tier.EMERGENCY),
        ("safety_new", Tier.URGENT),
        ("which_new", Tier.URGENT),
        ("autonomic", Tier.SOON),
        ("selfcare", Tier.URGENT),
        ("change", Tier.SOON),
    ],
)
def test_rule_4_not_sure_counts_as_the_more_cautious_answer(question, tier):
    assert quick({question: ("not_sure",)}).tier is tier


@pytest.mark.parametrize("said", ["yes", "not_sure"])
def test_something_worse_with_nothing_found_is_soon(said):
    found = quick({**ASKED_MORE, "change": (said,)})
    assert (found.tier, found.concerns) == (Tier.SOON, ("change.worse",))


def test_something_worse_is_no_finding_before_all_was_asked():
    assert quick({"change": ("yes",)}, finished=False).reasons == ()


def test_something_worse_adds_no_second_concern_to_a_finding():
    found = quick({**ASKED_MORE, "autonomic": ("dizzy",)})
    assert (found.tier, found.concerns) == (Tier.SOON, ("autonomic.one",))


@pytest.mark.parametrize("question", ["safety_now", "safety_new"])
def test_a_safety_screen_left_open_is_never_an_all_clear(question):
    found = quick({**CALM, question: (SKIP,)})
    assert (found.tier, found.reasons[0].group) == (Tier.SOON, UNANSWERED)


@pytest.mark.parametrize("question", ["which_now", "which_new", "autonomic", "selfcare"])
def test_any_other_skip_is_no_answer_and_no_alarm(question):
    assert quick({**CALM, question: (SKIP,)}).tier is Tier.ROUTINE


def test_a_screen_left_open_and_a_sign_are_no_two_signs():
    found = quick({**ASKED_MORE, "safety_now": (SKIP,), "autonomic": ("dizzy",)})
    assert (found.tier, set(found.concerns)) == (Tier.SOON, {"autonomic.one", "skipped.now"})


def test_both_safety_screens_skipped_are_one_group_and_stay_soon():
    assert quick({**CALM, "safety_now": (SKIP,), "safety_new": (SKIP,)}).tier is Tier.SOON


@pytest.mark.parametrize("question", ["change", "numbness"])
def test_any_other_skipped_question_is_incomplete(question):
    found = quick({**CALM, question: (SKIP,)})
    assert (found.tier, found.complete) == (Tier.ROUTINE, False)


def test_what_was_not_asked_to_its_end_is_incomplete():
    assert not quick(CALM, finished=False).complete
    assert not quick({"change": ("no",)}).complete
    assert not quick({**CALM, "change": ("yes",)}).complete  # autonomic is open
    assert quick({**CALM, "change": ("yes",), "autonomic": ("none",)}).complete


# --- Baseline ---------------------------------------------------------------------------------------------------------

AT_START = {"safety_now": ("none",), "safety_new": ("none",), "autonomic": ("none",)}


def baseline(answers: Answers) -> Assessment:
    return assess(answers, History(), PROTOCOL, form="baseline", finished=True)


@pytest.mark.parametrize("severity", ["mild", "medium"])
def test_baseline_numbness_from_before_that_the_team_knows_is_routine(severity):
    known = {"numbness": (severity,), "interference": ("somewhat",), "known_before": ("yes_known",)}
    able = dict.fromkeys(("stairs", "chair", "buttons", "arms", "head", "floor"), ("none",))
    calm = {"falls": ("no",), "pain": ("no",), "sleep": ("no",)}
    found = baseline({**AT_START, **able, **calm, **known})
    assert (found.tier, found.complete) == (Tier.ROUTINE, True)


@pytest.mark.parametrize("known", ["yes_not_told", "no", "not_sure", SKIP])
def test_baseline_numbness_that_the_team_does_not_know_is_soon(known):
    found = baseline({**AT_START, "numbness": ("mild",), "interference": ("not_at_all",), "known_before": (known,)})
    assert found.tier is Tier.SOON


def test_baseline_known_numbness_does_not_hide_another_sign():
    known = {"numbness": ("mild",), "interference": ("not_at_all",), "known_before": ("yes_known",)}
    assert baseline({**AT_START, **known, "autonomic": ("dizzy",)}).tier is Tier.SOON
    assert baseline({**AT_START, **known, "safety_new": ("yes",)}).tier is Tier.URGENT
    assert baseline({**AT_START, **known, "safety_now": ("yes",)}).tier is Tier.EMERGENCY
    composite = {**known, "numbness": ("medium",), "interference": ("very_much",), "selfcare": ("no",)}
    assert baseline({**AT_START, **composite}).tier is Tier.URGENT


# --- The composite table ----------------------------------------------------------------------------------------------

TABLE = [
    [0, None, None, None, None],
    [1, 1, 1, 2, 2],
    [1, 1, 2, 2, 3],
    [1, 2, 2, 3, 3],
    [2, 2, 2, 3, 3],
]
CELLS = [(s, i) for s, i in product(range(5), range(5)) if s or not i]


@pytest.mark.parametrize(("severity", "interference"), CELLS)
@pytest.mark.parametrize("at_least", [1, 2, 3])
def test_composite_cell(severity, interference, at_least):
    clause = Composite(severity="numbness", interference="interference", at_least=at_least)
    rule = Rule(id="composite", group="sensory", tier=Tier.URGENT, composite=clause)
    protocol = PROTOCOL.model_copy(update={"rules": (rule,)})
    answers = {"numbness": (NUMBNESS[severity],), "interference": (INTERFERENCE[interference],)}
    value = TABLE[severity][interference]
    expected = Tier.URGENT if value >= at_least else Tier.ROUTINE
    assert assess(answers, NOTHING, protocol, form="quick", finished=True).tier is expected


@pytest.mark.parametrize(("severity", "interference"), CELLS)
def test_composite_3_is_urgent_at_least_in_the_protocol(severity, interference):
    answers = {**CALM, "numbness": (NUMBNESS[severity],), "interference": (INTERFERENCE[interference],)}
    rules = quick(answers, same(answers)).concerns
    assert ("sensory.composite" in rules) == (TABLE[severity][interference] == 3)


def test_composite_table_is_the_published_one():
    assert PROTOCOL.composite_table == tuple(tuple(row) for row in TABLE)


def test_composite_is_not_looked_up_while_half_of_it_is_open():
    assert quick({**CALM, "numbness": ("medium",)}).concerns == ("sensory.some",)


# --- Fails closed -----------------------------------------------------------------------------------------------------

UNREADABLE = {
    "an unknown question": {"hearing": ("worse",)},
    "an unknown choice": {"safety_now": ("perhaps",)},
    "a step that is not on the scale": {"numbness": ("unbearable",)},
    "no choice at all": {"safety_now": ()},
    "two answers where one is possible": {"safety_now": ("none", "yes")},
    "skipped and answered": {"which_now": (SKIP, "breathing")},
}


@pytest.mark.parametrize("answers", UNREADABLE.values(), ids=UNREADABLE)
def test_fails_closed_on(answers):
    found = quick({**CALM, **answers})
    assert found.tier >= PROTOCOL.unassessable > Tier.ROUTINE
    assert UNASSESSABLE in found.concerns


def test_fails_closed_where_the_composite_table_has_no_cell():
    answers = {"numbness": ("none",), "interference": ("very_much",)}
    assert UNASSESSABLE in quick(answers).concerns
    short = PROTOCOL.model_copy(update={"composite_table": ((0,), (1, 1))})
    for severity in ("mild", "medium"):
        answers = {"numbness": (severity,), "interference": ("somewhat",)}
        found = assess(answers, same(answers), short, form="quick", finished=True)
        assert UNASSESSABLE in found.concerns


def test_fails_closed_on_rules_that_name_what_is_not_there():
    protocol = PROTOCOL.model_copy(update={"questions": {}})
    assert assess(CALM, NOTHING, protocol, form="quick", finished=True).tier is Tier.URGENT


def test_an_unknown_form_is_never_complete():
    assert not assess(CALM, NOTHING, PROTOCOL, form="other", finished=True).complete


def test_an_unreadable_history_counts_as_none_so_that_what_is_there_now_is_new():
    answers = {**CALM, "numbness": ("mild",), "interference": ("not_at_all",)}
    assert quick(answers, same({"numbness": ("unbearable",)})).tier is Tier.SOON
    assert quick(answers, same({"numbness": (SKIP,)})).tier is Tier.SOON


def test_unless_takes_back_a_rule_on_groups_too():
    rules = (
        Rule(id="a", group="a", tier=Tier.SOON, if_={"change": ("yes",)}),
        Rule(id="b", group="b", tier=Tier.SOON, if_={"change": ("yes",)}),
        Rule(
            id="both",
            group="c",
            tier=Tier.URGENT,
            groups=Groups(tier=Tier.SOON, at_least=2),
            unless={"selfcare": ("no",)},
        ),
    )
    protocol = PROTOCOL.model_copy(update={"rules": rules})
    found = [
        assess(a, NOTHING, protocol, form="quick", finished=True).tier
        for a in ({"change": ("yes",)}, {"change": ("yes",), "selfcare": ("no",)})
    ]
    assert found == [Tier.URGENT, Tier.SOON]


# --- Properties -------------------------------------------------------------------------------------------------------

SEVERITY = {
    "change": [["no"], ["yes"]],
    "safety_now": [["none"], ["yes"]],
    "safety_new": [["none"], ["yes"]],
    "numbness": [[n] for n in NUMBNESS],
    "interference": [[i] for i in INTERFERENCE],
    "selfcare": [["no"], ["yes"]],
    "autonomic": [["none"], ["dizzy"], ["dizzy", "bowel"], ["dizzy", "bowel", "full"]],
}
LEVELS = st.fixed_dictionaries({q: st.integers(0, len(steps) - 1) for q, steps in SEVERITY.items()})


def as_answers(levels):
    answers = {q: tuple(SEVERITY[q][n]) for q, n in levels.items()}
    return (
        answers if levels["numbness"] else {q: a for q, a in answers.items() if q not in {"interference", "selfcare"}}
    )


@drawn(levels=LEVELS, worse=st.sampled_from(sorted(SEVERITY)), before=LEVELS, finished=st.booleans(), some=8)
def test_a_worse_answer_never_gives_a_lower_tier(levels, worse, before, finished):
    up = {**levels, worse: min(levels[worse] + 1, len(SEVERITY[worse]) - 1)}
    history = same(as_answers(before))
    assert (
        quick(as_answers(up), history, finished=finished).tier
        >= quick(as_answers(levels), history, finished=finished).tier
    )


ANY_ANSWERS = st.fixed_dictionaries(
    {},
    optional={
        q.id: st.one_of(
            st.just((SKIP,)),
            st.sampled_from([(c.id,) for c in q.choices]),
            st.lists(st.sampled_from([c.id for c in q.choices]), min_size=1, unique=True).map(tuple),
        )
        for q in PROTOCOL.questions.values()
    },
)


@drawn(answers=ANY_ANSWERS, form=st.sampled_from(["quick", "baseline"]), some=8)
def test_every_answer_there_can_be_is_assessed_and_explained(answers, form):
    found = assess(answers, NOTHING, PROTOCOL, form=form, finished=True)
    assert found.tier == max((r.tier for r in found.reasons), default=Tier.ROUTINE)
    assert list(found.reasons) == sorted(found.reasons, key=lambda r: -r.tier)
    assert bool(found.reasons) == bool(answers)


@drawn(answers=ANY_ANSWERS, some=8)
def test_an_all_clear_means_that_both_safety_screens_were_answered_with_none(answers):
    found = quick(answers)
    if found.tier is Tier.ROUTINE and found.complete:
        assert answers["safety_now"] == answers["safety_new"] == ("none",)
        assert all(answers[s.ask] != (SKIP,) for s in applicable(PROTOCOL.forms["quick"], answers))


CLINICAL = Path(__file__).parents[3] / "shared" / "clinical.md"


@pytest.mark.skipif(not CLINICAL.exists(), reason=f"{CLINICAL} does not exist")
def test_groups_and_table_are_those_of_the_clinical_page():
    page = CLINICAL.read_text()
    rows = re.findall(r"^\| ([a-z/, ]+) \| .+? \| (EMERGENCY|URGENT|SOON|ROUTINE)\b", page, re.MULTILINE)
    tiers = dict(rows)
    assert {g for g, t in tiers.items() if t == "EMERGENCY"} == set(EMERGENCY_ROWS)
    urgent = {row for row in URGENT_ROWS if "(" not in row}
    assert {g for g, t in tiers.items() if t == "URGENT"} == {*urgent, "sensory, severe"}
    assert {g for g, t in tiers.items() if t == "SOON"} == {*SOON_ROWS, "sensory, new or worse", "autonomic"}
    cells = re.findall(r"^\| ([0-4]) \| (\S+) \| (\S+) \| (\S+) \| (\S+) \| (\S+) \|$", page, re.MULTILINE)
    assert [[None if v == "–" else int(v) for v in row[1:]] for row in cells] == TABLE


def test_a_rule_alone_may_compare_with_the_last_answer():
    alone = Rule(
        id="alone", group="sensory", tier=Tier.SOON, worse={"question": "numbness", "than": "last"}, alone=True
    )
    protocol = PROTOCOL.model_copy(update={"rules": (alone,)})
    for before, tier in (("none", Tier.SOON), ("mild", Tier.ROUTINE)):
        history = History(previous={"numbness": (before,)})
        answers = {**CALM, "numbness": ("mild",)}
        assert assess(answers, history, protocol, form="quick", finished=True).tier is tier


@pytest.mark.parametrize("finished", [True, False])
def test_answers_of_a_form_that_is_gone_are_judged_and_never_complete(finished):
    found = assess({**CALM, "safety_now": ("yes",)}, NOTHING, PROTOCOL, form="gone", finished=finished)
    assert (found.tier, found.complete) == (Tier.EMERGENCY, False)
