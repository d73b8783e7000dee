"""Sends the daily digest at 08:00 of the clinic to every reachable team member. Never names a patient's answer."""

from datetime import time
from zoneinfo import ZoneInfo

from bot.app.work import Work

AT_TIME = time(8)
UNTIL = time(12)
"""After noon the digest is no longer sent, as after an outage: the menu shows the same at any time."""
SENT_ON = "digest_sent_on"


def send_due(work: Work) -> int:
    """Queue today's digest unless that was done; return the number of recipients."""
    local = work.at.astimezone(ZoneInfo(work.clinic.timezone))
    if not AT_TIME <= local.time() < UNTIL or work.settings.get(SENT_ON) == str(local.date()):
        return 0
    # The budget's row is locked: of several replicas one sends it.
    work.limits.budget()
    if work.settings.get(SENT_ON) == str(local.date()):
        return 0
    work.settings.set(SENT_ON, str(local.date()))
    readers = [person for person in work.staff.all() if person.can_be_notified]
    for person in readers:
        work.notices.digest(person)
    return len(readers)
