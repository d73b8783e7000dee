"""Decides who is on call: shifts by weekday and hour, cover for absent members, and the out-of-hours list.

The clinic's local time decides. A shift whose end is not later than its start continues past midnight and belongs to
the day on which it begins. The person with the lowest rank is first on call.
"""

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from bot.core.frozen import Frozen

_DAY = timedelta(days=1)
_DAYS_AHEAD = 8
"""A week and a day: every weekly shift begins within it."""
ALL_DAYS = frozenset(range(7))


class Shift(Frozen):
    """A shift of `who` on these weekdays (0 = Monday), `start` to `end` in local time; if equal, the whole day."""

    who: str
    days: frozenset[int] = ALL_DAYS
    start: time
    end: time
    rank: int = 0


class Cover(Frozen):
    """`instead` covers the shifts of `away` that begin on the dates from `first` to `last`, both included."""

    away: str
    instead: str
    first: date
    last: date


class Rota(Frozen):
    """The shifts of a team. `out_of_hours`: who is on call, in that order, while no shift is running."""

    timezone: str
    shifts: tuple[Shift, ...] = ()
    out_of_hours: tuple[str, ...] = ()
    covers: tuple[Cover, ...] = ()


def in_hours(rota: Rota, at: datetime) -> tuple[str, ...]:
    """Return who has a shift at `at`, by ascending rank and each once; empty out of hours."""
    zone = ZoneInfo(rota.timezone)
    today = at.astimezone(zone).date()
    running = [
        (shift.rank, place, _working(rota, shift.who, day))
        for place, shift in enumerate(rota.shifts)
        for day in (today, today - _DAY)
        if day.weekday() in shift.days and _begins(shift, day, zone) <= at < _ends(shift, day, zone)
    ]
    return _unique(who for _, _, who in sorted(running))


def on_call(rota: Rota, at: datetime) -> tuple[str, ...]:
    """Return who is on call at `at`, in order: those who have a shift, otherwise the out-of-hours list."""
    today = at.astimezone(ZoneInfo(rota.timezone)).date()
    return in_hours(rota, at) or _unique(_working(rota, who, today) for who in rota.out_of_hours)


def next_shift_at(rota: Rota, at: datetime) -> datetime | None:
    """Return when (UTC) the next shift begins, strictly after `at`; None if the rota has no shifts."""
    zone = ZoneInfo(rota.timezone)
    today = at.astimezone(zone).date()
    days = (today + timedelta(days=n) for n in range(_DAYS_AHEAD))
    begins = [_begins(s, day, zone) for day in days for s in rota.shifts if day.weekday() in s.days]
    return min((timestamp for timestamp in begins if timestamp > at), default=None)


def _begins(shift: Shift, day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, shift.start, zone).astimezone(UTC)


def _ends(shift: Shift, day: date, zone: ZoneInfo) -> datetime:
    last = day if shift.end > shift.start else day + _DAY
    return datetime.combine(last, shift.end, zone).astimezone(UTC)


def _working(rota: Rota, who: str, day: date) -> str:
    """Return who works that person's shift on that day. The last matching cover applies; covers don't chain."""
    found = [cover.instead for cover in rota.covers if cover.away == who and cover.first <= day <= cover.last]
    return found[-1] if found else who


def _unique(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))
