"""The patient's own calendar: when a plan that has ended says goodbye, and which days a pause has."""

from datetime import UTC, date, datetime, timedelta

import pytest

from bot.app.records.patients import PatientState
from bot.app.schedules.plans import OPEN_ENDED, end_of_day, is_paused, pauses_with, rescheduled, start_of_day
from bot.core.schedule import Pause
from tests.contract import samples
from tests.fakes.work import packaged_clinic

DAY = timedelta(days=1)
TODAY = date(2026, 3, 3)
BERLIN, TOKYO = "Europe/Berlin", "Asia/Tokyo"


def utc(hour, minute=0, day=TODAY):
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=UTC)


def over(zone=BERLIN, pauses=(), **asked):
    """A patient whose plan ended a year ago, asked at 10:30; quiet hours are from 21:00 to 8:15."""
    values = {"state": PatientState.ACTIVE, "timezone": zone, "pauses": pauses}
    return samples.patient(periods=(samples.period(date(2024, 1, 8), date(2024, 3, 1)),), **values | asked)


def goodbye(patient, at):
    found = rescheduled(patient, packaged_clinic(), at)
    assert found.next_due_at is None
    return found.goodbye_at


@pytest.mark.parametrize(
    ("zone", "at", "said"),
    [
        (BERLIN, utc(8), utc(9, 30)),
        (None, utc(8), utc(9, 30)),
        (BERLIN, utc(12), utc(12)),
        (BERLIN, utc(22), utc(7, 15, TODAY + DAY)),
        (BERLIN, utc(4), utc(9, 30)),
        (TOKYO, utc(20), utc(1, 30, TODAY + DAY)),
        (TOKYO, utc(14), utc(23, 15)),
        (TOKYO, utc(3), utc(3)),
    ],
)
def test_goodbye_comes_at_the_hour_of_check_ins_or_at_once(zone, at, said):
    """Who has no time zone yet has the clinic's, Berlin; 20:00 in London is the next day in Tokyo."""
    assert goodbye(over(zone, next_due_at=at), at) == said


@pytest.mark.parametrize(
    ("asked", "is_said"), [({}, False), ({"next_due_at": utc(8)}, True), ({"goodbye_at": utc(8)}, True)]
)
def test_goodbye_is_for_who_was_asked_until_now(asked, is_said):
    assert (goodbye(over(**asked), utc(8)) is not None) is is_said


@pytest.mark.parametrize(
    ("spans", "said"),
    [
        ([(0, 0)], utc(9, 30, TODAY + DAY)),
        ([(-3, 2)], utc(9, 30, TODAY + 3 * DAY)),
        ([(-3, -1)], utc(9, 30)),
        ([(1, 2)], utc(9, 30)),
        ([(3, 4), (0, 2)], utc(9, 30, TODAY + 5 * DAY)),
        ([(4, 5), (0, 2)], utc(9, 30, TODAY + 3 * DAY)),
        ([(0, None)], datetime(9999, 12, 31, tzinfo=UTC)),
        ([(1, None), (0, 0)], datetime(9999, 12, 31, tzinfo=UTC)),
    ],
)
def test_goodbye_comes_on_the_day_after_the_pauses(spans, said):
    pauses = tuple(span(first, last) for first, last in spans)
    assert goodbye(over(pauses=pauses, next_due_at=utc(8)), utc(8)) == said


def span(first, last, **more):
    return Pause(first=TODAY + first * DAY, last=OPEN_ENDED if last is None else TODAY + last * DAY, **more)


@pytest.mark.parametrize(
    ("first", "last", "left"),
    [
        (-5, -1, [(-5, -1)]),
        (-5, 0, [(-5, -1)]),
        (-5, 9, [(-5, -1)]),
        (0, 0, []),
        (1, 9, []),
        (3, 9, []),
        (4, 9, [(4, 9)]),
    ],
)
def test_of_an_earlier_pause_the_part_before_a_new_one_is_kept(first, last, left):
    new = span(0, 3, reason="holiday")
    kept = pauses_with((span(first, last, reason="other"),), new)
    assert sorted(kept, key=lambda p: p.first) == sorted(
        [new, *(span(*each, reason="other") for each in left)], key=lambda p: p.first
    )


@pytest.mark.parametrize(
    ("zone", "hour", "paused"), [(BERLIN, 22, True), (BERLIN, 23, False), (None, 23, False), (TOKYO, 14, True)]
)
def test_pause_ends_on_the_patients_own_calendar(zone, hour, paused):
    there = over(zone, (span(-2, 0),))
    assert is_paused(there, packaged_clinic(), utc(hour)) is paused
    assert is_paused(there.model_copy(update={"state": PatientState.PAUSED}), packaged_clinic(), utc(hour)) is True
    assert is_paused(there, packaged_clinic(), utc(12, day=TODAY - 3 * DAY)) is False


@pytest.mark.parametrize(("zone", "begins"), [("UTC", utc(0)), (BERLIN, utc(23)), (TOKYO, utc(15))])
def test_day_begins_and_ends_by_its_zone(zone, begins):
    """At 23:30 in London it is the next day in both other places."""
    assert start_of_day(utc(23, 30), zone) == begins
    assert end_of_day(utc(23, 30), zone) == begins + DAY - timedelta(microseconds=1)
