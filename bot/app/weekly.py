"""The figures of each week, worked out by the hour and kept, so that a report reads a few rows whatever is stored."""

from datetime import UTC, date, datetime, time, timedelta
from statistics import median
from zoneinfo import ZoneInfo

from bot.app.ports import Clinic
from bot.app.store import Store
from bot.app.team_store import WeekReport

WEEK = timedelta(days=7)
CHECKED_AGAIN = 2
"""Weeks worked out anew: the present one, and the one before it, whose check-ins are still being answered."""


def keep(store: Store, clinic: Clinic, at: datetime) -> None:
    """Work out the newest weeks and keep them."""
    today = at.astimezone(ZoneInfo(clinic.timezone)).date()
    monday = today - timedelta(days=today.weekday())
    for back in range(CHECKED_AGAIN):
        store.save_week(report(store, clinic, monday - back * WEEK))


def report(store: Store, clinic: Clinic, monday: date) -> WeekReport:
    """Return the figures of the week that begins on that day of the clinic's calendar."""
    since, until = _midnight(clinic, monday), _midnight(clinic, monday + WEEK)
    asked, answered = store.completion(since, until)
    minutes = store.answer_minutes(since, until)
    alerts = store.alert_times(since, until)
    ack = clinic.protocol.clocks.ack
    in_time = [a for a in alerts if a.taken_at is not None and a.taken_at - a.raised_at <= ack[a.tier].next]
    return WeekReport(
        week=monday,
        asked=asked,
        answered=answered,
        median_minutes=round(median(minutes)) if minutes else None,
        alerts=len(alerts),
        in_time=len(in_time),
    )


def _midnight(clinic: Clinic, day: date) -> datetime:
    return datetime.combine(day, time(), ZoneInfo(clinic.timezone)).astimezone(UTC)
