"""The team's digest: once a day at 08:00 of the clinic, to everyone of the team who has a chat."""

from datetime import time
from zoneinfo import ZoneInfo

from bot.app.work import Work

AT_TIME = time(8)
UNTIL = time(12)
"""After a morning that the bot was down it is not worth sending any more: the menu shows the same at any time."""
SENT_ON = "digest_sent_on"


def send_due(work: Work) -> int:
    """Queue today's digest unless it was; return how many it goes to."""
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
