"""Notices that the bot was down, that Telegram was not heard, that the clock was set back: by moments kept before.

The moment it was last up is kept while it is up, and looked at when it is up again; so is the last answer of Telegram.
"""

from datetime import UTC, datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from bot.app.records.alerts import Task
from bot.app.work import Stores, Work

UP_AT = "up_at"
DOWN_UNTIL = "down_until"
HEARD_AT = "heard_at"
EVERY = timedelta(minutes=1)
"""The moments are kept that often, not with each tick."""
LONG = timedelta(minutes=30)
"""A shorter one is a restart: reminders and check-ins come a little later, and nobody is missed."""
KEPT_BY_TELEGRAM = timedelta(hours=24)
"""Telegram keeps an update that was not taken for 24 hours (Bot API, "Getting updates"); after that it is gone."""
SET_BACK = timedelta(seconds=30)
NAMED = 20
"""Patients named in one work item; each has an item of their own, too, where a check-in was skipped."""


def note(work: Work) -> None:
    """Keep that the bot is up at `at`; after a long gap leave work items for the team.

    The check-ins that came too late to be sent have items of their own, one a patient.
    """
    at = work.at
    # Not by what this replica knew of the shared clock a second ago: one that was set would look like two.
    at = work.clock.shared_now() or at
    last = _kept(work, UP_AT)
    if last is not None and timedelta(0) <= at - last < EVERY:
        return
    if last is not None and last - at > SET_BACK:
        _set_back(work.at_time(at))
    _keep(work.at_time(at), UP_AT)
    if last is not None and at - last >= LONG:
        _keep(work.at_time(at), DOWN_UNTIL)
        _report(work, "outage", last, at)


def heard(work: Work) -> None:
    """Keep that updates could come at `at`; after a long silence, with the bot up, leave work items.

    A poll was answered, or Telegram said that it brings them to the webhook.
    """
    at = work.at
    at = work.clock.shared_now() or at
    last = _kept(work, HEARD_AT)
    if last is not None and timedelta(0) <= at - last < EVERY:
        return
    if last is not None and at - last >= LONG:
        # The budget's row is locked: of several replicas that hear again at the same time one tells of it.
        work.limits.budget()
        if _kept(work, HEARD_AT) != last:
            return
    _keep(work.at_time(at), HEARD_AT)
    down_until = _kept(work, DOWN_UNTIL)
    was_up = down_until is None or last is None or down_until < last
    if last is not None and at - last >= LONG and was_up:
        _report(work, "telegram_silent", last, at)


def _set_back(work: Work) -> None:
    # The budget's row is locked first: of several replicas one does it, once.
    work.limits.budget()
    last = _kept(work, UP_AT)
    if last is not None and last > work.at:
        work.limits.reset()
        work.clock.shift_back(work.at, last - work.at)


def _report(work: Work, kind: Literal["outage", "telegram_silent"], begin: datetime, end: datetime) -> None:
    zone = ZoneInfo(work.clinic.timezone)
    span = " – ".join(f"{timestamp.astimezone(zone):%Y-%m-%d %H:%M}" for timestamp in (begin, end))
    work.tasks.add(Task(kind=kind, patient_id=None, subject=span, raised_at=end))
    if end - begin >= KEPT_BY_TELEGRAM:
        work.tasks.add(Task(kind="answers_lost", patient_id=None, subject=span, raised_at=end))
    cutoff = work.clinic.protocol.clocks.cutoff
    if end - begin > cutoff and (missed := _missed(work, begin, end - cutoff)):
        more = f" (+{len(missed) - NAMED})" if len(missed) > NAMED else ""
        subject = f"{span}: {', '.join(missed[:NAMED])}{more}"
        work.tasks.add(Task(kind="missed_in_outage", patient_id=None, subject=subject, raised_at=end))


def _missed(stores: Stores, begin: datetime, before: datetime) -> list[str]:
    """Return the codes of those whose check-in was skipped, or waits unsent since before that moment."""
    items = (item for item in stores.tasks.open() if item.kind == "skipped_after_outage" and item.raised_at > begin)
    skipped = {item.subject.partition("@")[0] for item in items}
    return sorted(skipped | set(stores.checkins.overdue(before, 10 * NAMED)))


def _kept(stores: Stores, name: str) -> datetime | None:
    kept = stores.settings.get(name)
    return datetime.fromisoformat(kept) if kept else None


def _keep(work: Work, name: str) -> None:
    work.settings.set(name, work.at.astimezone(UTC).isoformat())
