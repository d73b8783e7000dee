"""Ports to the database: the stores of alerts, tasks and agreed levels. No SQL, no engine."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from bot.app.records.alerts import AlertRow, Snooze, Task
from bot.app.records.operations import BEGINNING, Place


class AlertStore(Protocol):
    """The store of alerts in one open transaction."""

    def add(self, row: AlertRow) -> AlertRow: ...
    def save(self, row: AlertRow) -> AlertRow: ...
    def get(self, alert_id: int) -> AlertRow | None: ...
    def of_patient(self, patient_id: int, limit: int = 50) -> Sequence[AlertRow]:
        """Newest first."""
        ...

    def in_queue(self, limit: int) -> Sequence[AlertRow]:
        """Those staff have not closed: the highest tier first, then the oldest."""
        ...

    def prompts_due(self, at: datetime, limit: int, after: Place = BEGINNING) -> Sequence[AlertRow]:
        """With next_step_at <= at, oldest first and after that place, locked with their patients."""
        ...

    def escalations_due(self, at: datetime, limit: int, after: Place = BEGINNING) -> Sequence[AlertRow]:
        """With staff_step_at <= at, oldest first and after that place, locked with their patients."""
        ...

    def not_closed_of(self, patient_ids: Collection[int]) -> Mapping[int, Sequence[AlertRow]]:
        """Of each patient the alerts that nobody closed."""
        ...

    def queue_state(self) -> str:
        """A short word that differs whenever anything in the queue of alerts did."""
        ...


class TaskStore(Protocol):
    """The store of tasks in one open transaction."""

    def add(self, item: Task) -> Task | None:
        """None when an open one of the same kind and subject exists."""
        ...

    def open(self, patient_id: int | None = None, limit: int = 500) -> Sequence[Task]:
        """Open ones, oldest first."""
        ...

    def close_of_patient(self, patient_id: int, kinds: Sequence[str], at: datetime) -> None: ...
    def close(self, item_id: int, at: datetime) -> Task | None:
        """Return the item as it was; None when there is no open one of that number."""
        ...


class AgreedLevelStore(Protocol):
    """The store of agreed levels in one open transaction."""

    def add(self, row: Snooze) -> Snooze: ...
    def save(self, row: Snooze) -> Snooze: ...
    def of_patient(self, patient_id: int) -> Sequence[Snooze]:
        """All there were, oldest first."""
        ...
