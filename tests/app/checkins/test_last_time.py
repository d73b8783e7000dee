"""What the last check-in answered, as it may be given again: never a way past a newer, worse or unseen answer."""

from datetime import timedelta

import pytest

from bot.app.checkins.last_time import last_time
from bot.core.screen import Action
from bot.dialog import same_again, taps
from tests.app.concerns.test_cases import BEN, Life, life

__all__ = ["Life", "life"]


def offered(life, day, **patient):
    """Open a check-in, answer up to numbness, and return what is offered: both levels, or None."""
    life.opened(day)
    life.check(day, start=False, until="numbness")
    return found(life, day, **patient)


def found(life, day, **patient):
    asking = life.patient().model_copy(update=patient)

    def look(work):
        given = last_time(work, asking, work.checkins.open_of(asking.id))
        return (given.level, given.then_level) if given is not None else None

    return life.run(look, at=life.at(day))


def same_tap(life, day):
    """The tap on "Same as last time" of the question that is asked now."""
    anna = life.patient()

    def act(work):
        row = work.checkins.open_of(anna.id)
        return same_again.action_of(row, last_time(work, anna, row))

    return life.run(act, at=life.at(day))


def test_last_answers_are_offered(life):
    life.check(0, numbness="mild", interference="somewhat")
    assert offered(life, 2) == ("mild", "somewhat")


def test_a_newer_answer_of_an_unfinished_form_counts(life):
    life.check(0, numbness="mild", interference="a_little")
    life.opened(2)
    life.check(2, start=False, until="interference", numbness="medium")
    assert offered(life, 4) == ("medium", "")


@pytest.mark.parametrize("last", ["none", "skip"])
def test_none_and_a_skip_last_time_offer_nothing_of_before(life, last):
    life.check(0, numbness="mild", interference="a_little")
    life.opened(2)
    life.check(2, start=False, until="numbness")
    life.tap(last if last != "skip" else "", life.at(2), kind="choose" if last != "skip" else "skip")
    life.check(2, start=False)
    assert offered(life, 4) is None


@pytest.mark.parametrize(("days", "is_offered"), [(14, True), (14.1, False)])
def test_answer_is_offered_for_14_days(life, days, is_offered):
    life.check(0, numbness="mild", interference="a_little")
    assert (offered(life, days) is not None) == is_offered


def test_answer_in_other_words_is_not_offered(life):
    """The first check-in asks about the last 7 days."""
    life.check(0, "baseline", numbness="mild", known_before="no", interference="a_little")
    assert offered(life, 2) is None


def test_answer_of_another_protocol_is_not_offered(life):
    life.check(0, numbness="mild", interference="a_little")

    def of_former(work):
        (row,) = work.checkins.of_patient(life.anna.id, limit=1)
        work.checkins.save(row.model_copy(update={"protocol_hash": "f" * 64}))

    life.run(of_former)
    assert offered(life, 2) is None


def test_phone_that_nobody_confirmed_is_shown_no_earlier_answer(life):
    life.check(0, numbness="mild", interference="a_little")
    assert offered(life, 2, history_from=life.at(0) + timedelta(hours=1)) is None
    assert found(life, 2, history_from=life.at(0)) == ("mild", "a_little")


def test_question_that_has_an_answer_already_shows_that_one(life):
    life.check(0, numbness="mild", interference="a_little")
    life.opened(2)
    life.check(2, start=False, until="interference", numbness="medium")
    life.tap("", life.at(2), kind="back")
    assert (life.cursor(), found(life, 2)) == ("numbness", None)


def test_tap_of_a_helper_is_stored_as_theirs(life):
    life.helper()
    life.check(0, numbness="mild", interference="a_little")
    assert offered(life, 2) == ("mild", "a_little")

    action = same_tap(life, 2)
    assert action == Action(
        kind="same", subject=action.subject, revision=action.revision, question="numbness", choice="mild+a_little"
    )
    life.run(taps.tap, BEN, action, at=life.at(2))
    given = life.run(lambda s: s.answers.of_checkin(action.subject))
    by_helper = {a.question: a.choices for a in given if a.caregiver_id is not None}
    assert by_helper == {"numbness": ("mild",), "interference": ("a_little",)}


def test_same_level_keeps_what_is_open_open(life):
    life.check(0, numbness="mild", interference="a_little")
    offered(life, 2)

    life.run(taps.tap, 7, same_tap(life, 2), at=life.at(2))
    assert life.state("numbness") == "open"
    assert "symptom.numbness" in life.words()


def test_ids_too_long_for_a_button_answer_the_first_question_alone(life):
    life.check(0, numbness="mild", interference="a_little")
    offered(life, 2)

    anna = life.patient()

    def shown(work):
        row = work.checkins.open_of(anna.id)
        given = last_time(work, anna, row)
        long = given._replace(then_level="x" * 24)
        return same_again.action_of(row, long).choice, same_again.answers_both(given)

    assert life.run(shown, at=life.at(2)) == ("mild", True)


def test_check_in_whose_form_is_gone_asked_in_the_questions_own_words(life):
    life.check(0, numbness="mild", interference="somewhat")

    def rename(stores):
        row = stores.checkins.of_patient(life.anna.id)[0]
        stores.checkins.save(row.model_copy(update={"value": row.value.model_copy(update={"form": "former"})}))

    life.run(rename)
    assert offered(life, 2) == ("mild", "somewhat")
