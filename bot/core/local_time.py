"""Owns local time: zones, quiet hours, and the UTC time of a local time of day. Never reads a clock; knows no plan.

The rules, each with a test:

* A local time that doesn't exist moves to the first one that does; one that occurs twice counts once, the first time.
  A local day that doesn't exist has no time.
* A time of day in quiet hours moves to their end (on the same date). If a gap leaves no later time on that day, the
  last second before the gap is used.
* Jitter never leaves the local day or enters quiet hours.
"""

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_DAY = timedelta(days=1)
_SECOND = timedelta(seconds=1)
# No zone was ever further from UTC than 15 h 57 min (Manila before 1845).
_WIDEST_OFFSET = timedelta(hours=16)
# Files that zoneinfo opens although they name no place: the machine's own setting, and clocks that count leap seconds.
_PLACELESS_ZONES = ("localtime", "posixrules", "Factory", "posix/", "right/")


class ScheduleError(ValueError):
    """The schedule can't be calculated."""

    def __init__(self, **facts: object) -> None:
        super().__init__((self.__doc__ or "").format(**facts))


class NaiveDatetimeError(ScheduleError):
    """{timestamp} has no time zone: pass an aware datetime."""


class UnknownZoneError(ScheduleError):
    """{name!r} is not an IANA time zone: use a name such as 'Europe/Berlin'."""


def to_utc(timestamp: datetime) -> datetime:
    """Return the time in UTC. NaiveDatetimeError if it is naive."""
    if timestamp.utcoffset() is None:
        raise NaiveDatetimeError(timestamp=timestamp)
    return timestamp.astimezone(UTC)


def zone_of(name: str) -> ZoneInfo:
    """Return the zone of an IANA name that means the same on every machine. UnknownZoneError if there is none."""
    if name.startswith(_PLACELESS_ZONES):
        raise UnknownZoneError(name=name)
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # a misspelling, a path outside the database, a folder
        raise UnknownZoneError(name=name) from None


def valid_timezone(name: str) -> bool:
    """Return whether `name` is an IANA zone that means the same on every machine."""
    try:
        zone_of(name)
    except UnknownZoneError:
        return False
    return True


def in_quiet_hours(timestamp: datetime, zone: str, quiet_from: time, quiet_to: time) -> bool:
    """Return whether the local time in `zone` is in [quiet_from, quiet_to).

    NaiveDatetimeError if `timestamp` is naive, UnknownZoneError if the zone is unknown.
    """
    now = to_utc(timestamp).astimezone(zone_of(zone)).time()
    return _is_quiet(now, quiet_from, quiet_to)


def after_quiet_hours(timestamp: datetime, zone: str, quiet_from: time, quiet_to: time) -> datetime:
    """Return the earliest time (UTC) outside quiet hours that is not before `timestamp`.

    NaiveDatetimeError if `timestamp` is naive, UnknownZoneError if the zone is unknown.
    """
    at, place = to_utc(timestamp), zone_of(zone)
    # A day before (a local day can resume after a fold at midnight) to three after (one of them may not exist).
    days = (at.astimezone(place).date() + n * _DAY for n in range(-1, 4))
    slots = (slot for day in days for slot in _open_slots(_pieces_around(place, day), day, quiet_from, quiet_to))
    return min(max(slot.begin, at) for slot in slots if slot.end > at)


def time_of_day(
    local_date: date, zone: ZoneInfo, clock: time, quiet_from: time, quiet_to: time, jitter_seconds: int
) -> datetime | None:
    """Return when (UTC) that local time comes on that date, jittered; None if all of the date is in quiet hours."""
    pieces = _pieces_around(zone, local_date)
    slots = _open_slots(pieces, local_date, quiet_from, quiet_to)
    if not slots:
        return None
    shown = datetime.combine(local_date, quiet_to if _is_quiet(clock, quiet_from, quiet_to) else clock, UTC)
    # The first time at which the local clock shows the send time or, after a gap, a later time.
    wanted = next(max(piece.begin, shown - piece.offset) for piece in pieces if shown - piece.offset < piece.end)
    slot = next((slot for slot in slots if slot.end > wanted), slots[-1])
    return _jittered(max(slot.begin, min(wanted, slot.end - _SECOND)), slot, jitter_seconds)


class _Piece(NamedTuple):
    """An interval of UTC, `end` excluded, in which the zone's offset doesn't change."""

    begin: datetime
    end: datetime
    offset: timedelta


class _Slot(NamedTuple):
    """An interval of UTC, `end` excluded, on one local date and outside quiet hours."""

    begin: datetime
    end: datetime


def _jittered(timestamp: datetime, slot: _Slot, seconds: int) -> datetime:
    """Move by the jitter, or the other way if that leaves the slot: otherwise half of all would be due at its edge."""
    for shift in (seconds, -seconds):
        moved = timestamp + shift * _SECOND
        if slot.begin <= moved < slot.end:
            return moved
    return timestamp


def _open_slots(pieces: Iterable[_Piece], local_date: date, quiet_from: time, quiet_to: time) -> list[_Slot]:
    """Return, in order, the intervals of UTC on that local date outside quiet hours."""
    # Local times are written as if they were UTC: subtracting the offset converts them.
    midnight = datetime.combine(local_date, time(), UTC)
    begins, ends = (datetime.combine(local_date, edge, UTC) for edge in (quiet_to, quiet_from))
    if quiet_from == quiet_to:
        spans = [(midnight, midnight + _DAY)]
    elif quiet_from > quiet_to:
        spans = [(begins, ends)]
    else:
        spans = [(midnight, ends), (begins, midnight + _DAY)]
    cut = (
        _Slot(max(piece.begin, first - piece.offset), min(piece.end, last - piece.offset))
        for piece in pieces
        for first, last in spans
    )
    return [slot for slot in cut if slot.begin < slot.end]


def _pieces_around(zone: ZoneInfo, local_date: date) -> list[_Piece]:
    """Return the pieces of UTC that contain the whole local date, whatever the offset."""
    midnight = datetime.combine(local_date, time(), UTC)
    return list(_pieces(zone, midnight - _WIDEST_OFFSET, midnight + _DAY + _WIDEST_OFFSET))


def _pieces(zone: ZoneInfo, begin: datetime, end: datetime) -> Iterator[_Piece]:
    """Yield [begin, end), split where the offset changes. In all of tzdata, changes are at least a week apart."""
    offset = _offset(zone, begin)
    if _offset(zone, end) == offset:
        yield _Piece(begin, end, offset)
        return
    before, after = begin, end
    while after - before > _SECOND:
        middle = before + (after - before) // _SECOND // 2 * _SECOND
        before, after = (middle, after) if _offset(zone, middle) == offset else (before, middle)
    yield _Piece(begin, after, offset)
    yield _Piece(after, end, _offset(zone, after))


def _offset(zone: ZoneInfo, timestamp: datetime) -> timedelta:
    return timestamp.astimezone(zone).replace(tzinfo=UTC) - timestamp


def _is_quiet(clock: time, quiet_from: time, quiet_to: time) -> bool:
    if quiet_from <= quiet_to:
        return quiet_from <= clock < quiet_to
    return clock >= quiet_from or clock < quiet_to
