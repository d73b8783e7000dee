"""What is stored of each decision about a level, what the audit says of it, and why a decision is refused, in full."""

from datetime import timedelta

import pytest

from bot.app.concerns import agreeing, references, symptom_levels, usual_signs
from bot.app.ports.errors import RefusedError
from bot.core.concern_values import Level
from bot.core.protocol import Tier
from tests.app.concerns.test_cases import Life, life
from tests.app.concerns.test_levels import decisions, known, member, staff

__all__ = ["Life", "life"]
P = "P-0001"
DAY = timedelta(days=1)
USUAL = {"reason": " since surgery ", "decided_by": " Dr. Weiss "}
NOBODY = (None, None)


def stored(row):
    """All that a decision says, but for when it was made."""
    return (row.kind, row.symptom, row.level, row.until, row.days, row.reason, row.decided_by, row.made_by)


def audited(life, since=0):
    lines = reversed(life.run(lambda s: s.audit.lines(P, 500)))
    return [(line.actor, line.action, dict(line.detail)) for line in lines][since:]


def refused(life, use_case, *args, **more):
    with pytest.raises(RefusedError) as found:
        staff(life, use_case, P, *args, **more)
    return str(found.value)


def open_tasks(life):
    return sorted(task.kind for task in life.run(lambda s: s.tasks.open(life.anna.id)))


def two_members(life):
    member(life, "lead-1", "lead")
    member(life, "coord-1")


def propose(life, symptom="bladder", by="lead-1", day=1.0, **more):
    level = more.pop("level", "there")
    return staff(life, usual_signs.agree_usual_sign, P, symptom, level, 91, **{**USUAL, **more}, by=by, day=day)


# -- reference levels


@pytest.mark.parametrize(
    ("symptom", "level"), [("numbness", "strong"), ("numbness", "none"), ("stairs", "some"), ("eyes", "there")]
)
def test_reference_level_is_stored_with_its_word(life, symptom, level):
    made = staff(life, references.set_reference, P, symptom, level, reason=" since surgery ", day=2)
    assert stored(made) == ("reference", symptom, level, None, None, "since surgery", None, "lead-1")
    assert (made.made_at, made.closed_by, made.closed_at) == (life.at(2), *NOBODY)
    assert decisions(life) == [made]
    assert audited(life)[-1] == ("lead-1", "reference_set", {})


@pytest.mark.parametrize(
    ("level", "reason", "text"),
    [
        (
            "cannot",
            "x",
            "chair at cannot is an EMERGENCY, never a reference level: record it as usual, with an end date",
        ),
        ("huge", "", "a reason is missing; level 'huge': chair has none, some, much, cannot"),
        ("some", "x" * 201, "the reason is longer than 200 characters"),
        ("some", " ", "a reason is missing"),
    ],
)
def test_reference_level_is_refused_with_every_problem(life, level, reason, text):
    assert refused(life, references.set_reference, "chair", level, reason=reason) == text
    assert decisions(life) == []


def test_reference_level_of_no_symptom_is_refused_with_those_that_have_one(life):
    text = refused(life, references.set_reference, "help", "there", reason="x")
    start = "'help' has no reference level: the protocol has "
    assert text.startswith(start)
    assert text.removeprefix(start).split(", ") == list(symptom_levels.acceptable(life.clinic))


def test_confirmed_level_is_stored_with_its_word(life):
    known(life, "numbness", Level(Tier.URGENT, 3))
    made = staff(life, references.confirm_reference, P, "numbness", day=2)
    assert stored(made) == ("confirmed", "numbness", "strong", None, None, "", None, "lead-1")
    assert made.made_at == life.at(2)
    assert audited(life)[-1] == ("lead-1", "reference_confirmed", {})


def test_level_that_cannot_be_confirmed_is_refused(life):
    assert refused(life, references.confirm_reference, "numbness") == (
        "P-0001: no level of 'numbness' waits to be confirmed"
    )
    member(life, "lead-1", "lead")
    staff(life, usual_signs.agree_usual_sign, P, "chair", "cannot", 1, **USUAL)
    assert refused(life, references.confirm_reference, "chair", day=9) == (
        "chair is an EMERGENCY: record it as usual, with an end date"
    )
    assert [row.kind for row in decisions(life)] == ["agreed"]


def test_rejected_level_is_stored_with_its_word(life):
    known(life, "numbness", Level(Tier.URGENT, 3))
    made = staff(life, references.reject_reference, P, "numbness", reason=" new since March ", day=2)
    assert stored(made) == ("rejected", "numbness", "strong", None, None, "new since March", None, "lead-1")
    assert made.made_at == life.at(2)
    assert audited(life)[-1] == ("lead-1", "reference_rejected", {})


def test_agreement_that_ended_is_rejected_with_its_word_and_no_reason(life):
    life.check(0, numbness="medium")
    staff(life, agreeing.agree_level, P, "numbness", "medium", 7, reason="x")
    made = staff(life, references.reject_reference, P, "numbness", day=9)
    assert stored(made) == ("rejected", "numbness", "medium", None, None, "", None, "lead-1")


def test_nothing_to_reject_is_refused(life):
    assert refused(life, references.reject_reference, "numbness") == (
        "P-0001: 'numbness' has no reference level, so nothing was rejected"
    )


# -- agreed levels


@pytest.mark.parametrize(
    ("args", "reason", "problems"),
    [
        (
            ("numbness", "huge", 0),
            "x" * 201,
            [
                "level 'huge': numbness has mild, medium, strong, very_strong",
                "0 days: choose between 1 and 28",
                "the reason is longer than 200 characters",
            ],
        ),
        (
            ("chair", "cannot", 7),
            "",
            [
                "chair at cannot is an EMERGENCY: choose a lower level",
                "a sign that is usual for this patient is recorded as such, with the clinician who decided",
            ],
        ),
        (("numbness", "mild", 29), "", ["29 days: choose between 1 and 28"]),
    ],
)
def test_agreed_level_is_refused_with_every_problem(life, args, reason, problems):
    assert refused(life, agreeing.agree_level, *args, reason=reason) == "; ".join(problems)


@pytest.mark.parametrize("days", [1, 28])
def test_agreed_level_holds_for_its_days(life, days):
    made = staff(life, agreeing.agree_level, P, "numbness", "mild", days, reason=" x ")
    assert (made.until, made.made_by, made.made_at) == (life.at(1 + days), "lead-1", life.at(1))
    (decision,) = decisions(life)
    assert stored(decision) == ("agreed", "numbness", "mild", life.at(1 + days), days, "x", None, "lead-1")
    assert audited(life)[-1] == ("lead-1", "level_agreed", {"days": days})


def test_agreed_level_of_no_symptom_is_refused_with_the_scales_and_the_signs(life):
    text = refused(life, agreeing.agree_level, "help", "there", 7)
    scales, _, signs = text.removeprefix("'help' is not a symptom with a scale: the protocol has ").partition(
        "; nor a sign: "
    )
    assert {"numbness", "stairs", "chair"} <= set(scales.split(", "))
    assert {"eyes", "bladder", "breathing"} <= set(signs.split(", "))
    assert not set(scales.split(", ")) & set(signs.split(", "))


def test_end_of_an_agreed_level_is_stored_with_its_word(life):
    staff(life, agreeing.agree_level, P, "numbness", "mild", 7)
    ended = staff(life, agreeing.end_agreed_level, P, "numbness", day=2)
    assert (ended.ended_at, ended.ended_by) == (life.at(2), "lead-1")
    assert stored(decisions(life)[-1]) == ("ended", "numbness", "mild", None, None, "", None, "lead-1")
    assert audited(life)[-1] == ("lead-1", "agreed_level_ended", {})
    assert refused(life, agreeing.end_agreed_level, "numbness", day=3) == (
        "P-0001: 'numbness' has no agreed level, so nothing was ended"
    )


# -- usual EMERGENCY signs


def test_proposal_is_stored_and_is_a_task_for_the_second_person(life):
    two_members(life)
    made = propose(life)
    assert stored(made) == ("proposed", "bladder", "there", None, 91, "since surgery", "Dr. Weiss", "lead-1")
    assert (made.made_at, made.closed_by, made.closed_at) == (life.at(1), *NOBODY)
    assert audited(life)[-1] == ("lead-1", "usual_sign_proposed", {"days": 91})
    assert "second_person" in open_tasks(life)


def test_proposal_replaces_an_earlier_one_of_the_same_sign_alone(life):
    two_members(life)
    propose(life)
    propose(life, "chair", level="cannot", day=2)
    propose(life, by="coord-1", day=3)
    assert [(row.symptom, row.closed_by, row.closed_at) for row in decisions(life)] == [
        ("bladder", "coord-1", life.at(3)),
        ("chair", *NOBODY),
        ("bladder", *NOBODY),
    ]
    waiting = life.run(usual_signs.proposals, life.anna, at=life.at(4))
    assert [(row.symptom, row.made_by) for row in waiting] == [("chair", "lead-1"), ("bladder", "coord-1")]


def test_accepted_sign_is_stored_with_who_proposed_and_who_accepted_it(life):
    two_members(life)
    propose(life)
    made = staff(life, usual_signs.accept_usual_sign, P, "bladder", by="coord-1", day=2)
    assert stored(made) == ("agreed", "bladder", "there", life.at(93), 91, "since surgery", "Dr. Weiss", "lead-1")
    assert (made.made_at, made.closed_by, made.closed_at) == (life.at(2), "coord-1", life.at(2))
    assert [(row.kind, row.closed_by, row.closed_at) for row in decisions(life)] == [
        ("proposed", "coord-1", life.at(2)),
        ("agreed", "coord-1", life.at(2)),
    ]
    (level,) = life.run(lambda s: s.agreed_levels.of_patient(life.anna.id))
    assert (level.question, level.level, level.until, level.made_by) == ("bladder", "there", life.at(93), "coord-1")
    assert audited(life)[-1] == ("coord-1", "level_agreed", {"days": 91})
    assert open_tasks(life) == []


def test_usual_sign_without_a_second_person_is_agreed_at_once(life):
    member(life, "lead-1", "lead")
    made = propose(life)
    assert stored(made) == ("agreed", "bladder", "there", life.at(92), 91, "since surgery", "Dr. Weiss", "lead-1")
    assert (made.closed_by, open_tasks(life)) == (None, [])
    assert audited(life)[-1] == ("lead-1", "level_agreed", {"days": 91})


def test_declined_sign_is_stored_with_who_declined_it(life):
    two_members(life)
    propose(life)
    propose(life, "chair", level="cannot")
    made = staff(life, usual_signs.decline_usual_sign, P, "bladder", by="coord-1", day=2)
    assert (made.kind, made.closed_by, made.closed_at) == ("proposed", "coord-1", life.at(2))
    assert (decisions(life)[0].closed_by, decisions(life)[0].closed_at) == ("coord-1", life.at(2))
    assert audited(life)[-1] == ("coord-1", "usual_sign_declined", {})
    assert "second_person" in open_tasks(life), "another sign waits"
    staff(life, usual_signs.decline_usual_sign, P, "chair", day=2)
    assert "second_person" not in open_tasks(life)


@pytest.mark.parametrize(("days", "waits"), [(13.99, True), (14, False)])
def test_proposal_waits_for_fourteen_days(life, days, waits):
    two_members(life)
    propose(life)
    assert bool(life.run(usual_signs.proposals, life.anna, at=life.at(1 + days))) is waits


@pytest.mark.parametrize("days", [1, 91])
def test_usual_sign_can_be_agreed_for_days(life, days):
    member(life, "lead-1", "lead")
    made = staff(life, usual_signs.agree_usual_sign, P, "chair", "cannot", days, **USUAL)
    assert made.until == life.at(1 + days)


@pytest.mark.parametrize(
    ("args", "more", "text"),
    [
        (
            ("bladder", "much", 0),
            {"reason": ""},
            "level 'much': bladder is an EMERGENCY at there; 0 days: choose between 1 and 91; a reason is missing",
        ),
        (("chair", "much", 92), {}, "level 'much': chair is an EMERGENCY at cannot; 92 days: choose between 1 and 91"),
        (
            ("chair", "cannot", 7),
            {"decided_by": "x" * 201},
            "the name of the clinician who decided is missing or too long",
        ),
        (
            ("chair", "cannot", 7),
            {"decided_by": "", "reason": "x" * 201},
            "the reason is longer than 200 characters; the name of the clinician who decided is missing or too long",
        ),
    ],
)
def test_usual_sign_is_refused_with_every_problem(life, args, more, text):
    two_members(life)
    assert refused(life, usual_signs.agree_usual_sign, *args, **{**USUAL, **more}) == text
    assert decisions(life) == []


def test_reason_and_name_can_have_200_characters(life):
    two_members(life)
    made = propose(life, reason="x" * 200, decided_by="y" * 200)
    assert (made.reason, made.decided_by) == ("x" * 200, "y" * 200)


def test_sign_that_is_no_emergency_is_refused_with_those_that_are(life):
    two_members(life)
    text = refused(life, usual_signs.agree_usual_sign, "numbness", "mild", 7, **USUAL)
    start = "'numbness' is no EMERGENCY sign: the protocol has "
    assert text.startswith(start)
    assert {"breathing", "bladder", "chair"} <= set(text.removeprefix(start).split(", "))


def test_second_person_is_needed_and_something_to_accept(life):
    two_members(life)
    nothing = "P-0001: nothing about 'bladder' waits for a second person"
    assert refused(life, usual_signs.accept_usual_sign, "bladder") == nothing
    assert refused(life, usual_signs.decline_usual_sign, "bladder") == nothing
    propose(life)
    assert refused(life, usual_signs.accept_usual_sign, "bladder") == (
        "a second person has to accept it: another coordinator or lead of the team"
    )
