"""Owns when a patient who asked to be reminded later is reminded. Knows no check-in and reads no clock."""

from datetime import datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from bot.core.schedule import after_quiet_hours
from bot.core.screen import Frozen

HOUR = timedelta(hours=1)
EVENING = time(18)
"""What "this evening" stands for: after work and supper, before quiet hours."""


class Later(StrEnum):
    """What can be tapped."""

    HOUR = "hour"
    EVENING = "evening"
    TOMORROW = "tomorrow"


class Day(Frozen):
    """A patient's day: zone (IANA), the time of day they chose, and their quiet hours, all local."""

    zone: str
    send_time: time
    quiet_from: time
    quiet_to: time


def remind_at(later: Later, day: Day, at: datetime) -> datetime:
    """Return the moment (UTC) to remind at: never in quiet hours, never less than half an hour away.

    An evening that is over, or nearly, means in an hour. Local time decides: tomorrow is the same time of day whatever
    the clocks do in the night between. Refuses a naive moment and an unknown zone.
    """
    wished = _wished(later, day, at)
    return after_quiet_hours(max(wished, at), day.zone, day.quiet_from, day.quiet_to)


def _wished(later: Later, day: Day, at: datetime) -> datetime:
    zone = ZoneInfo(day.zone)
    today = at.astimezone(zone).date()
    if later is Later.TOMORROW:
        return datetime.combine(today + timedelta(days=1), day.send_time, zone)
    evening = datetime.combine(today, EVENING, zone)
    return evening if later is Later.EVENING and evening - at >= HOUR / 2 else at + HOUR
