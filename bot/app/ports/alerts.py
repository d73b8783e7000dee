"""Ports to the stores of alerts, tasks and agreed levels. Never imports SQL or the engine."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from bot.app.records.alerts import AgreedLevel, AlertRow, Task
from bot.app.records.operations import BEGINNING, EVERY_ROW, Place


class AlertStore(Protocol):
    """The store of alerts in one open transaction."""

    def add(self, row: AlertRow) -> AlertRow: ...
    def save(self, row: AlertRow) -> AlertRow: ...
    def get(self, alert_id: int) -> AlertRow | None: ...
    def of_patient(self, patient_id: int, limit: int = EVERY_ROW) -> Sequence[AlertRow]:
        """Return the patient's alerts, newest first."""
        ...

    def open_of(self, patient_id: int) -> Sequence[AlertRow]:
        """Return the patient's alerts that are not closed, however old, newest first."""
        ...

    def in_queue(self, limit: int) -> Sequence[AlertRow]:
        """Return the alerts that staff have not closed: highest tier first, then oldest."""
        ...

    def prompts_due(self, at: datetime, limit: int, after: Place = BEGINNING) -> Sequence[AlertRow]:
        """Return alerts with next_patient_prompt_at <= at after that place, oldest first; lock their patients, too."""
        ...

    def escalations_due(self, at: datetime, limit: int, after: Place = BEGINNING) -> Sequence[AlertRow]:
        """Return alerts with next_escalation_at <= at after that place, oldest first, locked with their patients."""
        ...

    def not_closed_of(self, patient_ids: Collection[int]) -> Mapping[int, Sequence[AlertRow]]:
        """Return the alerts that are not closed, by patient."""
        ...

    def queue_state(self) -> str:
        """Return a short string that changes whenever the queue of alerts changes."""
        ...


class TaskStore(Protocol):
    """The store of tasks in one open transaction."""

    def add(self, item: Task) -> Task | None:
        """Add a task and return it; None if an open one of the same kind and subject exists."""
        ...

    def open(self, patient_id: int | None = None, limit: int = 500) -> Sequence[Task]:
        """Return the open tasks, of one patient or all, oldest first."""
        ...

    def was_raised(self, patient_id: int, kind: str, since: datetime) -> bool:
        """Return whether a task of that kind was opened for the patient at `since` or later, closed or not."""
        ...

    def close_of_patient(self, patient_id: int, kinds: Sequence[str], at: datetime) -> None: ...
    def close(self, task_id: int, at: datetime) -> Task | None:
        """Close a task and return it; None if no open task has that number, so only one of two people can close it."""
        ...


class AgreedLevelStore(Protocol):
    """The store of agreed levels in one open transaction."""

    def add(self, row: AgreedLevel) -> AgreedLevel: ...
    def save(self, row: AgreedLevel) -> AgreedLevel: ...
    def of_patient(self, patient_id: int) -> Sequence[AgreedLevel]:
        """Return the patient's agreed levels, ended ones too, oldest first."""
        ...
