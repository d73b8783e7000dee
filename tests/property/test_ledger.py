"""The ledger, by cases whose result the page on concerns gives, and its laws, which are seen to fail."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from tests.property.ledger import Heard, Ledger
from tests.property.memory_laws import CLEAR, References, all_clears
from tests.property.notes import Books, StaffAct
from tests.property.signs import NONE, Level, Tier, found_in, level_of

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
QUIET = {"change": ["no"], "safety_now": ["none"], "safety_new": ["none"]}


class Case:
    """One patient's check-ins, a number of days after the start."""

    def __init__(self):
        self.ledger = Ledger()
        self.number = 0

    def check(self, days, *, form="quick", state="done", same=False, helper=False, counted=False, **answers):
        self.number += not same
        given = {**QUIET, **{question: [choice] for question, choice in answers.items()}}
        at = START + days * DAY
        self.ledger.until(at)
        for screen in ("safety_now", "safety_new"):
            self.ledger.screen(self.number, screen, given[screen], at)
        self.ledger.answers(Heard(self.number, form, given, state, at, at.date(), helper, counted))

    def spoke(self, days, *names, shown=None):
        at = START + days * DAY
        self.ledger.spoke(names, at if shown is None else START + shown * DAY, at)

    def state(self, symptom):
        mark = self.ledger.marks.get(symptom)
        return mark.state if mark is not None else "none"


@pytest.fixture
def case():
    return Case()


@pytest.mark.parametrize(
    ("answers", "symptom", "level"),
    [
        ({"numbness": ["mild"]}, "numbness", (Tier.SOON, 1)),
        ({"numbness": ["strong"]}, "numbness", (Tier.URGENT, 3)),
        ({"numbness": ["medium"], "interference": ["very_much"]}, "numbness", (Tier.URGENT, 2)),
        ({"numbness": ["mild"], "selfcare": ["not_sure"]}, "numbness", (Tier.URGENT, 1)),
        ({"numbness": ["none"]}, "numbness", NONE),
        ({"stairs": ["some"]}, "stairs", (Tier.SOON, 1)),
        ({"chair": ["cannot"]}, "chair", (Tier.EMERGENCY, 3)),
        ({"head": ["some"]}, "head", (Tier.URGENT, 1)),
        ({"autonomic": ["full"]}, "full", (Tier.SOON, 1)),
        ({"autonomic": ["full"]}, "dizzy", NONE),
        ({"safety_now": ["yes"]}, "sign_not_named:safety_now", (Tier.EMERGENCY, 1)),
        ({"safety_now": ["yes"], "which_now": ["head"]}, "head_pain", (Tier.EMERGENCY, 1)),
        ({"safety_new": ["not_sure"], "which_new": ["not_sure"]}, "sign_not_named:safety_new", (Tier.URGENT, 1)),
        ({"still_eyes": ["worse"]}, "eyes", (Tier.URGENT, 2)),
        ({"still_dizzy": ["gone"]}, "dizzy", NONE),
        ({"still_dizzy": ["unsure"], "autonomic": ["none"]}, "dizzy", (Tier.SOON, 2)),
    ],
)
def test_answer_has_the_tier_of_the_clinical_page(answers, symptom, level):
    assert found_in(answers, "full")[symptom].level == level


@pytest.mark.parametrize("answers", [{"numbness": ["skip"]}, {"autonomic": ["skip"]}, {"stairs": ["na"]}])
def test_skip_and_does_not_apply_say_nothing(answers):
    assert found_in(answers, "full") == {}


def test_emergency_that_nobody_acts_on_stays_open(case):
    case.check(0, safety_now="yes", which_now="breathing")
    for days in (3, 4, 30, 200):
        case.check(days)
    assert case.state("breathing") == "open"


def test_soon_goes_away_by_seven_days_of_answers_about_it(case):
    case.check(0, autonomic="dizzy")
    for days in range(1, 7):
        case.check(days, autonomic="none")
    assert case.state("dizzy") == "open"
    case.check(7, autonomic="none")
    assert case.state("dizzy") == "settled"


def test_what_a_human_knows_settles_by_three_days_not_by_two_around_midnight(case):
    case.check(0, numbness="medium")
    case.spoke(0.1, "numbness")
    for days in (1.62, 1.63, 2.2):  # 23:53, 00:07 and the next day
        case.check(days, numbness="none")
    assert case.state("numbness") == "reached"
    case.check(3.7, numbness="none")
    assert case.state("numbness") == "settled"


@pytest.mark.parametrize(
    ("then", "state"), [("mild", "reached"), ("medium", "reached"), ("strong", "open"), ("very_strong", "open")]
)
def test_what_a_human_knows_opens_above_its_reached_level(case, then, state):
    case.check(0, numbness="medium")
    case.spoke(0.1, "numbness")
    case.check(1, numbness=then)
    assert case.state("numbness") == state


@pytest.mark.parametrize(("then", "state"), [("mild", "reached"), ("strong", "open")])
def test_soon_that_comes_back_is_known_and_urgent_is_not(case, then, state):
    case.check(0, numbness="strong")
    case.spoke(0.1, "numbness")
    for days in (1, 2, 3):
        case.check(days, numbness="none")
    assert case.state("numbness") == "settled"
    case.check(5, numbness=then)
    assert case.state("numbness") == state


def test_yes_counts_for_what_its_message_named_and_for_nothing_later(case):
    case.check(0, numbness="strong")
    case.check(1, safety_now="yes", which_now="breathing")
    case.spoke(1.1, "numbness")
    assert (case.state("numbness"), case.state("breathing")) == ("reached", "open")
    case.spoke(1.2, "numbness", "breathing", shown=0.5)
    assert case.state("breathing") == "open"


def test_emergency_sign_opens_again_each_time(case):
    case.check(0, safety_now="yes", which_now="breathing")
    case.spoke(0.1, "breathing")
    case.check(9, safety_now="yes", which_now="breathing")
    assert case.state("breathing") == "open"


def test_known_level_opens_nothing_and_a_higher_one_does(case):
    case.check(0, form="baseline", numbness="mild", known_before="yes_known")
    case.check(3, numbness="mild")
    assert case.state("numbness") == "none"
    case.check(5, numbness="medium")
    assert case.state("numbness") == "open"


def test_known_strong_that_nobody_confirms_is_open_after_a_week(case):
    case.check(0, form="baseline", numbness="strong", known_before="yes_known")
    case.check(6, numbness="strong")
    assert case.state("numbness") == "none"
    case.check(8, numbness="strong")
    assert case.state("numbness") == "open"


@pytest.mark.parametrize(
    ("symptom", "answer", "known", "state"),
    [
        ("falls", "yes", "known_walking", "open"),
        ("floor", "some", "known_walking", "open"),
        ("stairs", "some", "known_stairs", "none"),
    ],
)
def test_known_sign_above_soon_that_nobody_confirms_is_open_after_a_week(case, symptom, answer, known, state):
    case.check(0, form="baseline", **{symptom: answer, known: "yes_known"})
    assert case.state(symptom) == "none"
    case.ledger.until(START + 8 * DAY)
    assert case.state(symptom) == state


def test_something_new_that_was_spoken_about_in_mid_form_is_no_news_when_the_form_ends(case):
    case.check(0, state="asking", change="yes")
    case.spoke(0.1, "other")
    case.check(0.11, same=True, state="asking", change="yes", autonomic="dizzy")
    case.check(0.12, same=True, state="asking", change="yes", autonomic="none")
    case.check(0.13, same=True, change="yes", autonomic="none")
    assert case.state("other") == "reached"
    case.check(1, change="yes", autonomic="none")
    assert case.state("other") == "open"


@pytest.mark.parametrize(("spoke", "state"), [(False, "open"), (True, "reached")])
def test_tick_that_is_left_for_an_hour_names_the_sign_in_the_state_of_its_yes(case, spoke, state):
    half = {"same": True, "state": "asking", "safety_new": "yes", "which_new": "vision"}
    case.check(0, **half)
    if spoke:
        case.spoke(0.001, "sign_not_named")
    case.check(0.002, **half)
    assert case.state("vision") == "none"
    case.check(0.05, counted=True, **half)
    assert case.state("vision") == state
    case.check(0.06, same=True, safety_new="yes", which_new="vision")
    assert case.state("vision") == state


def test_agreement_that_ends_with_the_same_answer_is_open_for_the_team(case):
    case.check(0, numbness="strong")
    case.ledger.agree("numbness", level_of("numbness", 3), START + 28 * DAY, START + HOUR)
    assert case.state("numbness") == "settled"
    case.check(20, numbness="strong")
    assert case.state("numbness") == "settled"
    case.check(29, numbness="strong")
    assert case.state("numbness") == "open"


@pytest.mark.parametrize(("hours", "state"), [(13, "open"), (24, "settled")])
def test_answer_that_was_taken_back_settles_on_another_day(case, hours, state):
    case.check(0, numbness="strong")
    case.check(0.01, same=True, numbness="none")
    assert case.state("numbness") == "open"
    case.check(hours / 24, numbness="none")
    assert case.state("numbness") == state


def test_mild_answer_that_was_changed_before_the_form_ended_never_opened(case):
    case.check(0, state="asking", numbness="mild")
    assert case.state("numbness") == "open"
    case.check(0.01, same=True, numbness="none")
    assert case.state("numbness") == "none"


def test_tick_that_was_removed_and_set_again_is_open(case):
    case.check(0, state="asking", autonomic="dizzy")
    case.check(0.01, same=True, state="asking", numbness="none")
    assert case.state("dizzy") == "none"
    case.check(0.02, same=True, autonomic="dizzy")
    assert case.state("dizzy") == "open"


@pytest.mark.parametrize(
    ("outcome", "state"),
    [("spoke_to_patient", "reached"), ("not_reached", "open"), ("no_action", "open"), ("false_alarm", "settled")],
)
def test_outcome_of_staff_on_urgent(case, outcome, state):
    case.check(0, safety_new="yes", which_new="eyes")
    case.ledger.outcome(outcome, ("eyes",), START + HOUR)
    assert case.state("eyes") == state


def test_false_alarm_of_long_ago_is_not_about_what_came_back_since(case):
    case.check(0, safety_new="yes", which_new="eyes")
    case.ledger.outcome("false_alarm", ("eyes",), START + 3 * DAY, named_at=START - DAY)
    assert case.state("eyes") == "open"


# -- the laws


def said(case, text=CLEAR, days=0.0, name="done.routine"):
    """Return what is wrong with an end screen of the newest check-in."""
    row = SimpleNamespace(screen=SimpleNamespace(name=name), slot=f"checkin:{case.number}")
    return list(all_clears(case.ledger, SimpleNamespace(queued=[row], at=START + days * DAY), lambda _row: text))


def test_all_clear_after_fresh_answers_is_right(case):
    case.check(0, numbness="none")
    assert said(case) == []


def test_all_clear_while_something_is_open_is_found(case):
    case.check(0, numbness="mild")
    assert len(said(case)) == len(said(case, "", name="done.incomplete")) == 1
    assert said(case, "Still there: numbness", name="done.open") == []


@pytest.mark.parametrize(("hours", "found"), [(5, 0), (7, 2)])
def test_all_clear_on_old_answers_is_found(case, hours, found):
    case.check(0, numbness="none")
    assert len(said(case, days=hours / 24)) == found


def test_all_clear_on_a_skipped_safety_screen_is_found(case):
    case.check(0, safety_new="skip")
    assert len(said(case)) == 1


def books(**levels):
    accepted = {symptom: SimpleNamespace(reference=level) for symptom, level in levels.items()}
    return Books(memory=SimpleNamespace(value=SimpleNamespace(accepted=accepted)))


def deed(form="quick", at=START, staff=None, **answers):
    items = ("stairs", "chair", "buttons", "arms", "head", "floor")
    given = dict.fromkeys(items, ("none",)) if form == "baseline" else {}
    given |= {question: (choice,) for question, choice in answers.items()}
    value = SimpleNamespace(form=form, answers=given, state=SimpleNamespace(value="done"))
    saved = [SimpleNamespace(value=value)] if answers else []
    return SimpleNamespace(of=lambda _name: saved, at=at, staff=staff, name="tap")


KNOWN = deed("baseline", numbness="mild", known_before="yes_known")
MILD, MEDIUM = Level(Tier.SOON, 1), Level(Tier.SOON, 2)


@pytest.mark.parametrize(
    ("before", "after", "by", "found"),
    [
        ({}, {"numbness": MILD}, deed("baseline", numbness="mild", known_before="yes_known"), 0),
        ({}, {"numbness": MEDIUM}, deed("baseline", numbness="mild", known_before="yes_known"), 1),
        ({}, {"numbness": MILD}, deed("baseline", numbness="mild", known_before="no"), 1),
        ({}, {"numbness": MILD}, deed("full", numbness="mild"), 1),
        ({}, {"numbness": MILD}, deed(staff=StaffAct("agree")), 0),
        ({"numbness": MEDIUM}, {"numbness": MILD}, deed("quick", numbness="mild"), 1),
        ({"numbness": MEDIUM}, {}, deed(), 1),
    ],
)
def test_reference_level_changes_only_as_listed(before, after, by, found):
    assert len(list(References().changed(books(**before), books(**after), by))) == found


def test_second_baseline_changes_no_reference_level():
    references = References()
    assert list(references.changed(books(), books(numbness=MILD), KNOWN)) == []
    second = deed("baseline", numbness="medium", known_before="yes_known")
    assert len(list(references.changed(books(numbness=MILD), books(numbness=MEDIUM), second))) == 1


@pytest.mark.parametrize(
    ("by", "found"),
    [
        (deed(at=START + 3 * DAY), 1),
        (deed(at=START + 7 * DAY), 0),
        (deed("baseline", at=START + HOUR, numbness="mild", known_before="no"), 0),
    ],
)
def test_patients_word_ends_when_it_is_denied_or_nobody_confirmed_it(by, found):
    references = References()
    assert list(references.changed(books(), books(numbness=MILD), KNOWN)) == []
    assert len(list(references.changed(books(numbness=MILD), books(), by))) == found


@pytest.mark.parametrize(("days", "found"), [(range(0, 30, 4), 0), (range(0, 20, 2), 1), ([0, 10, 29], 1)])
def test_weeks_of_lower_answers_lower_the_reference_level(days, found):
    references, was = References(), books(numbness=MEDIUM)
    for day in days:
        last = deed("quick", at=START + day * DAY, numbness="mild")
        if day != days[-1]:
            assert list(references.changed(was, was, last)) == []
    assert len(list(references.changed(was, books(numbness=MILD), last))) == found
