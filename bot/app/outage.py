"""Notices that the bot was down: a moment kept while it is up, looked at when it is up again."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from bot.app.ports import Clinic
from bot.app.store import Store, WorkItem

UP_AT = "up_at"
EVERY = timedelta(minutes=1)
"""The moment is kept that often, not with each tick."""
LONG = timedelta(minutes=30)
"""A shorter one is a restart: reminders and check-ins come a little later, and nobody is missed."""


def note(store: Store, clinic: Clinic, at: datetime) -> None:
    """Keep that the bot is up at `at`; after a long gap leave a work item for the team.

    The check-ins that came too late to be sent have items of their own, one a patient.
    """
    kept = store.setting(UP_AT)
    last = datetime.fromisoformat(kept) if kept else None
    if last is not None and timedelta(0) <= at - last < EVERY:
        return
    store.save_setting(UP_AT, at.astimezone(UTC).isoformat())
    if last is not None and at - last >= LONG:
        zone = ZoneInfo(clinic.timezone)
        begin, end = (f"{moment.astimezone(zone):%Y-%m-%d %H:%M}" for moment in (last, at))
        store.add_work_item(WorkItem(kind="outage", patient_id=None, subject=f"{begin} – {end}", raised_at=at))
