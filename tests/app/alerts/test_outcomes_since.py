"""An outcome that staff noted counts for what the alert named then: what joined since needs one of its own."""

import pytest

from bot.app.alerts import ownership, queue
from bot.app.patients import participation
from bot.app.ports.errors import RefusedError
from tests.app.alerts.test_joining import owned, team, the_alert
from tests.app.concerns.test_cases import Life, life

__all__ = ["Life", "life", "team"]
EYES, STRONG, MILD = {"safety_new": "yes", "which_new": "eyes"}, {"numbness": "strong"}, {"numbness": "mild"}


def noted(life, outcome, day, hours=0.0, *, act=ownership.note, shown=None):
    return life.run(act, the_alert(life).id, outcome, shown_at=shown, at=life.at(day, hours), by="ann")


def close(life, day, hours=0.0):
    return life.run(ownership.close, the_alert(life).id, at=life.at(day, hours), by="ann")


def spoken_then_joined(life, joins=STRONG):
    """Staff spoke about the eyes; something as urgent, or less, is found on the next day."""
    life.check(0, **EYES)
    owned(life)
    noted(life, "spoke_to_patient", 0, 1)
    life.check(1, still_eyes="same", **joins)


@pytest.mark.parametrize("joins", [STRONG, MILD])
def test_closing_needs_an_outcome_noted_since_something_joined(life, team, joins):
    spoken_then_joined(life, joins)
    assert (the_alert(life).owner, the_alert(life).outcome) == ("ann", None)
    life.reply(the_alert(life), "reached", 1, 1)
    assert life.state("numbness") == "reached"
    with pytest.raises(RefusedError, match="no outcome yet"):
        close(life, 1, 2)
    noted(life, "seen", 1, 3)
    assert close(life, 1, 4).closed_by == "ann"


def test_what_joined_outlives_the_data(life, team):
    spoken_then_joined(life)
    life.reply(the_alert(life), "reached", 1, 1)
    life.run(participation.erase, "P-0001", at=life.at(1, 2))
    (kept,) = life.run(queue.queue, at=life.at(1, 3))
    assert (kept.code, kept.outcome) == ("P-0001", None)


def test_an_outcome_that_was_noted_since_is_all_that_is_needed(life, team):
    spoken_then_joined(life)
    noted(life, "spoke_to_patient", 1, 1)
    life.run(participation.erase, "P-0001", at=life.at(1, 2))
    assert life.run(queue.queue, at=life.at(1, 3)) == []


@pytest.mark.parametrize("act", [ownership.note, ownership.finish])
@pytest.mark.parametrize("is_reached", [True, False])
def test_outcome_of_an_older_page_is_none_for_what_joined(life, team, act, is_reached):
    life.check(0, **EYES)
    owned(life)
    life.check(1, still_eyes="same", **STRONG)
    if is_reached:
        life.reply(the_alert(life), "reached", 1, 1)
    noted(life, "spoke_to_patient", 1, 2, act=act, shown=life.at(0, 2))
    assert life.state("eyes") == "reached"
    assert (the_alert(life).owner, the_alert(life).outcome, the_alert(life).closed_at) == ("ann", None, None)
    noted(life, "spoke_to_patient", 1, 3, act=ownership.finish, shown=life.at(1, 2))
    assert the_alert(life).closed_by == "ann"


def test_what_changes_nothing_keeps_the_outcome(life, team):
    life.check(0, **EYES)
    owned(life)
    noted(life, "spoke_to_patient", 0, 1)
    life.check(1, still_eyes="same")
    assert the_alert(life).outcome == "spoke_to_patient"


def test_an_attempt_stays_due_again_when_something_joins(life, team):
    life.check(0, **EYES)
    owned(life)
    noted(life, "not_reached", 0, 1)
    life.check(0.1, still_eyes="same", **STRONG)
    (row,) = life.run(queue.queue, at=life.at(0.1, 1))
    assert (row.outcome, row.next_attempt_at) == ("not_reached", life.at(0, 2))
