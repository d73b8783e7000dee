"""A patient's plan as an iCalendar file (RFC 5545). Its texts reveal nothing on a lock screen."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from icalendar import Calendar, Event

from bot.app.schedules.plan_edits import PlannedMessage

DURATION = timedelta(minutes=5)


def calendar_of(code: str, messages: Iterable[PlannedMessage], made_at: datetime) -> bytes:
    """Return the check-ins among `messages` as a calendar. The same day always has the same UID."""
    calendar = Calendar()
    calendar.add("prodid", "-//nervecheck//plan//EN")
    calendar.add("version", "2.0")
    for message in messages:
        if message.kind != "check-in" or message.mark == "gone":
            continue
        event = Event()
        event.add("uid", f"{code}-{message.day:%Y%m%d}@nervecheck")
        event.add("dtstamp", made_at)
        event.add("dtstart", message.at)
        event.add("dtend", message.at + DURATION)
        event.add("summary", "Check-in")
        calendar.add_component(event)
    text: bytes = calendar.to_ical()
    return text
