"""A protocol that would forget what is remembered of somebody is refused at the start."""

import pytest

from bot import protocol_files
from bot.app.concerns import protocol_change
from bot.content.loader import packaged_protocol
from tests.app.concerns.test_cases import Life, life
from tests.app.conftest import AT

__all__ = ["Life", "life"]


def without(symptom, clinic):
    protocol = clinic.protocol
    return protocol.model_copy(
        update={
            "content_hash": f"without {symptom}",
            "version": "9.0",
            "symptoms": {name: each for name, each in protocol.symptoms.items() if name != symptom},
        }
    )


def rescaled(symptom, clinic, *, by):
    """The protocol with another scale: "first" or "last": a level more there; "reversed": in another order."""
    protocol = clinic.protocol
    question = protocol.questions[protocol.symptoms[symptom].question]
    new = question.choices[0].model_copy(update={"id": "unbearable"})
    choices = {
        "first": (question.choices[0], new, *question.choices[1:]),
        "last": (*question.choices, new),
        "reversed": tuple(reversed(question.choices)),
    }[by]
    questions = {**protocol.questions, question.id: question.model_copy(update={"choices": choices})}
    return protocol.model_copy(update={"content_hash": f"scale {by}", "version": "9.0", "questions": questions})


def problems(life, after):
    return life.database.run(lambda s: protocol_change.problems_with(s, life.clinic.protocol, after))


@pytest.mark.parametrize("answers", [{"numbness": "mild"}, {"safety_new": "yes", "which_new": "eyes"}])
def test_protocol_without_a_symptom_that_somebody_has_is_refused(life, answers):
    symptom = "numbness" if "numbness" in answers else "eyes"
    after = without(symptom, life.clinic)
    assert problems(life, after) == [], "nobody has it"
    life.check(0, **answers)
    (problem,) = problems(life, after)
    assert f"nerve 9.0 lacks the symptom '{symptom}'" in problem.replace(after.name, "nerve")
    assert "1 patient has a concern or an accepted level of it: keep the symptom" in problem
    assert "P-0001" not in problem


def test_concern_that_a_human_knows_counts_until_it_is_settled(life):
    after = without("numbness", life.clinic)
    life.check(0, numbness="mild")
    life.staff(life.alerts()[0], "spoke_to_patient", 0, 1)
    assert life.state("numbness") == "reached"
    assert len(problems(life, after)) == 1
    for day in (1, 2, 3, 4):
        life.check(day)
    assert life.state("numbness") == "settled"
    assert problems(life, after) == []


def test_level_that_is_usual_for_a_patient_counts(life):
    life.check(0, "baseline", numbness="mild", known_before="yes_known")
    assert life.state("numbness") == "none"
    assert len(problems(life, without("numbness", life.clinic))) == 1


@pytest.mark.parametrize(("by", "is_refused"), [("first", True), ("reversed", True), ("last", False)])
def test_protocol_that_moves_levels_that_somebody_has_is_refused(life, by, is_refused):
    after = rescaled("numbness", life.clinic, by=by)
    assert problems(life, after) == []
    life.check(0, numbness="mild")
    found = problems(life, after)
    assert len(found) == is_refused
    assert all("keep the levels of" in problem and "(none, mild, medium, strong" in problem for problem in found)


def test_start_refuses_the_protocol_and_goes_on_with_the_last_one(life):
    def start(protocol):
        return life.database.run(lambda s: protocol_files.use(s, protocol))

    def keep(stores):
        protocol_files.keep(stores, life.clinic.protocol, packaged_protocol(), AT)

    life.database.run(keep)
    assert start(life.clinic.protocol) == []
    life.check(0, numbness="mild")
    after = without("numbness", life.clinic)
    assert len(start(after)) == 1
    assert len(start(after)) == 1, "it is still not the one that is used"
    assert start(life.clinic.protocol) == []
    assert start(without("vision", life.clinic)) == [], "nobody has it"


def test_first_protocol_of_a_database_replaces_none(life):
    life.check(0, numbness="mild")
    after = without("numbness", life.clinic)
    assert life.database.run(lambda s: protocol_files.use(s, after)) == []
