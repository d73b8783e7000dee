"""What "false alarm" is about, and what ends a finding that has no question of its own."""

import pytest

from bot.app.alerts import help_requests, ownership
from tests.app.concerns.test_cases import Life, life

__all__ = ["Life", "life"]


@pytest.mark.parametrize("form", ["quick", "full", "again", "baseline"])
@pytest.mark.parametrize(("answer", "state"), [("no", "settled"), ("yes", "open")])
def test_something_new_goes_only_by_answers_to_whether_anything_is_new(life, form, answer, state):
    life.check(0, change="yes")
    assert life.state("other") == "open"
    for day in range(1, 9):
        life.check(day, form, change=answer)
    assert life.state("other") == state


def test_need_help_now_is_asked_about_in_the_full_form_until_it_is_settled(life):
    life.run(help_requests.need_help, life.patient(), None, at=life.at(0))
    life.staff(life.alerts()[-1], "spoke_to_patient", 0, 1)
    for day in (1, 2, 3):
        life.check(day, "full", change="not_sure")
    assert life.state("help") == "reached", "nobody said that nothing is new"
    for day in (4, 5, 6):
        life.check(day, "full")
    assert life.state("help") == "settled"


@pytest.mark.parametrize("is_dealt_with", [True, False])
def test_false_alarm_about_a_tap_leaves_the_sign_that_staff_spoke_about(life, is_dealt_with):
    life.check(0, safety_new="yes", which_new="eyes")
    (alert,) = life.alerts()
    if is_dealt_with:
        life.run(ownership.note, alert.id, "spoke_to_patient", at=life.at(0, 1), by="lead-1")
    life.run(help_requests.need_help, life.patient(), None, at=life.at(2))
    life.run(ownership.finish, alert.id, "false_alarm", at=life.at(2, 1), by="lead-1")
    assert life.state("help") == "settled"
    assert life.state("eyes") == ("reached" if is_dealt_with else "settled")
    assert len(life.alerts()) == 1


def test_false_alarm_corrects_an_outcome_if_nothing_else_was_named_since(life):
    life.check(0, safety_new="yes", which_new="eyes")
    (alert,) = life.alerts()
    life.run(ownership.note, alert.id, "spoke_to_patient", at=life.at(0, 1), by="lead-1")
    life.run(ownership.finish, alert.id, "false_alarm", at=life.at(0, 2), by="lead-1")
    assert life.state("eyes") == "settled"


def test_false_alarm_of_an_older_page_leaves_what_staff_spoke_about_and_what_is_new(life):
    life.check(0, safety_new="yes", which_new="eyes")
    (alert,) = life.alerts()
    life.run(ownership.note, alert.id, "spoke_to_patient", at=life.at(0, 1), by="lead-1")
    life.check(1, numbness="mild")
    life.run(help_requests.need_help, life.patient(), None, at=life.at(2))
    life.run(ownership.note, alert.id, "false_alarm", at=life.at(2, 1), by="lead-1", shown_at=life.at(1.5))
    assert [life.state(s) for s in ("eyes", "numbness", "help")] == ["reached", "settled", "open"]
