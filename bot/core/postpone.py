"""Owns the time of the reminder when a patient postpones a check-in. Knows no check-in and reads no clock."""

from datetime import datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from bot.core.frozen import Frozen
from bot.core.local_time import after_quiet_hours

HOUR = timedelta(hours=1)
EVENING = time(18)
"""The time of "this evening": after work and supper, before quiet hours."""


class Postponement(StrEnum):
    """The choices that a patient can tap."""

    HOUR = "hour"
    EVENING = "evening"
    TOMORROW = "tomorrow"


class LocalTimes(Frozen):
    """A patient's time zone (IANA) and, in local time, their send time and quiet hours."""

    zone: str
    send_time: time
    quiet_from: time
    quiet_to: time


def remind_at(choice: Postponement, times: LocalTimes, at: datetime) -> datetime:
    """Return when (UTC) to remind: outside quiet hours and at least half an hour after `at`.

    If the evening is past or less than half an hour away, remind in an hour. Local time decides: "tomorrow" is the same
    time of day even if the clocks change overnight. NaiveDatetimeError if `at` is naive, UnknownZoneError if the zone
    is unknown.
    """
    requested = _requested_at(choice, times, at)
    return after_quiet_hours(max(requested, at), times.zone, times.quiet_from, times.quiet_to)


def _requested_at(choice: Postponement, times: LocalTimes, at: datetime) -> datetime:
    zone = ZoneInfo(times.zone)
    today = at.astimezone(zone).date()
    if choice is Postponement.TOMORROW:
        return datetime.combine(today + timedelta(days=1), times.send_time, zone)
    evening = datetime.combine(today, EVENING, zone)
    return evening if choice is Postponement.EVENING and evening - at >= HOUR / 2 else at + HOUR
