"""The figures of each week, worked out by the hour and kept, so that a report reads a few rows whatever is stored."""

from datetime import UTC, date, datetime, time, timedelta
from statistics import median
from zoneinfo import ZoneInfo

from bot.app.ports.clinic import Clinic
from bot.app.records.operations import WeekReport
from bot.app.work import Work

WEEK = timedelta(days=7)
CHECKED_AGAIN = 2
"""Weeks worked out anew: the present one, and the one before it, whose check-ins are still being answered."""


def keep(work: Work) -> None:
    """Work out the newest weeks and keep them."""
    today = work.at.astimezone(ZoneInfo(work.clinic.timezone)).date()
    monday = today - timedelta(days=today.weekday())
    for back in range(CHECKED_AGAIN):
        work.reports.save_week(report(work, monday - back * WEEK))


def report(work: Work, monday: date) -> WeekReport:
    """Return the figures of the week that begins on that day of the clinic's calendar."""
    since, until = _midnight(work.clinic, monday), _midnight(work.clinic, monday + WEEK)
    asked, answered = work.reports.completion(since, until)
    minutes = work.reports.answer_minutes(since, until)
    alerts = work.reports.alert_times(since, until)
    ack = work.clinic.protocol.clocks.ack
    in_time = [
        a for a in alerts if a.acknowledged_at is not None and a.acknowledged_at - a.raised_at <= ack[a.tier].next
    ]
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
