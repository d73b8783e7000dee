"""A patient's plan as an iCalendar file (RFC 5545). Its words tell a lock screen nothing."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from icalendar import Calendar, Event

from bot.app.plan_edits import Message

LASTS = timedelta(minutes=5)


def calendar_of(code: str, messages: Iterable[Message], made_at: datetime) -> bytes:
    """Return the check-ins among `messages` as a calendar; the same day keeps its identity when it is made again."""
    made = Calendar()
    made.add("prodid", "-//nervecheck//plan//EN")
    made.add("version", "2.0")
    for message in messages:
        if message.kind != "check-in" or message.mark == "gone":
            continue
        event = Event()
        event.add("uid", f"{code}-{message.day:%Y%m%d}@nervecheck")
        event.add("dtstamp", made_at)
        event.add("dtstart", message.at)
        event.add("dtend", message.at + LASTS)
        event.add("summary", "Check-in")
        made.add_component(event)
    text: bytes = made.to_ical()
    return text
