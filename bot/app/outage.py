"""Notices that the bot was down, that Telegram was not heard, that the clock was set back: by moments kept before.

The moment it was last up is kept while it is up, and looked at when it is up again; so is the last answer of Telegram.
"""

from datetime import UTC, datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from bot.app.ports import Clinic
from bot.app.store import Store, WorkItem

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


def note(store: Store, clinic: Clinic, at: datetime) -> None:
    """Keep that the bot is up at `at`; after a long gap leave work items for the team.

    The check-ins that came too late to be sent have items of their own, one a patient.
    """
    # Not by what this replica knew of the shared clock a second ago: one that was set would look like two.
    at = store.shared_now() or at
    last = _kept(store, UP_AT)
    if last is not None and timedelta(0) <= at - last < EVERY:
        return
    if last is not None and last - at > SET_BACK:
        _set_back(store, at)
    _keep(store, UP_AT, at)
    if last is not None and at - last >= LONG:
        _keep(store, DOWN_UNTIL, at)
        _report(store, clinic, "outage", last, at)


def heard(store: Store, clinic: Clinic, at: datetime) -> None:
    """Keep that updates could come at `at`; after a long silence, with the bot up, leave work items.

    A poll was answered, or Telegram said that it brings them to the webhook.
    """
    at = store.shared_now() or at
    last = _kept(store, HEARD_AT)
    if last is not None and timedelta(0) <= at - last < EVERY:
        return
    if last is not None and at - last >= LONG:
        # The budget's row is locked: of several replicas that hear again at the same time one tells of it.
        store.limiter()
        if _kept(store, HEARD_AT) != last:
            return
    _keep(store, HEARD_AT, at)
    down_until = _kept(store, DOWN_UNTIL)
    was_up = down_until is None or last is None or down_until < last
    if last is not None and at - last >= LONG and was_up:
        _report(store, clinic, "telegram_silent", last, at)


def _set_back(store: Store, at: datetime) -> None:
    # The budget's row is locked first: of several replicas one does it, once.
    store.limiter()
    last = _kept(store, UP_AT)
    if last is not None and last > at:
        store.forget_pace()
        store.set_back(at, last - at)


def _report(
    store: Store, clinic: Clinic, kind: Literal["outage", "telegram_silent"], begin: datetime, end: datetime
) -> None:
    zone = ZoneInfo(clinic.timezone)
    span = " – ".join(f"{moment.astimezone(zone):%Y-%m-%d %H:%M}" for moment in (begin, end))
    store.add_work_item(WorkItem(kind=kind, patient_id=None, subject=span, raised_at=end))
    if end - begin >= KEPT_BY_TELEGRAM:
        store.add_work_item(WorkItem(kind="answers_lost", patient_id=None, subject=span, raised_at=end))
    cutoff = clinic.protocol.clocks.cutoff
    if end - begin > cutoff and (missed := _missed(store, begin, end - cutoff)):
        more = f" (+{len(missed) - NAMED})" if len(missed) > NAMED else ""
        subject = f"{span}: {', '.join(missed[:NAMED])}{more}"
        store.add_work_item(WorkItem(kind="missed_in_outage", patient_id=None, subject=subject, raised_at=end))


def _missed(store: Store, begin: datetime, before: datetime) -> list[str]:
    """Return the codes of those whose check-in was skipped, or waits unsent since before that moment."""
    items = (item for item in store.work_items() if item.kind == "skipped_after_outage" and item.raised_at > begin)
    skipped = {item.subject.partition("@")[0] for item in items}
    return sorted(skipped | set(store.overdue_check_ins(before, 10 * NAMED)))


def _kept(store: Store, name: str) -> datetime | None:
    kept = store.setting(name)
    return datetime.fromisoformat(kept) if kept else None


def _keep(store: Store, name: str, at: datetime) -> None:
    store.save_setting(name, at.astimezone(UTC).isoformat())
