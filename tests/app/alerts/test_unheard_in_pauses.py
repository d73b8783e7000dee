"""A pause asks no follow-up that could be missed: what stays open without a word is a task to phone the patient."""

from datetime import timedelta

import pytest

from bot.app.patients import participation
from bot.app.schedules import plan_edits
from bot.core.schedule import Pause
from tests.app.alerts.test_replies import at_hospital, home_question
from tests.app.concerns.test_cases import Life, life

__all__ = ["Life", "life"]
DAY = timedelta(days=1)
FOUND = {"emergency": {"safety_now": "yes", "which_now": "heart"}, "urgent": {"safety_new": "yes", "which_new": "eyes"}}
EACH = pytest.mark.parametrize("tier", FOUND)


def phone(life):
    return [task.raised_at for task in life.run(lambda s: s.tasks.open()) if task.kind == "phone_patient"]


def silent(life, day, hours=12):
    """Send every safety follow-up; nobody answers one."""
    for step in range(1, hours * 4):
        life.run_prompts(life.at(day, step / 4))


@EACH
def test_open_red_flag_that_is_found_in_the_hospital_pause(life, tier):
    at_hospital(life)
    life.check(3, **FOUND[tier])
    assert phone(life) == []
    silent(life, 3)
    assert len(phone(life)) == 1
    assert phone(life)[0] < life.at(3, 8)
    life.press(home_question(life), "not_home", 7, 1)
    silent(life, 7)
    assert len(phone(life)) == 1


@EACH
def test_patient_who_pauses_and_then_says_nothing(life, tier):
    life.check(0, **FOUND[tier])
    life.run(participation.pause, "P-0001", life.at(7).date(), at=life.at(0, 0.1))
    assert phone(life) == []
    silent(life, 0)
    assert len(phone(life)) == 1


@EACH
def test_patient_who_said_nothing_and_then_pauses(life, tier):
    life.check(0, **FOUND[tier])
    silent(life, 0)
    assert phone(life) == [], "a follow-up comes tomorrow"
    life.run(participation.pause, "P-0001", None, at=life.at(0, 13))
    assert phone(life) == [life.at(0, 13)]


@pytest.mark.parametrize("is_planned_first", [True, False])
def test_pause_from_tomorrow_that_the_team_planned(life, is_planned_first):
    today = life.at(0).date()
    edit = plan_edits.PlanEdit(pause=Pause(first=today + DAY, last=today + 9 * DAY))
    if is_planned_first:
        life.run(plan_edits.apply, "P-0001", edit, at=life.at(0))
    life.check(0, **FOUND["urgent"])
    silent(life, 0)
    if not is_planned_first:
        life.run(plan_edits.apply, "P-0001", edit, at=life.at(0, 13))
    assert len(phone(life)) == 1


@pytest.mark.parametrize("how", ["soon", "reached", "no_pause", "mistake"])
def test_no_task_without_an_open_red_flag_in_a_pause(life, how):
    life.check(0, **({"numbness": "mild"} if how == "soon" else FOUND["urgent"]))
    if how != "no_pause":
        life.run(participation.pause, "P-0001", None, at=life.at(0, 0.1))
    if how == "reached":
        life.reply(life.alerts()[0], "reached", 0, 0.5)
    if how == "mistake":
        life.press(life.prompt(life.alerts()[0], 0, 2), "was_mistake", 0, 2)
    silent(life, 0, 72 if how == "soon" else 3)
    assert phone(life) == []


def test_an_answer_closes_the_task(life):
    life.check(0, **FOUND["urgent"])
    life.run(participation.pause, "P-0001", None, at=life.at(0, 0.1))
    silent(life, 0)
    life.check(1)
    assert phone(life) == []
