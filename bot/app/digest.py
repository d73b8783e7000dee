"""The team's digest: once a day at 08:00 of the clinic, to everyone of the team who has a chat."""

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from bot.app import duty, queue
from bot.app.ports import Clinic
from bot.app.staff_screens import LISTED, digest_screen
from bot.app.store import Lane, Store
from bot.app.team_store import Staff
from bot.core.screen import Screen

AT_TIME = time(8)
UNTIL = time(12)
"""After a morning that the bot was down it is not worth sending any more: the menu shows the same at any time."""
WEEK = timedelta(days=7)
SENT_ON = "digest_sent_on"


def send_due(store: Store, clinic: Clinic, at: datetime) -> int:
    """Queue today's digest unless it was; return how many it goes to."""
    local = at.astimezone(ZoneInfo(clinic.timezone))
    if not AT_TIME <= local.time() < UNTIL or store.setting(SENT_ON) == str(local.date()):
        return 0
    store.save_setting(SENT_ON, str(local.date()))
    readers = [person for person in store.staff() if person.can_be_told]
    if not readers:
        return 0
    screen = today(store, clinic, at)
    for person in readers:
        duty.say(store, person, screen, at, slot="staff-digest", lane=Lane.DIGEST)
    return len(readers)


def show(store: Store, clinic: Clinic, person: Staff, at: datetime) -> None:
    """Show it to one of the team, as it stands now."""
    duty.say(store, person, today(store, clinic, at), at, slot="staff-digest", lane=Lane.REPLY)


def today(store: Store, clinic: Clinic, at: datetime) -> Screen:
    """Open alerts, what else waits, and how many check-ins of the last seven days were answered."""
    asked, answered = store.completion(at - WEEK, at)
    lines = queue.queue(store, clinic, at, limit=LISTED)
    return digest_screen(lines, queue.count(store), store.work_items(), clinic, answered=answered, asked=asked)
