"""One tap that answers two questions: it gives, and raises, what the two choices would."""

import pytest

from bot.core import checkin as core
from bot.core.checkin import State
from tests.core.test_checkin import Patient


def at_numbness():
    """A quick check in which only numbness is left to ask."""
    patient = Patient()
    for choice in ("no", "none", "none"):
        patient.choose(choice)
    assert patient.at == "numbness"
    return patient


def test_same_as_last_time_answers_the_next_question_too():
    patient = at_numbness()
    same = core.Choose(question="numbness", choice="mild", then="a_little", revision=patient.checkin.revision)
    given = [e for e in patient.send(same) if isinstance(e, core.AnswerGiven)]
    assert [(e.question, e.choices) for e in given] == [("numbness", ("mild",)), ("interference", ("a_little",))]
    assert patient.checkin.state is State.DONE


@pytest.mark.parametrize("both", [("very_strong", "very_much"), ("strong", "quite_a_bit"), ("mild", "very_much")])
def test_same_as_last_time_raises_as_the_choices_do(both):
    patient, tapped = at_numbness(), at_numbness()
    patient.send(core.Choose(question="numbness", choice=both[0], then=both[1], revision=patient.checkin.revision))
    for choice in both:
        if tapped.checkin.state is State.PAUSED:
            tapped.send(core.Continue(revision=tapped.checkin.revision))
        tapped.choose(choice)
    assert patient.checkin.raised is tapped.checkin.raised
    assert patient.checkin.answers == tapped.checkin.answers


@pytest.mark.parametrize(
    ("question", "first", "then"), [("numbness", "mild", "unknown"), ("numbness", "none", "a_little")]
)
def test_answer_for_a_next_question_that_has_no_such_choice_is_ignored(question, first, then):
    patient = at_numbness()
    patient.send(core.Choose(question=question, choice=first, then=then, revision=patient.checkin.revision))
    assert "interference" not in patient.checkin.answers


def test_no_tap_answers_a_safety_screen_for_another_question():
    patient = Patient()
    patient.send(core.Choose(question="change", choice="no", then="none", revision=patient.checkin.revision))
    assert (patient.at, patient.checkin.answers) == ("safety_now", {"change": ("no",)})
