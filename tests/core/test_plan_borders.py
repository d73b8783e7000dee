"""First and last days of a template's phases, and the local day where it isn't the one in Greenwich."""

from datetime import UTC, date, datetime, time

import pytest

from bot.core.plan_template import (
    AfterStop,
    Cadence,
    Phase,
    PlanTemplate,
    StopPhase,
    Tail,
    after_stop_of,
    check_template,
)
from bot.core.postpone import LocalTimes, Postponement, remind_at
from bot.core.schedule import Plan, due_on
from bot.core.treatment import Treatment

WEEKLY = (Cadence(form="full", every=7),)


def template(*last_days, after_stop=None):
    """Return one whose phases end on these days, each with a cadence of its own."""
    firsts = (0, *(day + 1 for day in last_days))
    phases = tuple(
        Phase(name=f"to-{last}", first_day=first, last_day=last, cadences=(Cadence(form="full", every=number),))
        for number, (first, last) in enumerate(zip(firsts, last_days, strict=False), start=1)
    )
    return PlanTemplate(name="x", phases=phases, tail=Tail(cadences=WEEKLY), after_stop=after_stop)


@pytest.mark.parametrize(
    ("last_days", "names"),
    [
        ((0, 91, 182), ["to-0", "to-182"]),
        ((0, 92, 182), ["to-0", "to-92"]),
        ((92,), ["to-92", "to-92"]),
        ((91,), ["to-91", "tail"]),
    ],
)
def test_after_a_stop_the_phases_of_day_0_and_day_92_apply(last_days, names):
    made = template(*last_days)
    assert check_template(made) == []
    found = after_stop_of(made).phases
    by_name = {phase.name: phase.cadences for phase in (*made.phases, made.tail)}
    assert [(phase.name, phase.cadences) for phase in found] == [(name, by_name[name]) for name in names]


def of_stop_phase(last_day, offset=0):
    after = AfterStop(
        phases=(StopPhase(name="s", last_day=last_day, cadences=(Cadence(form="q", every=7, offset=offset),)),)
    )
    return check_template(template(91, after_stop=after))


def test_phase_after_a_stop_may_be_the_day_of_the_stop_alone():
    assert of_stop_phase(0) == []
    assert of_stop_phase(0, offset=1) == [
        "phase 's' after the stop, form 'q': offset 1 is past the end of a phase of 1 day"
    ]


def test_phase_that_ends_before_the_stop_is_one_fault():
    assert of_stop_phase(-1, offset=1) == ["phase 's' after the stop ends on day -1: must be 0 or more"]


@pytest.mark.parametrize(
    ("zone", "hour"), [("Asia/Tokyo", "01:00"), ("America/New_York", "15:00"), ("Pacific/Chatham", "20:15")]
)
def test_due_on_is_the_local_send_time_of_that_local_day(zone, hour):
    treatment = Treatment.begun(date(2026, 1, 5))
    times = {"send_time": time(10), "quiet_from": time(21), "quiet_to": time(9)}
    found = due_on(Plan(template=template(91), treatment=treatment, timezone=zone, **times), date(2026, 1, 20))
    assert f"{found:%H:%M}" == hour


@pytest.mark.parametrize(
    ("zone", "at", "expected"),
    [
        ("Pacific/Chatham", (2026, 6, 9, 20), (2026, 6, 10, 5, 15)),  # 08:45 on the 10th
        ("Asia/Tokyo", (2026, 6, 9, 16), (2026, 6, 10, 9)),  # 01:00 on the 10th
        ("Pacific/Honolulu", (2026, 6, 10, 3), (2026, 6, 10, 4)),  # 17:00 on the 9th
    ],
)
def test_this_evening_is_that_of_the_local_day(zone, at, expected):
    times = LocalTimes(zone=zone, send_time=time(10), quiet_from=time(22), quiet_to=time(8))
    assert remind_at(Postponement.EVENING, times, datetime(*at, tzinfo=UTC)) == datetime(*expected, tzinfo=UTC)


@pytest.mark.parametrize(("hour", "day"), [(8, 10), (14, 10), (16, 11), (23, 11)])
def test_tomorrow_is_the_day_after_the_local_one(hour, day):
    times = LocalTimes(zone="Asia/Tokyo", send_time=time(10), quiet_from=time(22), quiet_to=time(8))
    asked = datetime(2026, 6, 9, hour, tzinfo=UTC)
    assert remind_at(Postponement.TOMORROW, times, asked) == datetime(2026, 6, day, 1, tzinfo=UTC)
