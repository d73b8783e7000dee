"""Local time in real zones: gaps, folds, days that never were. Each answer is compared with a walk through every minute."""

from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from itertools import pairwise
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import strategies as st

from bot.core.local_time import after_quiet_hours, in_quiet_hours
from bot.core.plan_template import Cadence, Phase, PlanTemplate, Tail
from bot.core.schedule import Plan, day_of, next_occurrence, occurrences
from bot.core.treatment import Treatment
from tests.core.drawn import drawn

DAY, MINUTE, SECOND = timedelta(days=1), timedelta(minutes=1), timedelta(seconds=1)

# Zone, the date on which its clocks change, and what happens. Apia's 30th of December 2011 never was.
CHANGES = [
    ("Europe/Berlin", date(2026, 3, 29), "gap"),
    ("Europe/Berlin", date(2026, 10, 25), "fold"),
    ("America/New_York", date(2026, 3, 8), "gap"),
    ("America/New_York", date(2026, 11, 1), "fold"),
    ("Australia/Lord_Howe", date(2026, 10, 4), "gap of 30 minutes"),
    ("Australia/Lord_Howe", date(2026, 4, 5), "fold of 30 minutes"),
    ("Pacific/Apia", date(2010, 9, 26), "gap at midnight"),
    ("Pacific/Apia", date(2011, 4, 2), "fold"),
    ("Pacific/Apia", date(2011, 12, 30), "no such day"),
]
CHANGES_OF_EACH_KIND = [CHANGES[place] for place in (0, 1, 4, 6, 8)]
ODDITIES = [
    ("Antarctica/Troll", date(2026, 3, 29), "gap of two hours"),
    ("Africa/Cairo", date(2026, 4, 24), "gap from midnight on"),
    ("America/Toronto", date(1919, 3, 30), "gap from 23:30 over midnight"),
    ("America/St_Johns", date(2010, 11, 7), "fold from 00:01 back into the day before"),
    ("America/Sao_Paulo", date(2018, 2, 18), "fold from midnight back into the day before"),
    ("Pacific/Kwajalein", date(1993, 8, 21), "no such day"),
]
# Local mean time: these clocks stand seconds off, so that a walk by minutes doesn't meet them.
ANCIENT = [
    ("Asia/Manila", date(1844, 12, 31), "no such day, the widest offset"),
    ("America/Juneau", date(1867, 10, 19), "a day twice"),
]
# from, to: the default, none, over the gap, ending within it, all but an hour of it, a siesta
QUIETS = [
    (time(21), time(9)), (time(), time()), (time(1), time(3)), (time(22), time(2, 15)), (time(3), time(2)),
    (time(12), time(14)),
]  # fmt: skip


def daily(zone, start, send, quiet=(time(), time()), jitter=0):
    forever = Phase(name="daily", first_day=0, cadences=(Cadence(form="quick", every=1),))
    return Plan(
        template=PlanTemplate(name="daily", phases=(forever,), tail=Tail(cadences=forever.cadences)),
        treatment=Treatment.begun(start),
        timezone=zone,
        send_time=send,
        quiet_from=quiet[0],
        quiet_to=quiet[1],
        jitter_seconds=jitter,
    )


def days_around(zone, change, send, quiet=(time(), time()), jitter=0):
    """The check-ins of five days, the third of them the one on which the clocks change, by local date."""
    plan = daily(zone, change - 2 * DAY, send, quiet, jitter)
    found = [each for each in occurrences(plan, datetime.combine(change - 4 * DAY, time(), UTC), 6) if each.day < 5]
    assert all(one.due_at < two.due_at for one, two in pairwise(found))
    assert len({each.local_date for each in found}) == len(found)
    return {each.local_date: each.due_at for each in found}


def is_quiet(clock, quiet_from, quiet_to):
    if quiet_from == quiet_to:
        return False
    minutes = (clock.hour * 60 + clock.minute - quiet_from.hour * 60 - quiet_from.minute) % 1440
    return minutes < (quiet_to.hour * 60 + quiet_to.minute - quiet_from.hour * 60 - quiet_from.minute) % 1440


@cache
def minutes_of(zone, change):
    """(timestamp, local clock) of every minute of the three days around the change, wherever on earth they begin and end."""
    place, first = ZoneInfo(zone), datetime.combine(change - 2 * DAY, time(10), UTC)
    timestamps = (first + n * MINUTE for n in range(100 * 60))
    return [(timestamp, timestamp.astimezone(place).replace(tzinfo=None)) for timestamp in timestamps]


@cache
def minutes_by_day(zone, change):
    by_day = {change + n * DAY: [] for n in range(-1, 2)}
    for timestamp, clock in minutes_of(zone, change):
        if clock.date() in by_day:
            by_day[clock.date()].append((timestamp, clock))
    return by_day


def walked(zone, change, send, quiet):
    """What `days_around` must give for the middle three days, found minute by minute."""
    expected = {}
    asked = quiet[1] if is_quiet(send, *quiet) else send
    for day, minutes in minutes_by_day(zone, change).items():
        wanted = datetime.combine(day, asked)
        reached = next((n for n, (_, clock) in enumerate(minutes) if clock >= wanted), len(minutes))
        later = (timestamp for timestamp, clock in minutes[reached:] if not is_quiet(clock, *quiet))
        earlier = (
            timestamp + 59 * SECOND for timestamp, clock in reversed(minutes[:reached]) if not is_quiet(clock, *quiet)
        )
        expected[day] = next(later, None) or next(earlier, None)
    return {day: timestamp for day, timestamp in expected.items() if timestamp}


# --- By hand ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("zone", "day", "send", "due"),
    [
        ("Europe/Berlin", date(2026, 3, 28), time(2, 30), "2026-03-28 01:30"),
        ("Europe/Berlin", date(2026, 3, 29), time(1, 59), "2026-03-29 00:59"),
        ("Europe/Berlin", date(2026, 3, 29), time(2), "2026-03-29 01:00"),  # 02:00 to 03:00 don't exist
        ("Europe/Berlin", date(2026, 3, 29), time(2, 30), "2026-03-29 01:00"),
        ("Europe/Berlin", date(2026, 3, 29), time(3), "2026-03-29 01:00"),
        ("Europe/Berlin", date(2026, 3, 29), time(3, 1), "2026-03-29 01:01"),
        ("Europe/Berlin", date(2026, 10, 25), time(2), "2026-10-25 00:00"),  # 02:00 to 03:00 come twice
        ("Europe/Berlin", date(2026, 10, 25), time(2, 59), "2026-10-25 00:59"),
        ("Europe/Berlin", date(2026, 10, 25), time(3), "2026-10-25 02:00"),
        ("America/New_York", date(2026, 3, 8), time(2, 30), "2026-03-08 07:00"),
        ("America/New_York", date(2026, 11, 1), time(1, 30), "2026-11-01 05:30"),
        ("Australia/Lord_Howe", date(2026, 10, 4), time(2, 15), "2026-10-03 15:30"),
        ("Australia/Lord_Howe", date(2026, 4, 5), time(1, 45), "2026-04-04 14:45"),
        ("Pacific/Apia", date(2011, 12, 29), time(10), "2011-12-29 20:00"),
        ("Pacific/Apia", date(2011, 12, 31), time(10), "2011-12-30 20:00"),
        ("Africa/Cairo", date(2026, 4, 24), time(), "2026-04-23 22:00"),
        ("America/Toronto", date(1919, 3, 30), time(23, 29), "1919-03-31 04:29"),
        ("America/Toronto", date(1919, 3, 30), time(23, 45), "1919-03-31 04:29:59"),  # that day ends at 23:30
        ("America/Toronto", date(1919, 3, 31), time(), "1919-03-31 04:30"),
        ("America/St_Johns", date(2010, 11, 6), time(23, 30), "2010-11-07 02:00"),
        ("America/St_Johns", date(2010, 11, 7), time(0, 0, 30), "2010-11-07 02:30:30"),
        ("America/St_Johns", date(2010, 11, 7), time(0, 1), "2010-11-07 03:31"),
    ],
)
def test_a_time_that_never_comes_moves_on_and_a_doubled_one_counts_once(zone, day, send, due):
    assert days_around(zone, day, send)[day] == datetime.fromisoformat(due).replace(tzinfo=UTC)


@pytest.mark.parametrize("zone", ["Pacific/Apia", "Pacific/Kwajalein", "Asia/Manila"])
def test_a_day_that_never_was_has_no_check_in(zone):
    change = next(day for name, day, what in CHANGES + ODDITIES + ANCIENT if (name, what[:7]) == (zone, "no such"))
    for send in (time(), time(10), time(23, 59)):
        assert sorted(days_around(zone, change, send)) == [change + n * DAY for n in (-2, -1, 1, 2)]


@pytest.mark.parametrize(
    ("send", "quiet", "due"),
    [
        (time(1, 30), (time(21), time(2, 15)), "01:00:00"),  # quiet hours end in the gap: at its end
        (time(2, 10), (time(2, 30), time(7)), "05:00:00"),  # the gap's end is quiet: after quiet hours
        (time(2, 10), (time(2, 30), time(1)), "00:59:59"),  # and they last into the next day: before the gap
        (time(2, 30), (time(3), time(2)), None),  # the only hour that is not quiet never comes
    ],
)
def test_a_gap_never_moves_a_check_in_into_quiet_hours(send, quiet, due):
    found = days_around("Europe/Berlin", date(2026, 3, 29), send, quiet).get(date(2026, 3, 29))
    assert (found and f"{found:%H:%M:%S}") == due


@pytest.mark.parametrize(
    ("day", "send", "jitter", "due"),
    [
        (date(2026, 3, 29), time(2, 30), -600, "01:10"),  # the gap's end, but not back over it
        (date(2026, 3, 29), time(2, 30), 60, "01:01"),
        (date(2026, 3, 29), time(1, 55), 600, "00:45"),
        (date(2026, 10, 25), time(2, 55), 600, "00:45"),
        (date(2026, 10, 25), time(2), -60, "23:59"),
        (date(2026, 10, 25), time(3), -600, "01:50"),
    ],
)
def test_jitter_stays_on_its_side_of_a_change(day, send, jitter, due):
    assert f"{days_around('Europe/Berlin', day, send, jitter=jitter)[day]:%H:%M}" == due


def test_jitter_stays_in_a_minute_that_belongs_to_the_day():
    found = days_around("America/St_Johns", date(2010, 11, 7), time(0, 0, 30), jitter=45)
    assert found[date(2010, 11, 7)] == datetime(2010, 11, 7, 2, 30, 30, tzinfo=UTC)  # at 00:01 it is the 6th again


# --- Exactly once -----------------------------------------------------------------------------------------------------

# Every hour, and every quarter of an hour where clocks change.
SENDS = sorted(
    {time(hour) for hour in range(24)} | {time(hour, minute) for hour in (0, 1, 2, 3, 23) for minute in (15, 30, 45)}
)
SOME_SENDS = (time(), time(0, 15), time(1, 30), time(2), time(2, 45), time(3), time(10), time(23), time(23, 45))


@pytest.mark.parametrize(
    "sends", [pytest.param(SOME_SENDS, id="some"), pytest.param(SENDS, id="all", marks=pytest.mark.slow)]
)
@pytest.mark.parametrize(("zone", "change", "what"), CHANGES + ODDITIES + ANCIENT)
def test_each_daily_check_in_falls_due_exactly_once(zone, change, what, sends):
    exists = [change + n * DAY for n in range(-2, 3) if n or not what.startswith("no such day")]
    for send in sends:
        found = days_around(zone, change, send)
        assert sorted(found) == exists, send
        assert [timestamp.astimezone(ZoneInfo(zone)).date() for timestamp in found.values()] == exists, send


@pytest.mark.parametrize(
    ("zone", "change", "what"),
    [
        *CHANGES_OF_EACH_KIND,
        *(
            pytest.param(*each, marks=pytest.mark.slow)
            for each in CHANGES + ODDITIES
            if each not in CHANGES_OF_EACH_KIND
        ),
    ],
)
def test_due_time_is_the_one_a_walk_through_every_minute_finds(zone, change, what):
    for quiet in QUIETS:
        for send in (time(0, 30), time(1, 45), time(2, 10), time(23, 45)):
            found = days_around(zone, change, send, quiet)
            near = {day: due_at for day, due_at in found.items() if abs(day - change) <= DAY}
            assert near == walked(zone, change, send, quiet), (send, quiet)


@drawn(
    st.sampled_from(CHANGES + ODDITIES + ANCIENT),
    st.times(),
    st.tuples(st.times(), st.times()),
    st.integers(-7200, 7200),
    some=8,
)
def test_never_in_quiet_hours_nor_on_another_day_whatever_the_jitter(change, send, quiet, jitter):
    zone, day, _ = change
    found = days_around(zone, day, send, quiet, jitter)
    for local_date, due_at in found.items():
        assert due_at.astimezone(ZoneInfo(zone)).date() == local_date
        assert not in_quiet_hours(due_at, zone, *quiet)
    plan = daily(zone, day - 2 * DAY, send, quiet, jitter)
    assert [day_of(plan, due_at) for due_at in found.values()] == [(each - (day - 2 * DAY)).days for each in found]


# --- Quiet hours ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("clock", "quiet_from", "quiet_to", "quiet"),
    [
        (time(21), time(21), time(9), True), (time(20, 59, 59), time(21), time(9), False),
        (time(8, 59, 59), time(21), time(9), True), (time(9), time(21), time(9), False),
        (time(), time(21), time(9), True), (time(12), time(12), time(14), True), (time(14), time(12), time(14), False),
        (time(11, 59), time(12), time(14), False), (time(9), time(9), time(9), False), (time(), time(), time(), False),
        (time(23), time(21), time(), True), (time(), time(21), time(), False),
    ],
)  # fmt: skip
def test_in_quiet_hours_goes_by_the_local_clock(clock, quiet_from, quiet_to, quiet):
    timestamp = datetime.combine(date(2026, 7, 1), clock, ZoneInfo("Europe/Berlin"))
    assert in_quiet_hours(timestamp, "Europe/Berlin", quiet_from, quiet_to) is quiet
    assert in_quiet_hours(timestamp.astimezone(UTC), "Europe/Berlin", quiet_from, quiet_to) is quiet


@pytest.mark.parametrize(
    ("zone", "timestamp", "quiet", "after"),
    [
        ("Europe/Berlin", "2026-07-01 10:00:00.5", (time(21), time(9)), "2026-07-01 10:00:00.5"),
        ("Europe/Berlin", "2026-07-01 19:00", (time(21), time(9)), "2026-07-02 07:00"),
        ("Europe/Berlin", "2026-07-01 22:30", (time(21), time(9)), "2026-07-02 07:00"),
        ("Europe/Berlin", "2026-07-01 07:00", (time(21), time(9)), "2026-07-01 07:00"),
        ("Europe/Berlin", "2026-07-01 11:00", (time(12), time(14)), "2026-07-01 12:00"),
        ("Europe/Berlin", "2026-07-01 22:30", (time(9), time(9)), "2026-07-01 22:30"),
        ("Europe/Berlin", "2026-03-28 22:00", (time(21), time(9)), "2026-03-29 07:00"),  # the short night
        ("Europe/Berlin", "2026-03-28 22:00", (time(21), time(2, 30)), "2026-03-29 01:00"),  # its end is in the gap
        ("Europe/Berlin", "2026-03-28 22:00", (time(3), time(2)), "2026-03-30 00:00"),  # the open hour never comes
        ("Europe/Berlin", "2026-10-25 00:15", (time(21), time(2, 30)), "2026-10-25 00:30"),
        ("Europe/Berlin", "2026-10-25 01:15", (time(21), time(2, 30)), "2026-10-25 01:30"),  # quiet a second time
        ("Pacific/Apia", "2011-12-30 09:00", (time(21), time(9)), "2011-12-30 19:00"),  # from the 29th to the 31st
        ("America/St_Johns", "2010-11-07 02:00", (time(22), time(0, 0, 30)), "2010-11-07 02:30:30"),
        ("America/St_Johns", "2010-11-07 02:31", (time(0), time(9)), "2010-11-07 02:31"),  # back in the day before
        (
            "America/St_Johns",
            "2010-11-07 02:29:30",
            (time(23, 30), time()),
            "2010-11-07 02:30",
        ),  # the 7th's first minute
        ("America/St_Johns", "2010-11-07 02:30:20", (time(0), time(9)), "2010-11-07 02:31"),  # which isn't quiet again
    ],
)
def test_after_quiet_hours_by_hand(zone, timestamp, quiet, after):
    start, expected = (datetime.fromisoformat(each).replace(tzinfo=UTC) for each in (timestamp, after))
    found = after_quiet_hours(start.astimezone(ZoneInfo(zone)), zone, *quiet)
    assert (found, found.tzinfo) == (expected, UTC)


@drawn(st.sampled_from(CHANGES + ODDITIES), st.integers(0, 3000), st.sampled_from(QUIETS), some=8)
def test_after_quiet_hours_is_what_a_walk_through_every_minute_finds(change, minute, quiet):
    zone, day, _ = change
    minutes = minutes_of(zone, day)[minute:]
    expected = next(timestamp for timestamp, clock in minutes if not is_quiet(clock, *quiet))
    found = after_quiet_hours(minutes[0][0], zone, *quiet)
    assert found == expected
    assert not in_quiet_hours(found, zone, *quiet)
    assert in_quiet_hours(minutes[0][0], zone, *quiet) == (found > minutes[0][0])


# --- Every zone there is ----------------------------------------------------------------------------------------------


def changes_of(zone, years):
    """The local dates (before and after) on which the zone's offset changes, found month by month."""
    place = ZoneInfo(zone)
    months = [datetime(year, month, 1, tzinfo=UTC) for year in years for month in range(1, 13)]
    for one, two in pairwise(months):
        if one.astimezone(place).utcoffset() != two.astimezone(place).utcoffset():
            before, after = one, two
            while after - before > MINUTE:
                middle = before + (after - before) / 2
                if middle.astimezone(place).utcoffset() == one.astimezone(place).utcoffset():
                    before = middle
                else:
                    after = middle
            yield before.astimezone(place).replace(tzinfo=None), after.astimezone(place).replace(tzinfo=None)


def assert_once_each(zone, before, after, sends, quiet):
    """Two days to either side of a change: one check-in on each date that exists, none of them quiet."""
    place = ZoneInfo(zone)
    for send in sends:
        found = days_around(zone, after.date(), send, quiet)
        missing = {after.date() + n * DAY for n in range(-2, 3)} - set(found)
        assert all(before.date() < day < after.date() for day in missing), (zone, after, send)
        assert all(timestamp.astimezone(place).date() == day for day, timestamp in found.items()), (zone, after, send)
        assert not any(in_quiet_hours(timestamp, zone, *quiet) for timestamp in found.values()), (zone, after, send)


def test_every_zone_asks_once_a_day_around_its_changes():
    seen = {}
    for zone in sorted(available_timezones())[::6]:
        for change in changes_of(zone, (2026,)):
            seen.setdefault(change, zone)
    assert len(seen) > 10
    for (before, after), zone in seen.items():
        inside = min(before, after) + abs(after - before) / 2
        assert_once_each(zone, before, after, (inside.time(), time(22)), (time(21), time(1, 30)))


@pytest.mark.slow
def test_every_zone_asks_once_a_day_around_each_kind_of_change_of_a_lifetime():
    seen = {}
    for zone in sorted(available_timezones()):
        for before, after in changes_of(zone, range(1970, 2038)):
            seen.setdefault((before.time(), after - before), (zone, before, after))
    assert len(seen) > 50
    for zone, before, after in seen.values():
        inside = (min(before, after) + abs(after - before) / 2).time()
        for quiet in ((time(), time()), (time(21), time(9)), (time(21), time(1, 30))):
            assert_once_each(zone, before, after, (time(), inside, time(23, 50)), quiet)


def test_next_agrees_with_the_walk_from_any_time_of_a_change():
    zone, change = "Europe/Berlin", date(2026, 10, 25)
    due = days_around(zone, change, time(2, 30))
    plan = daily(zone, change - 2 * DAY, time(2, 30))
    for minute in range(0, 3 * 1440, 45):
        timestamp = datetime.combine(change - 2 * DAY, time(), UTC) + minute * MINUTE
        assert next_occurrence(plan, timestamp).due_at == min(each for each in due.values() if each > timestamp)
