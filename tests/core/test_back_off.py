"""Silence puts off check-ins by the steps of the protocol: later and later, never sooner, and only what is planned."""

from datetime import UTC, date, datetime, time, timedelta

import pytest
from pydantic import ValidationError

from bot.core.back_off import BackOffStep, check_steps, is_first, rests_until, step_at
from bot.core.plan_override import ExtraCheckIn, PlanOverride, next_with_override
from bot.core.plan_template import Cadence, Phase, PlanTemplate, Tail
from bot.core.schedule import Pause, Plan
from bot.core.treatment import Treatment

DAY = timedelta(days=1)
MONDAY = date(2026, 3, 2)
STEPS = (BackOffStep(after=3, days=5, reminders=2), BackOffStep(after=6, days=9, reminders=1))
DAILY = Plan(
    template=PlanTemplate(
        name="daily",
        phases=(Phase(name="early", first_day=0, cadences=(Cadence(form="quick", every=1),)),),
        tail=Tail(cadences=(Cadence(form="quick", every=1),)),
    ),
    treatment=Treatment.begun(MONDAY),
    timezone="Europe/Berlin",
    send_time=time(10),
    quiet_from=time(21),
    quiet_to=time(9),
)


@pytest.mark.parametrize(
    ("unanswered", "days"),
    [(0, None), (1, None), (2, None), (3, 5), (4, 5), (5, 5), (6, 9), (7, 9), (100, 9)],
)
def test_check_in_comes_later_after_each_step(unanswered, days):
    expected = MONDAY + days * DAY if days is not None else None
    assert rests_until(STEPS, unanswered, MONDAY) == expected


def test_protocol_without_steps_puts_nothing_off():
    assert rests_until((), 100, MONDAY) is None
    assert not is_first((), 0)


def test_step_names_its_reminders():
    assert [step.reminders if (step := step_at(STEPS, n)) else None for n in (2, 3, 6)] == [None, 2, 1]


def test_first_later_check_in_is_one():
    assert [n for n in range(20) if is_first(STEPS, n)] == [3]


@pytest.mark.parametrize("field", [{"after": 1}, {"days": 0}, {"days": 29}, {"reminders": -1}])
def test_step_out_of_bounds_is_refused(field):
    with pytest.raises(ValidationError):
        BackOffStep(**{"after": 2, "days": 1, "reminders": 0, **field})


@pytest.mark.parametrize(
    ("second", "words"),
    [
        (BackOffStep(after=3, days=9, reminders=1), "after 3 is not above"),
        (BackOffStep(after=6, days=4, reminders=1), "days 4 is below"),
        (BackOffStep(after=6, days=9, reminders=3), "reminders 3 is above"),
    ],
)
def test_steps_that_would_ask_more_are_faults(second, words):
    ((position, reason),) = check_steps((STEPS[0], second))
    assert position == 1
    assert words in reason


def test_steps_in_order_have_no_fault():
    assert check_steps(STEPS) == []
    assert check_steps(()) == []


# -- where the plan goes on

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)


def following(rests, override=None, plan=DAILY):
    found = next_with_override(plan, override or PlanOverride(), NOON, rests)
    return found.local_date if found is not None else None


def test_plan_goes_on_at_the_first_planned_day_after_the_rest():
    assert following(None) == date(2026, 3, 5)
    assert following(date(2026, 3, 8)) == date(2026, 3, 8)
    assert following(date(2026, 3, 1)) == date(2026, 3, 5), "a rest of the past changes nothing"


def test_weekdays_hold_after_the_rest():
    assert following(date(2026, 3, 8), PlanOverride(weekdays=(2,))) == date(2026, 3, 11)


def test_additional_check_in_comes_in_spite_of_the_rest():
    override = PlanOverride(extras=(ExtraCheckIn(day=date(2026, 3, 6)),))
    assert following(date(2026, 3, 8), override) == date(2026, 3, 6)


def test_pause_and_rest_both_hold():
    plan = DAILY.model_copy(update={"pauses": (Pause(first=date(2026, 3, 7), last=date(2026, 3, 12)),)})
    assert following(date(2026, 3, 8), plan=plan) == date(2026, 3, 13)


def test_plan_that_ends_in_the_rest_has_ended():
    stopped = DAILY.model_copy(update={"treatment": Treatment.begun(MONDAY, date(2026, 3, 3))})
    tail = stopped.template.tail.model_copy(update={"days_after_stop": 3})
    ends = stopped.model_copy(update={"template": stopped.template.model_copy(update={"tail": tail})})
    assert following(date(2026, 3, 6), plan=ends) == date(2026, 3, 6)
    assert following(date(2026, 3, 8), plan=ends) is None
