"""Who of the team is on duty: shifts by weekday and hour, cover for who is away, and whom to ask out of hours.

Local time of the clinic decides. A shift whose end is not later than its start goes on past midnight and belongs to the
day it began on. Whoever is listed first (lowest rank) is asked first.
"""

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from bot.core.screen import Frozen

_DAY = timedelta(days=1)
_DAYS_AHEAD = 8
"""A week and a day: every weekly shift begins within it."""
ALL_DAYS = frozenset(range(7))


class Shift(Frozen):
    """`who` is on duty on these weekdays (0 = Monday) from `start` to `end`, local time; equal means the whole day."""

    who: str
    days: frozenset[int] = ALL_DAYS
    start: time
    end: time
    rank: int = 0


class Cover(Frozen):
    """`instead` has the shifts of `away` that begin on the days from `first` to `last`, both included."""

    away: str
    instead: str
    first: date
    last: date


class Rota(Frozen):
    """The shifts of a team. `out_of_hours`: whom to ask, in that order, while no shift runs."""

    timezone: str
    shifts: tuple[Shift, ...] = ()
    out_of_hours: tuple[str, ...] = ()
    covers: tuple[Cover, ...] = ()


def in_hours(rota: Rota, at: datetime) -> tuple[str, ...]:
    """Return who has a shift at that moment, lowest rank first and each once; empty out of hours."""
    zone = ZoneInfo(rota.timezone)
    today = at.astimezone(zone).date()
    running = [
        (shift.rank, place, _has(rota, shift.who, day))
        for place, shift in enumerate(rota.shifts)
        for day in (today, today - _DAY)
        if day.weekday() in shift.days and _begins(shift, day, zone) <= at < _ends(shift, day, zone)
    ]
    return _once(who for _, _, who in sorted(running))


def on_duty(rota: Rota, at: datetime) -> tuple[str, ...]:
    """Return whom to ask at that moment, in order: those who have a shift, else those for out of hours."""
    today = at.astimezone(ZoneInfo(rota.timezone)).date()
    return in_hours(rota, at) or _once(_has(rota, who, today) for who in rota.out_of_hours)


def next_shift_at(rota: Rota, at: datetime) -> datetime | None:
    """Return when (UTC) the next shift begins, strictly after `at`; None when the rota has none."""
    zone = ZoneInfo(rota.timezone)
    today = at.astimezone(zone).date()
    days = (today + timedelta(days=n) for n in range(_DAYS_AHEAD))
    begins = [_begins(s, day, zone) for day in days for s in rota.shifts if day.weekday() in s.days]
    return min((moment for moment in begins if moment > at), default=None)


def _begins(shift: Shift, day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, shift.start, zone).astimezone(UTC)


def _ends(shift: Shift, day: date, zone: ZoneInfo) -> datetime:
    last = day if shift.end > shift.start else day + _DAY
    return datetime.combine(last, shift.end, zone).astimezone(UTC)


def _has(rota: Rota, who: str, day: date) -> str:
    """Who has that person's shift of that day; the cover named last holds, and covers don't chain."""
    found = [cover.instead for cover in rota.covers if cover.away == who and cover.first <= day <= cover.last]
    return found[-1] if found else who


def _once(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))
