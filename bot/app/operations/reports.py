"""Calculates the weekly report and stores it, so that a page reads a few rows only. Names no patient."""

from datetime import UTC, date, datetime, time, timedelta
from statistics import median
from zoneinfo import ZoneInfo

from bot.app.ports.clinic import Clinic
from bot.app.records.operations import WeekReport
from bot.app.work import Work

WEEK = timedelta(days=7)
RECALCULATED_WEEKS = 2
"""Weeks that are recalculated: this one, and the last one, whose check-ins are still being answered."""


def update_reports(work: Work) -> None:
    """Calculate and store the reports of the newest weeks."""
    today = work.at.astimezone(ZoneInfo(work.clinic.timezone)).date()
    monday = today - timedelta(days=today.weekday())
    for back in range(RECALCULATED_WEEKS):
        work.reports.save_week(week_report(work, monday - back * WEEK))


def week_report(work: Work, monday: date) -> WeekReport:
    """Return the report of the week that begins on `monday` of the clinic's calendar."""
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
