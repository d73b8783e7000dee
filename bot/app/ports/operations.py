"""Ports to the database: the stores of settings, audit, leases, clock, reports. No SQL, no engine."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Protocol

from bot.app.records.alerts import AlertTimes
from bot.app.records.operations import Audit, WeekReport


class ReportStore(Protocol):
    """The store of reports in one open transaction."""

    def completion(self, since: datetime, until: datetime) -> tuple[int, int]:
        """Of the check-ins the plans opened from `since` to before `until`: how many there were, how many are done."""
        ...

    def save_week(self, row: WeekReport) -> None:
        """Add it, or write over the one of that week."""
        ...

    def weeks(self, limit: int) -> Sequence[WeekReport]:
        """Newest first."""
        ...

    def answer_minutes(self, since: datetime, until: datetime) -> Sequence[int]:
        """Of the plans' check-ins opened in that time and done: minutes from opening to closing."""
        ...

    def alert_times(self, since: datetime, until: datetime) -> Sequence[AlertTimes]:
        """Of alerts raised from `since` to before `until`."""
        ...


class UpdateStore(Protocol):
    """The store of updates in one open transaction."""

    def mark_processed(self, update_id: int, at: datetime) -> bool:
        """Remember a Telegram update; False when it was handled before."""
        ...

    def purge(self, before: datetime) -> int: ...


class SettingStore(Protocol):
    """The store of settings in one open transaction."""

    def get(self, name: str) -> str | None:
        """One small value kept between starts (poll offset, bot name, last tick)."""
        ...

    def set(self, name: str, value: str) -> None: ...


class AuditStore(Protocol):
    """The store of audit in one open transaction."""

    def add(self, line: Audit) -> None: ...
    def lines(self, subject: str | None = None, limit: int = 100) -> Sequence[Audit]:
        """Newest first."""
        ...


class LeaseStore(Protocol):
    """The store of leases in one open transaction."""

    def take(self, name: str, *, owner: str, at: datetime, until: datetime) -> bool:
        """Take or keep the lease of that name until then; False while another has it.

        One that runs further ahead than a lease taken now could was written by a clock that was wrong: it counts as
        over.
        """
        ...

    def drop(self, name: str, *, owner: str) -> None:
        """Give it up; another's stays."""
        ...


class ClockStore(Protocol):
    """The store of clock in one open transaction."""

    def next_event_at(self) -> datetime | None:
        """The earliest of all next_due_at, next_step_at, staff_step_at and waiting outbox not_before moments."""
        ...

    def shared_now(self) -> datetime | None:
        """The moment by the one clock that all replicas go by, read at this call; None: this process has its own."""
        ...

    def shift_back(self, at: datetime, by: timedelta) -> None:
        """The clock was set back `by` to `at`: what waits for moments of before must not wait longer for it.

        Messages may be sent now; the clocks of alerts, also the team's, run down `by` earlier, not before `at`.
        """
        ...
