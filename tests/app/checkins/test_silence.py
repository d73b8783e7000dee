"""With an EMERGENCY or URGENT open, the first check-in that is missed is a task to phone the patient (rule 7)."""

from datetime import timedelta

import pytest

from bot.app.operations import sweeps
from tests.app.checkins.test_half_answers import change, life

__all__ = ["life"]
DAY = timedelta(days=1)
FOUND = {"emergency": {"safety_now": "yes", "which_now": "heart"}, "urgent": {"safety_new": "yes", "which_new": "eyes"}}


def tasks(life):
    return [(task.kind, task.subject, task.raised_at) for task in life.run(lambda s: s.tasks.open())]


def phone(life):
    return [(kind, at) for kind, _, at in tasks(life) if kind == "phone_patient"]


@pytest.mark.parametrize("tier", FOUND)
def test_first_missed_follow_up_is_a_task_to_phone(life, tier):
    life.check(0, **FOUND[tier])
    life.opened(1)
    assert phone(life) == []
    life.opened(2)
    assert phone(life) == [("phone_patient", life.at(2))]
    life.opened(3)
    assert len(phone(life)) == 1


@pytest.mark.parametrize("tier", FOUND)
def test_check_in_without_another_one_the_next_day_is_missed_after_a_day(life, tier):
    life.check(0, **FOUND[tier])
    change(life, next_due_at=life.at(9), follow_up=None)
    life.opened(1)
    life.run(sweeps.checkin_clocks, 50, at=life.at(2) - timedelta(seconds=1))
    assert phone(life) == []
    life.run(sweeps.checkin_clocks, 50, at=life.at(2))
    assert phone(life) == [("phone_patient", life.at(2))]


@pytest.mark.parametrize("how", ["soon", "reached", "answered"])
def test_no_task_to_phone_without_an_open_red_flag_or_after_an_answer(life, how):
    life.check(0, **({"change": "yes", "autonomic": "dizzy"} if how == "soon" else FOUND["urgent"]))
    if how == "reached":
        life.staff(life.alerts()[0], "spoke_to_patient", 0, 1)
    life.opened(1)
    if how == "answered":
        life.tap("no", life.at(1))
    life.opened(2)
    assert phone(life) == []


def test_answer_closes_the_task_to_phone(life):
    life.check(0, **FOUND["urgent"])
    life.opened(1)
    life.opened(2)
    life.tap("no", life.at(2))
    assert phone(life) == []
