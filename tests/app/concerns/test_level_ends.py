"""An agreement that ends, and a reference level that nobody confirmed, are noticed by the clock (case K34)."""

from datetime import timedelta

import pytest

from bot.app.alerts import for_team
from bot.app.concerns import agreeing
from bot.app.concerns.memory import remember
from bot.app.operations import sweeps
from bot.app.patients import participation
from bot.core.concern_values import Level
from bot.core.happenings import KnownBefore
from bot.core.protocol import Tier
from tests.app.checkins.test_half_answers import life
from tests.fakes.team import Team

__all__ = ["life"]
TICK = timedelta(microseconds=1)
STRONG = Level(Tier.URGENT, 3)


def agree(life, days=28, level="strong", day=0):
    life.run(agreeing.agree_level, "P-0001", "numbness", level, days, at=life.at(day), by="lead-1")


def sweep(life, at):
    return life.run(sweeps.levels_ended, 50, at=at)


def tasks(life):
    return [(task.kind, task.subject) for task in life.run(lambda s: s.tasks.open())]


def test_k34_agreement_that_ended_is_a_task_and_soon_for_the_team(life):
    agree(life)
    life.check(26, numbness="strong")
    seen, before = len(life.database.outbox()), len(life.alerts())
    sweep(life, life.at(28) - TICK)
    assert (len(life.alerts()), tasks(life)) == (before, [("agreement_ends", "P-0001")]), "asked to renew a week before"
    assert sweep(life, life.at(28)).done == 1
    assert life.state("numbness") == "open"
    new = life.alerts()[-1]
    assert not new.is_agreed
    assert (new.tier, new.symptoms, new.next_patient_prompt_at) == (Tier.SOON, ("numbness",), None)
    assert (len(life.alerts()), new.next_escalation_at) == (before + 1, life.at(28))
    assert ("level_ended", "P-0001") in tasks(life)
    assert life.database.outbox()[seen:] == [], "the patient is asked nothing"
    assert sweep(life, life.at(28)).done == 0, "noticed once"


def test_agreement_whose_last_answer_was_usual_ends_without_a_word(life):
    agree(life)
    life.check(26, numbness="none")
    assert sweep(life, life.at(28)).done == 1
    assert (life.alerts(), tasks(life), life.state("numbness")) == ([], [], "none")


def test_reference_level_that_nobody_confirmed_is_for_the_team_after_a_week(life):
    said = KnownBefore(symptom="numbness", level=STRONG, is_helper=False)
    life.run(lambda w: remember(w, life.anna, (said,)), at=life.at(0))
    sweep(life, life.at(7) - TICK)
    assert (life.alerts(), tasks(life)) == ([], [("confirm_reference", "P-0001")])
    sweep(life, life.at(7))
    (alert,) = life.alerts()
    assert (alert.tier, alert.rules, life.state("numbness")) == (Tier.SOON, ("level_ended",), "open")


def test_staff_are_notified_by_the_usual_clocks(life, clinic):
    team = Team(life.database, clinic, life.anna)
    team.join("ann")
    agree(life)
    life.check(26, numbness="strong")
    for alert in life.alerts():
        life.staff(alert, "spoke_to_patient", 26, 1)
    sweep(life, life.at(28))
    life.run(sweeps.team_clocks, 50, at=life.at(28))
    assert "ann" in life.alerts()[-1].notified


def test_what_ended_joins_the_open_alert(life):
    agree(life)
    life.check(26, numbness="strong")
    for alert in life.alerts():
        life.staff(alert, "spoke_to_patient", 26, 1)
    life.check(27, safety_new="yes", which_new="eyes", numbness="strong")
    before = life.alerts()[-1]
    sweep(life, life.at(28))
    after = life.alerts()[-1]
    assert (after.id, after.symptoms) == (before.id, (*before.symptoms, "numbness"))
    assert (after.tier, after.next_patient_prompt_at) == (Tier.URGENT, before.next_patient_prompt_at)


def test_who_left_is_no_work_for_the_team(life):
    agree(life)
    life.check(26, numbness="strong")
    life.run(participation.withdraw, "P-0001", at=life.at(27))
    before = life.alerts()
    assert sweep(life, life.at(28)).done == 1
    assert (life.alerts(), tasks(life)) == (before, [])


def test_fault_in_one_memory_leaves_the_others(life, monkeypatch):
    agree(life)
    life.check(26, numbness="strong")

    def fails(*_args, **_more):
        raise LookupError("broken")

    monkeypatch.setattr(for_team, "add", fails)
    monkeypatch.setattr(for_team, "join", fails)
    result = sweep(life, life.at(28))
    assert (result.done, len(result.errors)) == (0, 1)
    assert life.state("numbness") != "open", "all of it or nothing"


@pytest.mark.parametrize("day", [0, 5])
def test_renewed_agreement_moves_the_end(life, day):
    agree(life, days=7)
    life.check(4, numbness="strong")
    agree(life, days=28, day=day)
    before = len(life.alerts())
    sweep(life, life.at(day + 28) - TICK)
    assert len(life.alerts()) == before
    sweep(life, life.at(day + 28))
    assert len(life.alerts()) == before + 1


def test_end_screen_says_whom_to_call_if_what_ended_gets_worse(life):
    agree(life)
    life.check(26, numbness="strong")
    sweep(life, life.at(28))
    assert life.check(29, numbness="strong") == ["done.open"]
    assert life.words() == ["done.open.for_team", "symptom.numbness", "done.open.worse"]


def test_end_screen_with_a_call_has_one_number(life):
    agree(life)
    life.check(26, numbness="strong")
    sweep(life, life.at(28))
    life.check(28.5, numbness="strong", safety_new="yes", which_new="eyes")
    assert life.check(29.5, numbness="strong", still_eyes="same")[-1] == "done.open"
    assert "done.open.worse" not in life.words()
