"""Which days a plan asks on, what is refused, and the small tools; time zones have a file of their own."""

from datetime import UTC, date, datetime, time, timedelta, timezone
from functools import cache
from itertools import pairwise

import pytest
from hypothesis import strategies as st
from pydantic import ValidationError

from bot.core import local_time, schedule
from bot.core.local_time import NaiveDatetimeError, UnknownZoneError, valid_timezone
from bot.core.plan_template import (
    AfterStop,
    Cadence,
    Phase,
    PlanTemplate,
    StopPhase,
    Tail,
    check_phases,
    check_template,
)
from bot.core.schedule import Pause, Plan, day_of, next_occurrence, occurrences, phase_at, stable_jitter, week_of
from bot.core.treatment import Period, StopReason, Treatment
from tests.core.drawn import drawn

START = date(2026, 1, 5)


def full(every, offset=0):
    return Cadence(form="full", every=every, offset=offset)


def quick(every, offset=0):
    return Cadence(form="quick", every=every, offset=offset)


def phase(name, first, last, *cadences):
    return Phase(name=name, first_day=first, last_day=last, cadences=cadences or (full(7),))


EARLY = phase("early", 0, 91, full(7), quick(7, 2), quick(7, 5))
MIDDLE = phase("middle", 92, 182, full(14), quick(7))
LATE = phase("late", 183, 365, full(28), quick(14))
TAIL = Tail(cadences=(full(28),))
SINGLE = PlanTemplate(name="single", phases=(EARLY, MIDDLE, LATE), tail=TAIL)
COMBINATION = PlanTemplate(
    name="combination",
    phases=(
        phase("early", 0, 6, full(7), quick(7, 2), quick(7, 5)),
        phase("early", 7, 84, full(7), quick(1)),
        phase("early", 85, 91, full(7, 6), quick(7, 1), quick(7, 4)),
        MIDDLE,
        LATE,
    ),
    tail=TAIL,
)
DAILY = PlanTemplate(name="daily", phases=(phase("daily", 0, None, quick(1)),), tail=TAIL)


def treated(*spans, reason=StopReason.PLANNED_END):
    """Treatment periods from day to day (None: no stop)."""
    periods = [
        Period(start=on(start), stop=None if stop is None else on(stop), reason=None if stop is None else reason)
        for start, stop in spans
    ]
    return Treatment(periods=tuple(periods))


def make(template=SINGLE, **changes):
    usual = {
        "treatment": Treatment.begun(START),
        "timezone": "UTC",
        "send_time": time(10),
        "quiet_from": time(21),
        "quiet_to": time(9),
    }
    return Plan(template=template, **{**usual, **changes})


def on(day):
    return START + timedelta(days=day)


def timestamp(day, hour=0, minute=0):
    return datetime(START.year, START.month, START.day, hour, minute, tzinfo=UTC) + timedelta(days=day)


def asked(plan, first=0, last=9999, limit=None):
    """The (day, form) pairs of days `first` to `last`."""
    found = []
    for each in occurrences(plan, timestamp(first) - timedelta(seconds=1), limit):
        if each.day > last:
            break
        found.append((each.day, each.form))
    return found


# --- The default plan -------------------------------------------------------------------------------------------------


def test_the_first_two_weeks_by_hand():
    assert asked(make(), 0, 14) == [
        (0, "full"), (2, "quick"), (5, "quick"), (7, "full"), (9, "quick"), (12, "quick"), (14, "full"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [
        (86, 99, [(86, "quick"), (89, "quick"), (91, "full"), (92, "full"), (99, "quick")]),
        (100, 127, [(106, "full"), (113, "quick"), (120, "full"), (127, "quick")]),
        (170, 197, [(176, "full"), (183, "full"), (197, "quick")]),
        (350, 422, [(351, "full"), (365, "quick"), (366, "full"), (394, "full"), (422, "full")]),
    ],
)
def test_seams_of_the_default_phases_by_hand(first, last, expected):
    assert asked(make(), first, last) == expected


def test_a_year_asks_as_often_as_the_protocol_says():
    days = asked(make(), 0, 365)
    counts = [
        [sum(form == wanted for day, form in days if first <= day <= last) for wanted in ("full", "quick")]
        for first, last in ((0, 91), (92, 182), (183, 365))
    ]
    assert counts == [[14, 26], [7, 6], [7, 7]]


def test_a_combination_is_asked_daily_from_day_7_to_84():
    days = dict(asked(make(COMBINATION), 0, 92))
    assert [day for day in range(7, 85) if day not in days] == []
    assert {day for day, form in days.items() if form == "full"} == {*range(0, 92, 7), 92}
    assert [day for day in days if day < 7 or day > 84] == [0, 2, 5, 86, 89, 91, 92]


def test_an_occurrence_says_everything_about_itself():
    found = next_occurrence(make(timezone="Asia/Tokyo", jitter_seconds=90), timestamp(8, 12))
    assert found.model_dump() == {
        "due_at": timestamp(9, 1, 1) + timedelta(seconds=30),
        "local_date": date(2026, 1, 14),
        "day": 9,
        "form": "quick",
        "phase": "early",
    }
    assert found.due_at.tzinfo is UTC


def test_of_two_forms_on_one_day_the_first_listed_is_asked():
    swapped = PlanTemplate(name="x", phases=(phase("only", 0, None, quick(7), full(14)),), tail=TAIL)
    assert asked(make(swapped), limit=3) == [(0, "quick"), (7, "quick"), (14, "quick")]


# --- Where it begins, ends and jumps ----------------------------------------------------------------------------------


def test_after_is_strict():
    plan = make()
    assert next_occurrence(plan, timestamp(2, 9, 59)).day == 2
    assert next_occurrence(plan, timestamp(2, 10)).day == 5
    assert next_occurrence(plan, timestamp(2, 10) - timedelta(microseconds=1)).day == 2


def test_nothing_falls_due_before_the_start_whatever_is_asked():
    plan = make(timezone="America/Los_Angeles")
    for after in (datetime.min.replace(tzinfo=UTC), timestamp(-400), timestamp(0)):
        assert next_occurrence(plan, after).day == 0


def test_after_may_carry_any_zone():
    ahead = timezone(timedelta(hours=14))
    assert next_occurrence(make(), timestamp(2, 10).astimezone(ahead)).day == 5
    assert next_occurrence(make(), (timestamp(2, 10) - timedelta(seconds=1)).astimezone(ahead)).day == 2


def test_the_evening_west_of_greenwich_is_still_ahead_when_utc_has_turned():
    plan = make(timezone="America/Los_Angeles", send_time=time(20))  # due at 04:00 UTC, on UTC's next day
    assert next_occurrence(plan, timestamp(3, 1)).day == 2
    assert next_occurrence(plan, timestamp(3, 4)).day == 5


def test_limit_bounds_and_none_goes_on():
    assert len(list(occurrences(make(), timestamp(0), 3))) == 3
    assert list(occurrences(make(), timestamp(0), 0)) == []
    assert next_occurrence(make(), timestamp(200_000)).phase == "tail"


def count_calls(monkeypatch, name):
    calls = []
    real = getattr(schedule, name)
    monkeypatch.setattr(schedule, name, lambda *given: calls.append(given) or real(*given))
    return calls


def test_a_long_enrolment_costs_no_more_than_a_new_one(monkeypatch):
    worked = count_calls(monkeypatch, "_due_at")
    assert next_occurrence(make(DAILY), timestamp(3000)).day == 3000
    assert len(worked) <= 4


def test_a_long_pause_is_jumped_over(monkeypatch):
    looked = count_calls(monkeypatch, "_next_hit")
    years = Pause(first=START, last=on(2999))
    assert next_occurrence(make(DAILY, pauses=(years,)), timestamp(0)).day == 3000
    assert len(looked) <= 4


def test_an_endless_plan_ends_with_the_calendar():
    december = date(9999, 12, 1)
    ending = make(treatment=Treatment.begun(december))
    days = [each.day for each in occurrences(ending, timestamp(0))]
    assert days == [0, 2, 5, 7, 9, 12, 14, 16, 19, 21, 23, 26, 28]
    *_, last = occurrences(make(DAILY, treatment=Treatment.begun(december)), timestamp(0))
    assert (last.local_date, last.phase) == (date(9999, 12, 29), "daily")
    stopped = make(DAILY, treatment=Treatment.begun(december, date(9999, 12, 20)))
    *_, last = occurrences(stopped, timestamp(0))
    assert (last.local_date, last.phase) == (date(9999, 12, 29), "daily")


# --- ICI stops --------------------------------------------------------------------------------------------------------


def test_a_stop_takes_no_check_in_from_the_phases():
    assert asked(make(treatment=treated((0, 40))), last=182) == asked(make(), last=182)
    assert (
        asked(make(treatment=treated((0, 40))))[-1][0] == 211
    )  # late from 183 on: 197, 211; the next is past 40 + 183


def test_the_last_day_after_a_stop_is_included_and_no_more():
    daily = SINGLE.model_copy(update={"tail": Tail(name="after", cadences=(quick(1),), days_after_stop=183)})
    plan = make(daily, treatment=treated((0, 100)))
    assert asked(plan)[-1] == (283, "quick")
    assert (phase_at(plan, on(283)), phase_at(plan, on(284))) == ("after", None)
    assert next_occurrence(plan, timestamp(283, 10)) is None


def test_a_stop_in_the_tail_ends_it_but_keeps_its_rhythm():
    plan = make(treatment=treated((0, 500)))
    assert asked(plan, 366, 450) == [(366, "full"), (394, "full"), (422, "full"), (450, "full")]
    assert asked(plan)[-1] == (366 + 28 * 11, "full")  # 674; the next, 702, is past 500 + 183


def test_a_stop_in_an_endless_phase_ends_the_plan_later():
    endless = PlanTemplate(name="x", phases=(phase("only", 0, None, full(10)),), tail=Tail(cadences=(full(28, 5),)))
    assert asked(make(endless, treatment=treated((0, 20)))) == [(day, "full") for day in range(0, 201, 10)]


def test_phase_at_names_the_phase_of_a_date():
    days = {-1: None, 0: "early", 91: "early", 92: "middle", 182: "middle", 183: "late", 365: "late", 366: "tail"}
    assert {day: phase_at(make(), on(day)) for day in days} == days
    assert phase_at(make(), on(99_999)) == "tail"
    stopped = {49: "early", 91: "early", 92: "middle", 182: "middle", 183: "late", 233: "late", 234: None}
    assert {day: phase_at(make(treatment=treated((0, 50))), on(day)) for day in stopped} == stopped


def test_a_restart_begins_the_phases_again_and_keeps_the_count():
    plan = make(treatment=treated((0, 200), (500, None)))
    assert {day: phase_at(plan, on(day)) for day in (200, 383, 384, 499, 500, 591, 592)} == {
        200: "middle",
        383: "tail",
        384: None,
        499: None,
        500: "early",
        591: "early",
        592: "middle",
    }
    assert asked(plan, 384, 507) == [(500, "full"), (502, "quick"), (505, "quick"), (507, "full")]
    assert (day_of(plan, timestamp(507)), week_of(plan, timestamp(507))) == (507, 73)


def test_a_restart_to_come_changes_nothing_before_it():
    plan = make(treatment=treated((0, None), (225, None)))
    assert asked(plan, last=224) == asked(make(), last=224)
    assert [day for day, _ in asked(plan, 225, 232)] == [225, 227, 230, 232]


def test_a_restart_on_the_day_of_the_stop_leaves_no_day_out():
    plan = make(treatment=treated((0, 0), (0, None)))
    assert asked(plan, last=400) == asked(make(), last=400)


# --- Pauses -----------------------------------------------------------------------------------------------------------


def test_a_pause_silences_its_first_and_last_day():
    assert asked(make(pauses=(Pause(first=on(2), last=on(9)),)), 0, 14) == [(0, "full"), (12, "quick"), (14, "full")]
    assert asked(make(pauses=(Pause(first=on(3), last=on(8)),)), 0, 9) == [(0, "full"), (2, "quick"), (9, "quick")]
    assert asked(make(pauses=(Pause(first=on(8), last=on(9)),)), 5, 12) == [(5, "quick"), (7, "full"), (12, "quick")]


def test_pauses_may_overlap_and_stand_in_any_order():
    pauses = tuple(Pause(first=on(a), last=on(b)) for a, b in ((10, 14), (2, 5), (4, 7), (8, 9)))
    assert asked(make(pauses=pauses), 0, 16) == [(0, "full"), (16, "quick")]


def test_a_pause_to_the_end_of_time_ends_the_plan():
    assert next_occurrence(make(pauses=(Pause(first=START, last=date.max),)), timestamp(0)) is None


# --- Properties -------------------------------------------------------------------------------------------------------


@st.composite
def cadences(draw):
    every = draw(st.integers(1, 9))
    return Cadence(form=draw(st.sampled_from(["full", "quick"])), every=every, offset=draw(st.integers(0, every - 1)))


@st.composite
def plans(draw):
    lengths = draw(st.lists(st.integers(9, 30), min_size=1, max_size=3))
    endless = draw(st.booleans())
    phases = []
    for number, length in enumerate(lengths):
        first = sum(lengths[:number])
        last = None if endless and number == len(lengths) - 1 else first + length - 1
        phases.append(phase(f"p{number}", first, last, *draw(st.lists(cadences(), min_size=1, max_size=3))))
    wanted = draw(st.lists(cadences(), min_size=1, max_size=2))
    tail = Tail(cadences=tuple(wanted), days_after_stop=draw(st.integers(0, 20)))
    pauses = draw(st.lists(st.tuples(st.integers(-3, 100), st.integers(0, 12)), max_size=3))
    return make(
        PlanTemplate(name="drawn", phases=tuple(phases), tail=tail, after_stop=draw(st.none() | after_stops())),
        treatment=draw(treatments()),
        pauses=tuple(Pause(first=on(first), last=on(first + length)) for first, length in pauses),
    )


@st.composite
def after_stops(draw):
    phases = [
        StopPhase(
            name=f"s{number}",
            last_day=draw(st.integers(9, 25)),
            at_risk_only=draw(st.booleans()),
            cadences=tuple(draw(st.lists(cadences(), min_size=1, max_size=2))),
        )
        for number in range(draw(st.integers(0, 2)))
    ]
    reasons = draw(st.sets(st.sampled_from(StopReason)))
    return AfterStop(at_risk_until_day=draw(st.integers(0, 60)), at_risk_reasons=tuple(reasons), phases=tuple(phases))


@st.composite
def treatments(draw):
    start, periods = 0, []
    for _ in range(draw(st.integers(1, 3))):
        stop = draw(st.none() | st.integers(start, start + 60))
        reason = None if stop is None else draw(st.none() | st.sampled_from(StopReason))
        periods.append(Period(start=on(start), stop=None if stop is None else on(stop), reason=reason))
        start = (start if stop is None else stop) + draw(st.integers(1, 50))
    return Treatment(periods=tuple(periods))


def asked_on(plan, day):
    """What a day asks, day by day straight from the rules: (phase, form) or None."""
    if any(pause.first <= on(day) <= pause.last for pause in plan.pauses):
        return None
    begun = [period for period in plan.treatment.periods if period.start <= on(day)]
    if not begun:
        return None
    period, tail = begun[-1], plan.template.tail
    since_start = (on(day) - period.start).days
    found = [by_start(plan.template, since_start, period.start)]
    if period.stop is not None and on(day) >= period.stop:
        since_stop = (on(day) - period.stop).days
        if since_stop > tail.days_after_stop:
            return None
        found += by_stop(plan.template, since_stop, period)
    name, since, wanted, _ = max(found, key=lambda each: (hits_a_year(each[2]), each[3]))
    for cadence in wanted:
        if since >= cadence.offset and (since - cadence.offset) % cadence.every == 0:
            return name, cadence.form
    return None


def by_start(template, day, start=START):
    """The phase of a day since the start: its name, the days since it began, its cadences, its last date."""
    for each in template.phases:
        if each.last_day is None:
            return each.name, day - each.first_day, each.cadences, date.max
        if day <= each.last_day:
            return each.name, day - each.first_day, each.cadences, start + timedelta(days=each.last_day)
    return template.tail.name, day - template.phases[-1].last_day - 1, template.tail.cadences, date.max


def by_stop(template, day, period):
    """The phases of a day since the stop, in the same form."""
    stopped_on, reason = (period.stop - period.start).days, period.reason
    if template.after_stop is None:
        (early, _, often, _), (middle, _, less, _) = by_start(template, 0), by_start(template, 92)
        limit, risky = 182, (None, StopReason.SIDE_EFFECT, StopReason.UNKNOWN)
        listed = [(early, 28, True, often), (middle, 91, False, less)]
    else:
        limit, risky = template.after_stop.at_risk_until_day, template.after_stop.at_risk_reasons
        risky = {*risky, None} if StopReason.UNKNOWN in risky else risky
        listed = [(s.name, s.last_day, s.at_risk_only, s.cadences) for s in template.after_stop.phases]
    listed = [each for each in listed if stopped_on <= limit or reason in risky or not each[2]]
    for name, last, _, wanted in listed:
        if day <= last:
            yield name, day, wanted, period.stop + timedelta(days=last)
    over = max((last + 1 for _, last, _, _ in listed), default=0)
    if day >= over:
        yield template.tail.name, day - over, template.tail.cadences, date.max


@cache
def hits_a_year(wanted):
    """On how many of 364 days cadences ask."""
    return sum(any(d >= c.offset and (d - c.offset) % c.every == 0 for c in wanted) for d in range(364))


@drawn(plans(), st.integers(-5, 130), st.integers(0, 23), some=6)
def test_plan_asks_on_the_days_of_its_rules_from_any_time_on(plan, day, hour):
    after = timestamp(day, hour)
    rules = {n: asked_on(plan, n) for n in range(150) if timestamp(n, 10) > after}
    expected = [(n, *what) for n, what in rules.items() if what is not None]
    found = [(each.day, each.phase, each.form) for each in occurrences(plan, after, 150) if each.day < 150]
    assert found == expected
    assert [phase_at(plan, on(n)) for n, _, _ in expected] == [name for _, name, _ in expected]


@drawn(plans(), st.integers(-600, 600), st.times(), some=8)
def test_due_times_only_rise_and_the_iterator_agrees_with_next(plan, jitter, clock):
    plan = plan.model_copy(update={"jitter_seconds": jitter, "send_time": clock})
    found = list(occurrences(plan, timestamp(-1), 12))
    assert all(one.due_at < two.due_at and one.local_date < two.local_date for one, two in pairwise(found))
    assert all(next_occurrence(plan, one.due_at) == two for one, two in pairwise(found))


# --- Jitter and send times in quiet hours (no zone involved) ----------------------------------------------------------


@pytest.mark.parametrize(
    ("send", "quiet", "jitter", "due"),
    [
        (time(10), (21, 9), 0, "10:00:00"),
        (time(10), (21, 9), 600, "10:10:00"),
        (time(10), (21, 9), -600, "09:50:00"),
        (time(9), (21, 9), -600, "09:10:00"),  # would be quiet: the other way
        (time(9, 5), (21, 9), -300, "09:00:00"),  # the first time after quiet hours is allowed
        (time(20, 55), (21, 9), 300, "20:50:00"),  # 21:00 itself is quiet
        (time(20, 55), (21, 9), 299, "20:59:59"),
        (time(21), (21, 9), 0, "09:00:00"),  # in quiet hours: their end, on the same date
        (time(23, 30), (21, 9), 60, "09:01:00"),
        (time(3), (21, 9), 0, "09:00:00"),
        (time(22), (21, 0), 0, "00:00:00"),
        (time(3), (0, 9), 0, "09:00:00"),
        (time(13), (12, 14), -60, "14:01:00"),
        (time(11, 59), (12, 14), 120, "11:57:00"),
        (time(14), (12, 14), 0, "14:00:00"),
        (time(23), (12, 14), 0, "23:00:00"),
        (time(23, 58), (0, 0), 300, "23:53:00"),  # no quiet hours: the day's own edges hold
        (time(0, 2), (7, 7), -300, "00:07:00"),
        (time(7), (7, 7), 0, "07:00:00"),
    ],
)
def test_when_in_the_day(send, quiet, jitter, due):
    plan = make(send_time=send, quiet_from=time(quiet[0]), quiet_to=time(quiet[1]), jitter_seconds=jitter)
    found = next_occurrence(plan, timestamp(2) - timedelta(seconds=1))
    assert (found.local_date, found.due_at.date(), f"{found.due_at:%H:%M:%S}") == (on(2), on(2), due)


def test_a_window_smaller_than_the_jitter_gets_the_send_time_itself():
    plan = make(send_time=time(9, 5), quiet_from=time(9, 10), quiet_to=time(9), jitter_seconds=600)
    assert next_occurrence(plan, timestamp(2)).due_at == timestamp(2, 9, 5)


@drawn(st.integers(), st.integers(0, 10**6), some=8)
def test_stable_jitter_stays_in_its_bound(patient, bound):
    assert -bound <= stable_jitter(f"P-{patient}", bound) <= bound


def test_stable_jitter_is_spread_evenly_to_both_edges():
    counts = dict.fromkeys(range(-2, 3), 0)
    for number in range(1000):
        counts[stable_jitter(f"P-{number}", 2)] += 1
    assert min(counts.values()) > 150


def test_stable_jitter_never_changes_for_a_seed():
    assert [stable_jitter(code, 600) for code in ("P-0001", "P-0002", "")] == [-450, -290, -172]


def test_stable_jitter_refuses_a_negative_bound():
    with pytest.raises(schedule.JitterError, match="0 seconds or more, not -1"):
        stable_jitter("P-0001", -1)


# --- Days and weeks ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("day", "hour", "expected"),
    [(0, 12, (0, 1)), (6, 12, (6, 1)), (7, 12, (7, 2)), (6, 15, (7, 2)), (-1, 12, (-1, 0)), (-8, 12, (-8, -1))],
)
def test_days_and_weeks_turn_at_the_patients_midnight(day, hour, expected):
    plan = make(timezone="Asia/Tokyo")  # nine hours ahead: 15:00 UTC is midnight
    assert (day_of(plan, timestamp(day, hour)), week_of(plan, timestamp(day, hour))) == expected


# --- What is refused --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "ask",
    [
        lambda naive: occurrences(make(), naive),
        lambda naive: next_occurrence(make(), naive),
        lambda naive: day_of(make(), naive),
        lambda naive: week_of(make(), naive),
        lambda naive: local_time.in_quiet_hours(naive, "UTC", time(21), time(9)),
        lambda naive: local_time.after_quiet_hours(naive, "UTC", time(21), time(9)),
    ],
)
def test_naive_datetimes_are_refused(ask):
    with pytest.raises(NaiveDatetimeError, match="2026-01-05 10:00:00 has no time zone: pass an aware datetime"):
        ask(timestamp(0, 10).replace(tzinfo=None))


@pytest.mark.parametrize(
    ("name", "good"),
    [
        ("Europe/Berlin", True), ("UTC", True), ("America/Argentina/Ushuaia", True), ("Europe/Atlantis", False),
        ("America", False), ("", False), ("../etc/passwd", False), ("/etc/localtime", False), ("a\0b", False),
        ("localtime", False), ("right/UTC", False), ("posix/UTC", False), ("x" * 300, False), ("zone.tab", False),
    ],
)  # fmt: skip
def test_valid_timezone(name, good):
    assert valid_timezone(name) is good


@pytest.mark.parametrize("name", ["Mars/Base", "posix/UTC"])
def test_an_unknown_zone_is_refused_by_name(name):
    for ask in (local_time.in_quiet_hours, local_time.after_quiet_hours):
        with pytest.raises(UnknownZoneError, match=f"'{name}' is not an IANA time zone"):
            ask(timestamp(0), name, time(21), time(9))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"timezone": "Mars/Base"}, "'Mars/Base' is not an IANA time zone"),
        ({"send_time": time(10, tzinfo=UTC)}, "10:00:00\\+00:00 has a time zone"),
        ({"quiet_from": time(10, tzinfo=UTC)}, "has a time zone"),
        ({"quiet_to": time(10, tzinfo=UTC)}, "has a time zone"),
        ({"template": PlanTemplate(name="x", phases=(), tail=TAIL)}, "is invalid: there are no phases"),
        (
            {"template": PlanTemplate(name="x", phases=(phase("a", 1, None, full(0)),), tail=TAIL)},
            "starts at day 1.*; phase 'a', form 'full': every 0 days",
        ),
        ({"enrolled": START}, "Extra inputs are not permitted"),
    ],
)
def test_a_plan_that_cant_be_kept_is_refused(changes, words):
    with pytest.raises(ValidationError, match=words):
        make(**changes)


def test_a_pause_that_ends_before_it_begins_is_refused():
    with pytest.raises(ValidationError, match="a pause ends on 2026-01-04, before it begins on 2026-01-05"):
        Pause(first=START, last=on(-1))
    assert Pause(first=START, last=START).last == START


def test_records_are_frozen_closed_and_survive_json():
    plan = make(COMBINATION, treatment=treated((0, 0)), pauses=(Pause(first=START, last=START),), jitter_seconds=-7)
    assert Plan.model_validate_json(plan.model_dump_json()) == plan
    with pytest.raises(ValidationError, match="frozen"):
        plan.jitter_seconds = 1
    with pytest.raises(ValidationError, match="Extra inputs"):
        Phase.model_validate({"name": "a", "first_day": 0, "cadences": [], "anchor": "stop"})


# --- Faults of a template ---------------------------------------------------------------------------------------------


def test_the_default_templates_have_no_faults():
    assert check_template(SINGLE) == []
    assert check_template(COMBINATION) == []


@pytest.mark.parametrize(
    ("phases", "faults"),
    [
        ((), ["there are no phases: days from 0 on have no phase"]),
        ((phase("a", 0, None),), []),
        ((phase("a", 0, 6),), []),
        ((phase("a", 3, 20),), ["phase 'a' starts at day 3: the first phase starts at day 0"]),
        ((phase("a", -2, 20),), ["phase 'a' starts at day -2: the first phase starts at day 0"]),
        (
            (phase("early", 0, 91), phase("middle", 93, 182)),
            ["phase 'middle' starts at day 93 but 'early' ends at day 91: day 92 has no phase"],
        ),
        (
            (phase("early", 0, 91), phase("middle", 99, 182)),
            ["phase 'middle' starts at day 99 but 'early' ends at day 91: days 92 to 98 have no phase"],
        ),
        (
            (phase("early", 0, 91), phase("middle", 91, 182)),
            ["phase 'middle' starts at day 91 but 'early' ends at day 91: day 91 has two phases"],
        ),
        (
            (phase("early", 0, 91), phase("middle", 88, 182)),
            ["phase 'middle' starts at day 88 but 'early' ends at day 91: days 88 to 91 have two phases"],
        ),
        (
            (phase("a", 0, None), phase("b", 50, 90)),
            ["phase 'b' starts at day 50 but 'a' has no last day: they overlap from day 50 on"],
        ),
        (
            (phase("a", 0, 20), phase("b", 50, 90), phase("c", 21, 49)),
            [
                "phase 'b' starts at day 50 but 'a' ends at day 20: days 21 to 49 have no phase",
                "phase 'c' starts at day 21 but 'b', listed before it, starts at day 50: list phases in order",
            ],
        ),
        (
            (phase("a", 0, 20), phase("b", 0, 20)),
            ["phase 'b' starts at day 0 but 'a', listed before it, starts at day 0: list phases in order"],
        ),
        ((phase("a", 0, 20), phase("b", 21, 19)), ["phase 'b' ends at day 19, before it starts at day 21"]),
        ((phase("a", 0, 20), phase("b", 21, 20)), ["phase 'b' ends at day 20, before it starts at day 21"]),
        ((phase("a", 0, 0, full(7)),), []),
        ((phase("a", 0, 20, full(0)),), ["phase 'a', form 'full': every 0 days: must be 1 or more"]),
        ((phase("a", 0, 20, full(7, 7)),), ["phase 'a', form 'full': offset 7 is not below every 7 days"]),
        ((phase("a", 0, 20, full(7, 6)),), []),
        ((phase("a", 0, 20, full(7, -1)),), ["phase 'a', form 'full': offset -1 is negative"]),
        ((phase("a", 0, 4, full(7, 5)),), ["phase 'a', form 'full': offset 5 is past the end of a phase of 5 days"]),
        ((phase("a", 0, 0, full(7, 1)),), ["phase 'a', form 'full': offset 1 is past the end of a phase of 1 day"]),
        ((phase("a", 0, 4, full(7, 4)),), []),
        ((Phase(name="a", first_day=0, cadences=()),), ["phase 'a' has no check-ins: give it a cadence"]),
        (
            (phase("a", 0, 20, full(-3, -4), quick(5, 9)),),
            [
                "phase 'a', form 'full': every -3 days: must be 1 or more",
                "phase 'a', form 'full': offset -4 is negative",
                "phase 'a', form 'quick': offset 9 is not below every 5 days",
            ],
        ),
    ],
)
def test_check_phases_names_every_fault(phases, faults):
    assert check_phases(phases) == faults


def test_the_tail_is_checked_too():
    broken = Tail(name="after", cadences=(full(28, 28),), days_after_stop=-1)
    assert check_template(SINGLE.model_copy(update={"tail": broken})) == [
        "phase 'after', form 'full': offset 28 is not below every 28 days",
        "phase 'after' ends -1 days after the stop: must be 0 or more",
    ]


def test_the_phases_after_a_stop_are_checked_too():
    broken = AfterStop(
        phases=(
            StopPhase(name="soon", last_day=-1, cadences=(quick(1),)),
            StopPhase(name="later", last_day=4, cadences=(full(7, 5),)),
            StopPhase(name="never", last_day=4, cadences=()),
        )
    )
    assert check_template(SINGLE.model_copy(update={"after_stop": broken})) == [
        "phase 'soon' after the stop ends on day -1: must be 0 or more",
        "phase 'later' after the stop, form 'full': offset 5 is past the end of a phase of 5 days",
        "phase 'never' after the stop has no check-ins: give it a cadence",
    ]


@drawn(st.lists(st.integers(6, 40), min_size=2, max_size=5), st.data(), some=8)
def test_phases_without_gap_pass_and_any_shift_of_a_seam_is_named(lengths, data):
    spans = [(sum(lengths[:n]), sum(lengths[: n + 1]) - 1) for n in range(len(lengths))]
    assert check_phases([phase(f"p{n}", *span, quick(1)) for n, span in enumerate(spans)]) == []
    which = data.draw(st.integers(1, len(spans) - 1))
    first, last = spans[which]
    spans[which] = (first + data.draw(st.integers(-5, 5).filter(bool)), last)
    (fault,) = check_phases([phase(f"p{n}", *span, quick(1)) for n, span in enumerate(spans)])
    assert fault.startswith(
        f"phase 'p{which}' starts at day {spans[which][0]} but 'p{which - 1}' ends at day {first - 1}"
    )
