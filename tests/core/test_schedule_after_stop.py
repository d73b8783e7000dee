"""Law 12, from the calendar alone: after the drug stops, the denser of the phases by days since start and since stop.

The numbers below are those of the clinical page, written here again; nothing is read from the code or the protocol.
"""

from datetime import UTC, date, datetime, time, timedelta
from itertools import groupby, pairwise

import pytest

from bot.core.plan_template import Cadence, Phase, PlanTemplate, StopPhase, Tail, after_stop_of
from bot.core.schedule import Plan, occurrences, phase_at
from bot.core.treatment import Period, StopReason, Treatment

START = date(2026, 1, 5)
DAY = timedelta(days=1)
CAUTIOUS = (StopReason.SIDE_EFFECT, StopReason.UNKNOWN, None)
CALM = (StopReason.PLANNED_END, StopReason.OTHER)
ORDER = ("daily", "early", "middle", "late", "tail")
AT_LEAST_EVERY = {"daily": 1, "early": 3, "middle": 7, "late": 14, "tail": 28}
"""The longest time between two check-ins of a phase, in days."""


def _phase(name, first, last, *cadences):
    wanted = tuple(Cadence(form=form, every=every, offset=offset) for form, every, offset in cadences)
    return Phase(name=name, first_day=first, last_day=last, cadences=wanted)


EARLY = (("full", 7, 0), ("quick", 7, 2), ("quick", 7, 5))
LATER = (
    _phase("middle", 92, 182, ("full", 14, 0), ("quick", 7, 0)),
    _phase("late", 183, 365, ("full", 28, 0), ("quick", 14, 0)),
)
TAIL = Tail(cadences=(Cadence(form="full", every=28),))
STANDARD = PlanTemplate(name="standard", phases=(_phase("early", 0, 91, *EARLY), *LATER), tail=TAIL)
COMBINATION = PlanTemplate(
    name="combination",
    phases=(
        _phase("early", 0, 6, *EARLY),
        _phase("daily", 7, 84, ("full", 7, 0), ("quick", 1, 0)),
        _phase("early", 85, 91, ("full", 7, 6), ("quick", 7, 1), ("quick", 7, 4)),
        *LATER,
    ),
    tail=TAIL,
)


def plan_of(template, *periods):
    treatment = Treatment(
        periods=tuple(
            Period(start=START + begin * DAY, stop=None if end is None else START + end * DAY, reason=reason)
            for begin, end, reason in periods
        )
    )
    times = {"send_time": time(10), "quiet_from": time(21), "quiet_to": time(9)}
    return Plan(template=template, treatment=treatment, timezone="UTC", **times)


def by_start(day, *, combination):
    if combination and 7 <= day <= 84:
        return "daily"
    return next((name for name, last in (("early", 91), ("middle", 182), ("late", 365)) if day <= last), "tail")


def by_stop(since, stopped_on, reason):
    if since <= 28:
        return "early" if stopped_on <= 182 or reason in CAUTIOUS else "middle"
    return "middle" if since <= 91 else "tail"


def wanted(day, stop, reason, *, combination):
    """The phase of a day, None once the plan has ended."""
    found = by_start(day, combination=combination)
    if stop is None or day < stop:
        return found
    if day > stop + 183:
        return None
    return min(found, by_stop(day - stop, stop, reason), key=ORDER.index)


def phases(plan, last):
    return [phase_at(plan, START + day * DAY) for day in range(last + 1)]


def asked(plan, last):
    """The days of the check-ins."""
    found = occurrences(plan, datetime.combine(START - DAY, time(), UTC))
    days = []
    for each in found:
        if (day := (each.local_date - START).days) > last:
            break
        days.append(day)
    return days


BORDERS = (0, 6, 7, 40, 84, 91, 182, 183, 366)
every_plan = pytest.mark.parametrize("template", [STANDARD, COMBINATION], ids=["standard", "combination"])
every_reason = pytest.mark.parametrize("reason", [*CAUTIOUS, *CALM], ids=str)


@every_plan
@every_reason
def test_phase_begins_and_ends_on_its_days_after_a_stop_at_any_border(template, reason):
    for stop in BORDERS:
        plan = plan_of(template, (0, stop, reason))
        expected = [wanted(day, stop, reason, combination=template is COMBINATION) for day in range(stop + 183 + 30)]
        turns = [day for day, (before, after) in enumerate(pairwise(expected), 1) if before != after]
        for day in {0, *turns, *(day - 1 for day in turns), len(expected) - 1}:
            assert phase_at(plan, START + day * DAY) == expected[day], (stop, day)


@pytest.mark.slow
@every_plan
@every_reason
def test_each_day_after_any_stop_has_the_denser_phase(template, reason):
    for stop in sorted({*BORDERS, *range(0, 400, 7), 181, 365}):
        expected = [wanted(day, stop, reason, combination=template is COMBINATION) for day in range(stop + 183 + 30)]
        assert phases(plan_of(template, (0, stop, reason)), len(expected) - 1) == expected, stop


@pytest.mark.parametrize(
    "stops",
    [
        pytest.param((40, 183), id="some"),
        pytest.param((*range(0, 400, 11), 182, 183), id="all", marks=pytest.mark.slow),
    ],
)
@every_plan
@every_reason
def test_check_ins_after_any_stop_are_as_close_as_their_phase(template, reason, stops):
    for stop in stops:
        end = stop + 183
        days = asked(plan_of(template, (0, stop, reason)), 9999)
        assert max(days) <= end
        names = [wanted(day, stop, reason, combination=template is COMBINATION) for day in range(end + 1)]
        for before, after in pairwise([*days, end + 1]):
            longest = max(AT_LEAST_EVERY[name] for name in names[before : after + 1])
            assert after - before <= longest, (stop, before, after)


@pytest.mark.parametrize(
    "reason",
    [
        CAUTIOUS[0],
        CALM[0],
        *(pytest.param(reason, marks=pytest.mark.slow) for reason in (*CAUTIOUS[1:], *CALM[1:])),
    ],
    ids=str,
)
def test_k14_stop_on_day_40_is_early_to_91_then_middle_to_182(reason):
    plan = plan_of(STANDARD, (0, 40, reason))
    found = [(name, len(list(days))) for name, days in groupby(phases(plan, 260))]
    assert found == [("early", 92), ("middle", 91), ("late", 223 - 182), (None, 260 - 223)]
    days = asked(plan, 260)
    assert [day for day in days if 36 <= day <= 56] == [37, 40, 42, 44, 47, 49, 51, 54, 56]
    assert [day for day in days if 92 <= day <= 182] == list(range(92, 183, 7))


@pytest.mark.parametrize("reason", CAUTIOUS, ids=str)
def test_k14_stop_on_day_200_for_a_side_effect_is_early_for_28_days(reason):
    plan = plan_of(STANDARD, (0, 200, reason))
    found = [(name, len(list(days))) for name, days in groupby(phases(plan, 400))]
    assert found[:4] == [("early", 92), ("middle", 91), ("late", 17), ("early", 29)]
    assert found[4:] == [("middle", 291 - 228), ("late", 365 - 291), ("tail", 383 - 365), (None, 400 - 383)]
    assert [day for day in asked(plan, 228) if day >= 200] == [
        *(200, 202, 205, 207, 209, 212, 214, 216, 219, 221, 223, 226, 228),
    ]
    assert [day for day in asked(plan, 291) if day > 228] == [235, 242, 249, 256, 263, 270, 277, 284, 291]


@pytest.mark.parametrize("reason", CALM, ids=str)
def test_k14_stop_on_day_200_as_planned_is_middle_to_91_days_after(reason):
    plan = plan_of(STANDARD, (0, 200, reason))
    found = [(name, len(list(days))) for name, days in groupby(phases(plan, 300))]
    assert found[2:] == [("late", 17), ("middle", 92), ("late", 9)]
    assert [day for day in asked(plan, 291) if day >= 200] == list(range(200, 292, 7))


def test_a_combination_is_asked_daily_by_days_since_the_start_only():
    stopped = asked(plan_of(COMBINATION, (0, 60, StopReason.SIDE_EFFECT)), 120)
    assert [day for day in stopped if 7 <= day <= 84] == list(range(7, 85))
    late = asked(plan_of(COMBINATION, (0, 150, StopReason.SIDE_EFFECT)), 178)
    assert [day for day in late if day >= 150] == [150, 152, 155, 157, 159, 162, 164, 166, 169, 171, 173, 176, 178]


def test_a_restart_begins_the_early_phase_again_and_counts_its_own_stop():
    plan = plan_of(STANDARD, (0, 200, StopReason.PLANNED_END), (300, 310, StopReason.PLANNED_END))
    found = [(name, len(list(days))) for name, days in groupby(phases(plan, 520)[290:])]
    assert found == [("middle", 2), ("late", 8), ("early", 92), ("middle", 91), ("late", 493 - 482), (None, 520 - 493)]


def test_a_protocol_file_without_the_law_gets_it_from_its_own_phases():
    assert [(phase.name, phase.last_day, phase.at_risk_only) for phase in after_stop_of(COMBINATION).phases] == [
        ("early", 28, True),
        ("middle", 91, False),
    ]
    own = after_stop_of(COMBINATION).model_copy(update={"phases": (StopPhase(name="x", last_day=1, cadences=()),)})
    assert after_stop_of(COMBINATION.model_copy(update={"after_stop": own})) == own
