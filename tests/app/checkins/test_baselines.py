"""A baseline that was interrupted is offered again (case K21): nothing may become usual by accident."""

import pytest

from bot.app.checkins import answering
from bot.app.operations import sweeps
from bot.app.schedules.plans import FOLLOW_UP, occurrence_after
from bot.core.checkin import State
from tests.app.concerns.test_cases import Life


@pytest.fixture
def life(database, clinic, anna):
    life = Life(database, clinic, anna)
    life.run(lambda w: answering.close_as(w, anna, w.checkins.open_of(anna.id), answering.core.Replace()))
    return life


def next_form(life, day):
    """The form of the next check-in of the plan after a day."""
    found = life.patient()
    planned = occurrence_after(found, life.clinic, life.at(day))
    while planned.phase == FOLLOW_UP:
        planned = occurrence_after(found, life.clinic, planned.due_at)
    life.run(lambda s: s.patients.save(found.model_copy(update={"next_due_at": planned.due_at})))
    life.run(sweeps.check_ins_due, 9, at=planned.due_at)
    row = life.run(lambda s: s.checkins.open_of(life.anna.id))
    assert row.kind == "scheduled"
    return row.value.form


@pytest.mark.parametrize("how", ["emergency", "silence", "finished early"])
def test_k21_interrupted_baseline_is_offered_again(life, how):
    if how == "emergency":
        life.check(0, "baseline", safety_now="yes", which_now="heart")
        assert life.run(lambda s: s.checkins.of_patient(life.anna.id))[0].value.state is State.DONE
        life.staff(life.alerts()[0], "spoke_to_patient", 0, 1)
    elif how == "silence":
        life.check(0, "baseline", until="chair")
    else:
        life.check(0, "baseline", until="which_new", safety_new="yes")
        life.tap("+eyes", life.at(0), kind="toggle")
        row = life.run(lambda s: s.checkins.open_of(life.anna.id))
        assert row.value.cursor == "which_new"
        life.tap("", life.at(0), kind="finish")
    assert next_form(life, 20) == "baseline"
    life.check(20, start=False)
    assert next_form(life, 30) != "baseline"


def test_first_baseline_after_an_interrupted_one_names_what_was_known(life):
    life.check(0, "baseline", safety_now="yes", which_now="heart")
    life.staff(life.alerts()[0], "spoke_to_patient", 0, 1)
    life.check(9, "baseline", stairs="some", known_stairs="yes_known")
    assert life.state("stairs") == "none"
    assert "call.soon" not in life.check(10, "full", stairs="some")


@pytest.mark.parametrize("first", ["finished", "never begun"])
def test_no_baseline_is_offered_without_an_interrupted_one(life, first):
    if first == "finished":
        life.check(0, "baseline")
    assert next_form(life, 20) != "baseline"
