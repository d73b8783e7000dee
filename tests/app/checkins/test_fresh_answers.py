"""Answers to the safety screens expire when the next answer is given, and for no other reason."""

from bot.core.screen import Action
from bot.dialog import checkins
from tests.app.concerns.test_cases import Life, life

__all__ = ["Life", "life"]


def half_answered(life):
    life.opened(0)
    for choice in ("no", "none", "none"):
        life.tap(choice, life.at(0))
    return life.run(lambda s: s.checkins.open_of(life.anna.id))


def superseded(life, row):
    return [answer.superseded_at for answer in life.run(lambda s: s.answers.of_checkin(row.id))]


def test_tap_that_is_ignored_changes_nothing_that_is_stored(life):
    row = half_answered(life)
    old = Action(kind="choose", subject=row.id, revision=0, question="safety_now", choice="none")
    life.run(checkins.tapped, life.patient(), old, at=life.at(0, 7))
    assert superseded(life, row) == [None] * 3


def test_back_after_hours_leads_back_and_the_answer_after_it_expires_the_other(life):
    row = half_answered(life)
    life.tap("", life.at(0, 7), kind="back")
    assert life.cursor() == "safety_new"
    assert superseded(life, row) == [None] * 3
    life.tap("none", life.at(0, 7))
    assert life.cursor() == "safety_now", "asked again"
    life.tap("none", life.at(0, 7))
    assert life.cursor() == "numbness"
