"""Time zones by what a clock shows: the times that are possible now, and the zone that fits best. Knows no patient.

A clock is named by its shift: minutes ahead of UTC, from 0 to 1439, so that two zones a day apart have the same.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from functools import cache
from importlib import resources
from zoneinfo import ZoneInfo

DAY = 24 * 60
PAGE = 20
"""Times on one screen, two a row; the nearest to the clinic's come first."""
_COUNTRIES: Mapping[str, tuple[str, ...]] = {
    "en": ("GB", "IE", "US", "CA", "AU", "NZ"),
    "es": ("ES", "MX", "CO", "PE", "AR", "CL", "VE", "CR", "PR", "BO"),
    "ru": ("RU", "BY", "KZ", "UA", "KG", "UZ", "GE"),
}
"""Where a language is mostly spoken, if the clinic's country has no such clock."""
_LARGE = (
    *("Europe/London", "Europe/Berlin", "Europe/Athens", "Europe/Moscow", "Asia/Dubai", "Asia/Karachi", "Asia/Kolkata"),
    *("Asia/Dhaka", "Asia/Bangkok", "Asia/Shanghai", "Asia/Tokyo", "Australia/Sydney", "Pacific/Auckland"),
    *("America/New_York", "America/Chicago", "America/Denver", "America/Los_Angeles", "America/Sao_Paulo"),
    *("America/Halifax", "America/Anchorage", "Pacific/Honolulu", "Africa/Lagos", "Africa/Johannesburg"),
)
"""Zones of many people: the last choice before the alphabet."""


@cache
def _places() -> Mapping[str, str]:
    """Return the country of each zone of the tz database's table of places; nobody's home is in Antarctica."""
    table = resources.files("tzdata").joinpath("zoneinfo/zone.tab").read_text(encoding="utf-8").splitlines()
    rows = (line.split("\t") for line in table if line and not line.startswith("#"))
    return {row[2].strip(): row[0] for row in rows if not row[2].startswith("Antarctica/")}


@cache
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


def shift_of(zone: str, at: datetime) -> int:
    """Return the shift of a zone's clock at that time."""
    return int((at.astimezone(_zone(zone)).utcoffset() or timedelta(0)).total_seconds()) // 60 % DAY


def clock(shift: int, at: datetime) -> str:
    """Return what a clock of that shift shows, such as "10:42"."""
    return f"{at.astimezone(_zone('UTC')) + timedelta(minutes=shift):%H:%M}"


def shifts(at: datetime, around: str, page: int) -> tuple[int, ...]:
    """Return one page of the clocks of the world, each once, in order of time; page 0 is around that zone's.

    A page past the end is empty.
    """
    here = shift_of(around, at)
    found = sorted({shift_of(name, at) for name in _places()}, key=lambda shift: (abs(_ahead(shift, here)), shift))
    return tuple(sorted(found[page * PAGE : (page + 1) * PAGE], key=lambda shift: _ahead(shift, here)))


def _ahead(shift: int, here: int) -> int:
    """Return how many minutes a clock is ahead of another, from -720 to 719."""
    return (shift - here + DAY // 2) % DAY - DAY // 2


def candidates(shift: int, at: datetime, clinic_zone: str, language: str) -> tuple[str, ...]:
    """Return the zones that have this clock now, the likeliest first; those of the clinic's country alone, if any."""
    found = [name for name in _places() if shift_of(name, at) == shift]
    country = _places().get(clinic_zone, "")
    near = [name for name in found if _places()[name] == country]
    spoken, region = _COUNTRIES.get(language, ()), clinic_zone.partition("/")[0]

    def rank(name: str) -> tuple[object, ...]:
        home = _places()[name]
        return (
            name != clinic_zone,
            spoken.index(home) if home in spoken else len(spoken),
            not name.startswith(f"{region}/"),
            _LARGE.index(name) if name in _LARGE else len(_LARGE),
            name,
        )

    return tuple(sorted(near or found, key=rank))


def changes(zone: str, at: datetime) -> bool:
    """Return whether the zone's clocks are changed within a year."""
    return len({shift_of(zone, at + timedelta(days=days)) for days in range(0, 366, 14)}) > 1


def of_season(names: Iterable[str], at: datetime, *, changing: bool) -> str | None:
    """Return the first of the zones whose clocks are changed, or not, within a year."""
    return next((name for name in names if changes(name, at) is changing), None)
