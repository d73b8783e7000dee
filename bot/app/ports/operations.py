"""Ports to the stores of settings, audit, leases, clock, reports and updates. Never imports SQL or the engine."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Protocol

from bot.app.records.alerts import AlertTimes
from bot.app.records.operations import Audit, WeekReport


class ReportStore(Protocol):
    """The store of reports in one open transaction."""

    def completion(self, since: datetime, until: datetime) -> tuple[int, int]:
        """Return how many check-ins plans opened from `since` to before `until`, and how many of them are done."""
        ...

    def save_week(self, row: WeekReport) -> None:
        """Add the report of a week, or replace it."""
        ...

    def weeks(self, limit: int) -> Sequence[WeekReport]:
        """Return the reports, newest first."""
        ...

    def answer_minutes(self, since: datetime, until: datetime) -> Sequence[int]:
        """Return the minutes from opening to closing of the plans' check-ins opened in that time and done."""
        ...

    def alert_times(self, since: datetime, until: datetime) -> Sequence[AlertTimes]:
        """Return the times of alerts raised from `since` to before `until`."""
        ...


class UpdateStore(Protocol):
    """The store of processed updates in one open transaction."""

    def mark_processed(self, update_id: int, at: datetime) -> bool:
        """Store that a Telegram update is processed; return False if it was processed already."""
        ...

    def purge(self, before: datetime) -> int: ...


class SettingStore(Protocol):
    """The store of settings in one open transaction."""

    def get(self, name: str) -> str | None:
        """Return a small value that is kept between starts, such as the poll offset; None if there is none."""
        ...

    def set(self, name: str, value: str) -> None: ...


class AuditStore(Protocol):
    """The store of the audit in one open transaction."""

    def add(self, line: Audit) -> None: ...
    def lines(self, subject: str | None = None, limit: int = 100) -> Sequence[Audit]:
        """Return lines, of one subject or all, newest first."""
        ...


class LeaseStore(Protocol):
    """The store of leases in one open transaction."""

    def take(self, name: str, *, owner: str, at: datetime, until: datetime) -> bool:
        """Acquire or renew the lease of that name until then; return False while another owner has it.

        A lease that ends later than any lease acquired now can end comes from a wrong clock: it counts as expired.
        """
        ...

    def drop(self, name: str, *, owner: str) -> None:
        """Release the lease if this owner has it."""
        ...


class ClockStore(Protocol):
    """The clock of the database in one open transaction."""

    def next_event_at(self) -> datetime | None:
        """Return the earliest time at which a check-in, an alert or a waiting message is due; None if nothing is."""
        ...

    def shared_now(self) -> datetime | None:
        """Return the time of the clock that all replicas share, read now; None if this process has its own."""
        ...

    def shift_back(self, at: datetime, by: timedelta) -> None:
        """Move stored times `by` earlier, not before `at`, because the clock was set back by that much to `at`.

        Nothing must wait longer because of it: messages may be sent now, alerts prompt and escalate earlier, and open
        check-ins are processed earlier. Times that had passed are not in the future afterwards.
        """
        ...
