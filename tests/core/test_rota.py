"""The rota: weekday and hours, past midnight, cover, out of hours, the clinic's own time zone and its clock changes."""

from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

import pytest

from bot.core.rota import Cover, Rota, Shift, in_hours, next_shift_at, on_call

BERLIN = ZoneInfo("Europe/Berlin")
WEEKDAYS = frozenset(range(5))
DAY = Shift(who="ann", days=WEEKDAYS, start=time(8), end=time(16))
LATE = Shift(who="ben", days=frozenset({4}), start=time(20), end=time(6), rank=1)


def berlin(day, hour, minute=0, month=3):
    return datetime(2026, month, day, hour, minute, tzinfo=BERLIN)


def rota(*shifts, **more):
    return Rota(timezone="Europe/Berlin", shifts=shifts, **more)


@pytest.mark.parametrize(
    ("at", "who"),
    [
        (berlin(2, 7, 59), ()),  # a Monday
        (berlin(2, 8), ("ann",)),
        (berlin(2, 15, 59), ("ann",)),
        (berlin(2, 16), ()),
        (berlin(7, 10), ()),  # a Saturday
        (berlin(6, 20), ("ben",)),  # a Friday
        (berlin(7, 5, 59), ("ben",)),  # the night belongs to the day it began on
        (berlin(7, 6), ()),
        (berlin(6, 5, 59), ()),  # no shift began on Thursday evening
    ],
)
def test_weekday_and_hours_decide(at, who):
    assert in_hours(rota(DAY, LATE), at) == who
    assert in_hours(rota(DAY, LATE), at.astimezone(UTC)) == who


def test_equal_begin_and_end_are_the_whole_day():
    whole = rota(Shift(who="ann", days=frozenset({0}), start=time(8), end=time(8)))
    assert [in_hours(whole, berlin(d, h)) for d, h in ((2, 7), (2, 8), (3, 7), (3, 8))] == [(), ("ann",), ("ann",), ()]


def test_lowest_rank_is_first_and_each_is_listed_once():
    first, second = DAY.model_copy(update={"who": "zoe", "rank": 2}), DAY.model_copy(update={"rank": 1})
    both = rota(first, second, second.model_copy(update={"who": "bob"}), second)
    assert in_hours(both, berlin(2, 9)) == ("ann", "bob", "zoe")


def test_out_of_hours_the_others_are_asked():
    night = rota(DAY, out_of_hours=("ben", "zoe", "ben"))
    assert on_call(night, berlin(2, 9)) == ("ann",)
    assert on_call(night, berlin(2, 3)) == ("ben", "zoe")
    assert on_call(rota(DAY), berlin(2, 3)) == ()


def test_who_is_away_is_covered_from_the_first_day_to_the_last():
    away = Cover(away="ann", instead="zoe", first=date(2026, 3, 3), last=date(2026, 3, 4))
    held = rota(DAY, covers=(away,))
    assert [on_call(held, berlin(d, 9)) for d in (2, 3, 4, 5)] == [("ann",), ("zoe",), ("zoe",), ("ann",)]
    again = rota(DAY, covers=(away, away.model_copy(update={"instead": "bob"})))
    assert on_call(again, berlin(3, 9)) == ("bob",), "the cover named last holds"
    other = rota(DAY, out_of_hours=("ann",), covers=(away,))
    assert on_call(other, berlin(3, 3)) == ("zoe",), "out of hours too"


def test_a_night_is_covered_by_the_day_it_began_on():
    held = rota(LATE, covers=(Cover(away="ben", instead="zoe", first=date(2026, 3, 7), last=date(2026, 3, 7)),))
    assert on_call(held, berlin(7, 3)) == ("ben",)
    before = rota(LATE, covers=(Cover(away="ben", instead="zoe", first=date(2026, 3, 6), last=date(2026, 3, 6)),))
    assert on_call(before, berlin(7, 3)) == ("zoe",)


def test_the_next_shift_begins_strictly_later():
    both = rota(DAY, LATE)
    assert next_shift_at(both, berlin(6, 8)) == berlin(6, 20)
    assert next_shift_at(both, berlin(6, 20)) == berlin(9, 8)
    assert next_shift_at(rota(), berlin(6, 8)) is None
    weekly = rota(DAY.model_copy(update={"days": frozenset({0})}))
    assert next_shift_at(weekly, berlin(2, 8)) == berlin(9, 8), "a whole week ahead"


def test_hours_are_local_over_the_change_of_the_clocks():
    """On 29 March 2026 the clocks go from 02:00 to 03:00; on 25 October from 03:00 back to 02:00."""
    early = rota(Shift(who="ann", start=time(8), end=time(16)))
    assert in_hours(early, datetime(2026, 3, 29, 6, tzinfo=UTC)) == ("ann",)
    assert in_hours(early, datetime(2026, 3, 29, 5, 59, tzinfo=UTC)) == ()
    assert in_hours(early, datetime(2026, 10, 25, 7, tzinfo=UTC)) == ("ann",)
    assert in_hours(early, datetime(2026, 10, 25, 6, 59, tzinfo=UTC)) == ()
