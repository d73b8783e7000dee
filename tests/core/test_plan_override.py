"""One patient's plan override: every N days from day A to B, weekdays, single days more; pauses hold for all of it."""

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise

import pytest
from hypothesis import strategies as st
from pydantic import ValidationError

from bot.core.plan_override import ExtraCheckIn, PlanOverride, Rhythm, next_with_override, with_rhythms
from bot.core.plan_template import Cadence, Phase, PlanTemplate, Tail, check_template
from bot.core.schedule import Pause, Plan, occurrences
from bot.core.treatment import Treatment
from tests.core.drawn import drawn

START = date(2026, 3, 2)
"""A Monday."""
DAY = timedelta(days=1)
TEMPLATE = PlanTemplate(
    name="standard",
    phases=(
        Phase(
            name="early",
            first_day=0,
            last_day=27,
            cadences=(
                Cadence(form="full", every=7),
                Cadence(form="quick", every=7, offset=2),
                Cadence(form="quick", every=7, offset=5),
            ),
        ),
        Phase(name="late", first_day=28, last_day=83, cadences=(Cadence(form="quick", every=14),)),
    ),
    tail=Tail(cadences=(Cadence(form="full", every=28),)),
)


def plan(*rhythms, **more):
    values = {
        "treatment": Treatment.begun(START),
        "timezone": "UTC",
        "send_time": time(10),
        "quiet_from": time(21),
        "quiet_to": time(8),
    }
    return Plan(template=with_rhythms(TEMPLATE, rhythms), **values | more)


def days(until, *rhythms, **more):
    found = occurrences(plan(*rhythms, **more), datetime(2026, 3, 1, tzinfo=UTC))
    listed = []
    for each in found:
        if each.day > until:
            return listed
        listed.append((each.day, each.form))
    return listed


def override_days(until, override, **more):
    at, made, listed = datetime(2026, 3, 1, tzinfo=UTC), plan(*override.rhythms, **more), []
    while True:
        found = next_with_override(made, override, at)
        if found is None or found.day > until:
            return listed
        assert found.due_at > at
        listed.append((found.day, found.form))
        at = found.due_at


def test_without_a_rhythm_the_plan_is_what_it_was():
    assert with_rhythms(TEMPLATE, ()) == TEMPLATE
    assert override_days(90, PlanOverride()) == days(90)


def test_every_so_many_days_from_one_day_to_another():
    rhythm = Rhythm(first_day=7, last_day=13, every=2)
    assert days(21, rhythm) == [
        *((0, "full"), (2, "quick"), (5, "quick")),
        *((7, "full"), (9, "quick"), (11, "quick"), (13, "quick")),
        *((14, "full"), (16, "quick"), (19, "quick"), (21, "full")),
    ]


def test_a_slow_rhythm_is_slow_for_every_form():
    assert days(40, Rhythm(first_day=0, every=10)) == [
        (0, "full"),
        (10, "full"),
        (20, "full"),
        (28, "quick"),
        (38, "quick"),
    ]


def test_it_may_reach_over_phases_and_into_the_tail():
    rhythm = Rhythm(first_day=20, last_day=100, every=20)
    made = with_rhythms(TEMPLATE, (rhythm,))
    assert [(p.name, p.first_day, p.last_day) for p in made.phases] == [
        ("early", 0, 19),
        ("early", 20, 27),
        ("late", 28, 83),
        ("tail", 84, 100),
    ]
    assert made.tail == TEMPLATE.tail
    assert [d for d, _ in days(160, rhythm) if d > 19] == [20, 28, 48, 68, 84, 101, 129, 157]


def test_without_a_last_day_it_goes_on():
    assert [d for d, _ in days(400, Rhythm(first_day=90, every=30)) if d > 60] == [70, 84, *range(90, 400, 30)]


def test_after_a_stop_the_plan_asks_more_often_than_a_slow_rhythm():
    stopped = days(400, Rhythm(first_day=0, every=10), treatment=Treatment.begun(START, START + 15 * DAY))
    assert stopped[:2] == [(0, "full"), (10, "full")]
    assert [day for day, _ in stopped if 15 <= day <= 43] == [15, 17, 20, 22, 24, 27, 29, 31, 34, 36, 38, 41, 43]
    assert [day for day, _ in stopped if day > 43][:3] == [48, 58, 68]
    assert stopped[-1][0] <= 15 + 183


def test_after_a_stop_a_quicker_rhythm_goes_on():
    stopped = days(60, Rhythm(first_day=0, every=1), treatment=Treatment.begun(START, START + 15 * DAY))
    assert [day for day, _ in stopped] == [*range(61)]


def test_the_later_of_two_rhythms_holds():
    both = (Rhythm(first_day=0, last_day=20, every=1), Rhythm(first_day=3, last_day=8, every=3))
    assert [d for d, _ in days(11, *both)] == [0, 1, 2, 3, 6, 9, 10, 11]


@pytest.mark.parametrize(
    "bad", [{"every": 0}, {"every": 93}, {"first_day": -1}, {"last_day": 4}], ids=["never", "rarely", "before", "order"]
)
def test_a_rhythm_makes_sense(bad):
    with pytest.raises(ValidationError):
        Rhythm(**{"first_day": 5, "every": 7} | bad)


@drawn(
    st.lists(st.tuples(st.integers(0, 120), st.one_of(st.none(), st.integers(0, 60)), st.integers(1, 92)), max_size=4),
    some=8,
)
def test_whatever_is_asked_for_can_be_kept(found):
    rhythms = [Rhythm(first_day=a, last_day=None if b is None else a + b, every=n) for a, b, n in found]
    made = with_rhythms(TEMPLATE, rhythms)
    assert check_template(made) == []
    asked = days(150, *rhythms)
    assert asked, "never silent"
    if rhythms:
        last = rhythms[-1]
        here = [d for d, _ in asked if last.first_day <= d <= (150 if last.last_day is None else last.last_day)]
        assert all(b - a <= last.every for a, b in pairwise(here))


# -- weekdays


def weekdays_of(listed):
    return {(START + day * DAY).weekday() for day, _ in listed}


def test_what_falls_on_another_day_is_asked_on_the_next_wanted_one():
    monday_thursday = override_days(13, PlanOverride(weekdays=(0, 3)))
    assert weekdays_of(monday_thursday) == {0, 3}
    assert monday_thursday == [(0, "full"), (3, "quick"), (7, "full"), (10, "quick")]


def test_of_two_that_meet_the_one_listed_first_is_asked():
    """Days 2 and 5 are asked quickly, day 7 at length: on Mondays alone all meet, and nothing is lost of the long form."""
    assert override_days(28, PlanOverride(weekdays=(0,))) == [
        (0, "full"),
        (7, "full"),
        (14, "full"),
        (21, "full"),
        (28, "quick"),
    ]
    sundays = override_days(28, PlanOverride(weekdays=(6,)))
    assert sundays == [(6, "full"), (13, "full"), (20, "full"), (27, "full")]


def test_one_a_day_at_most_and_all_weekdays_change_nothing():
    assert override_days(90, PlanOverride(weekdays=tuple(range(7)))) == days(90)


def test_a_pause_holds_for_what_was_moved():
    pause = Pause(first=START + 7 * DAY, last=START + 7 * DAY)
    assert override_days(13, PlanOverride(weekdays=(0, 3)), pauses=(pause,)) == [
        (0, "full"),
        (3, "quick"),
        (10, "quick"),
    ]


@drawn(st.sets(st.integers(0, 6), min_size=1), st.integers(1, 9), some=8)
def test_on_wanted_weekdays_alone_and_never_long_silent(wanted, every):
    override = PlanOverride(rhythms=(Rhythm(first_day=0, every=every),), weekdays=tuple(wanted))
    listed = override_days(70, override)
    assert weekdays_of(listed) <= wanted
    found = [day for day, _ in listed]
    assert all(a < b <= a + every + 7 for a, b in pairwise(found))


# -- single days


def test_a_day_more_is_asked_once():
    override = PlanOverride(extras=(ExtraCheckIn(day=START + 4 * DAY),))
    assert override_days(7, override) == [(0, "full"), (2, "quick"), (4, "quick"), (5, "quick"), (7, "full")]


def test_on_a_day_that_is_asked_anyway_the_plan_asks():
    assert override_days(7, PlanOverride(extras=(ExtraCheckIn(day=START + 7 * DAY),))) == days(7)


def test_a_day_more_is_asked_on_any_weekday_but_not_in_a_pause():
    override = PlanOverride(weekdays=(0,), extras=(ExtraCheckIn(day=START + 4 * DAY),))
    assert override_days(7, override) == [(0, "full"), (4, "quick"), (7, "full")]
    pause = Pause(first=START + 4 * DAY, last=START + 5 * DAY)
    assert override_days(7, override, pauses=(pause,)) == [(0, "full"), (7, "full")]


def test_extra_day_may_come_when_the_plan_has_ended():
    over = {"treatment": Treatment.begun(START, START)}
    override = PlanOverride(extras=(ExtraCheckIn(day=START + 400 * DAY),))
    assert override_days(500, override, **over)[-1] == (400, "quick")


def test_wanted_weekdays_end_with_the_plan():
    override, over = PlanOverride(weekdays=(0, 2)), {"treatment": Treatment.begun(START, START)}
    listed = override_days(900, override, **over)
    assert listed, "it is asked for a while after the stop"
    assert weekdays_of(listed) <= {0, 2}
    ended = datetime.combine(START + 900 * DAY, time(), UTC)
    assert next_with_override(plan(**over), override, ended) is None


def test_a_rhythm_in_a_phase_without_an_end_holds_to_its_own_end():
    cadences = (Cadence(form="quick", every=2),)
    endless = PlanTemplate(
        name="x", phases=(Phase(name="all", first_day=0, cadences=cadences),), tail=Tail(cadences=cadences)
    )
    changed = with_rhythms(endless, (Rhythm(first_day=10, last_day=19, every=5),))
    assert [(p.first_day, p.last_day, p.cadences[0].every) for p in changed.phases] == [
        (0, 9, 2),
        (10, 19, 5),
        (20, None, 2),
    ]
    assert changed.tail == endless.tail
