"""A zone by what the clock shows: every zone of the world is found by its clock, now and after the clocks were changed."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from bot.dialog import zones

WINTER = datetime(2026, 1, 15, 9, 42, tzinfo=UTC)
SUMMER = datetime(2026, 7, 15, 9, 42, tzinfo=UTC)
BERLIN, CHICAGO = "Europe/Berlin", "America/Chicago"


def shift(hours: float) -> int:
    return int(hours * 60) % 1440


def all_shifts(at: datetime, around: str = BERLIN) -> list[int]:
    return [one for page in range(5) for one in zones.shifts(at, around, page)]


@pytest.mark.parametrize("at", [WINTER, SUMMER])
def test_each_clock_of_the_world_is_offered_once_on_two_pages(at: datetime) -> None:
    shown = [zones.clock(one, at) for one in all_shifts(at)]
    assert len(shown) == len(set(shown))
    for zone in ("Asia/Kolkata", "Asia/Kathmandu", "Australia/Eucla", "Pacific/Chatham", "America/St_Johns", BERLIN):
        assert f"{at.astimezone(ZoneInfo(zone)):%H:%M}" in shown
    assert [len(zones.shifts(at, BERLIN, page)) for page in (0, 2)] == [20, 0]


def test_clinics_own_clock_is_in_the_middle_of_the_first_page() -> None:
    for zone in (BERLIN, CHICAGO, "Pacific/Auckland"):
        assert zones.shift_of(zone, WINTER) in zones.shifts(WINTER, zone, 0)[5:15]


@pytest.mark.parametrize("at", [WINTER, SUMMER])
def test_every_zone_that_is_chosen_shows_that_clock_now(at: datetime) -> None:
    for language in ("en", "es", "ru"):
        for one in all_shifts(at):
            for zone in zones.candidates(one, at, BERLIN, language):
                assert f"{at.astimezone(ZoneInfo(zone)):%H:%M}" == zones.clock(one, at)


@pytest.mark.parametrize(
    ("at", "hours", "clinic", "language", "changing", "expected"),
    [
        (WINTER, -5, BERLIN, "ru", True, "America/New_York"),  # P14
        (SUMMER, -4, BERLIN, "ru", True, "America/New_York"),
        (WINTER, -5, BERLIN, "es", False, "America/Cancun"),
        (WINTER, -5, CHICAGO, "es", True, "America/New_York"),
        (WINTER, -7, CHICAGO, "en", False, "America/Phoenix"),
        (WINTER, -7, CHICAGO, "en", True, "America/Denver"),
        (WINTER, 1, BERLIN, "en", True, BERLIN),
        (WINTER, 3, BERLIN, "ru", False, "Europe/Moscow"),
        (WINTER, 5.5, BERLIN, "en", False, "Asia/Kolkata"),
        (WINTER, 5.75, BERLIN, "en", False, "Asia/Kathmandu"),
        (SUMMER, -3.5, BERLIN, "en", None, None),
        (SUMMER, -2.5, BERLIN, "en", True, "America/St_Johns"),
        (WINTER, 0, BERLIN, "es", True, "Atlantic/Canary"),
        (WINTER, 0, BERLIN, "en", True, "Europe/London"),
        (SUMMER, 10, BERLIN, "en", True, "Australia/Lord_Howe"),
    ],
)
def test_likeliest_zone_of_a_clock(at, hours, clinic, language, changing, expected) -> None:
    found = zones.candidates(shift(hours), at, clinic, language)
    if expected == "Australia/Lord_Howe":  # in July it is ten and a half hours ahead
        assert expected not in found
        expected = "Australia/Sydney"
    chosen = zones.of_season(found, at, changing=changing) if changing is not None else None
    assert chosen == expected


def test_change_of_the_clocks_is_looked_for_within_a_year() -> None:
    for zone, is_changed in (
        (BERLIN, True),
        ("Asia/Kolkata", False),
        ("America/Phoenix", False),
        ("Africa/Lagos", False),
    ):
        assert zones.changes(zone, WINTER) is is_changed
        assert zones.changes(zone, WINTER + timedelta(days=200)) is is_changed
