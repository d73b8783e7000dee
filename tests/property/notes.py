"""Takes note of all that one transaction does to a store: the same for the one in memory and the real ones."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from bot.app.store import (
    AlertRow,
    AlertState,
    AssessmentRow,
    CheckInRow,
    Outbox,
    Patient,
    Store,
    WorkItem,
)
from bot.core.checkin import State
from bot.core.screen import Action

OPEN = frozenset({State.ASKING, State.PAUSED, State.STOPPED})
_NOTED = ("add_patient", "add_alert", "add_assessment", "add_checkin", "add_work_item")
_GIVEN = ("save_patient", "save_alert", "save_checkin", "erase_patient_data", "enqueue", "record_answer")


class Noting:
    """A store that writes down what is added and saved, and else does what the one behind it does."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.done: list[tuple[str, Any]] = []
        self.errors: list[Exception] = []

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._store, name)
        if name not in _NOTED and name not in _GIVEN:
            return method

        def noted(row: Any) -> Any:
            result = method(row)
            what = row if name in _GIVEN else result
            if what is not None:
                self.done.append((name, what))
            return result

        return noted

    def attempt(self, fn: Callable[[], None]) -> Exception | None:
        before = len(self.done)
        error = self._store.attempt(fn)
        if error is not None:
            del self.done[before:]
            self.errors.append(error)
        return error


@dataclass
class Deed:
    """One transaction: when, by which door, and all it did, in order."""

    at: datetime
    door: str
    action: Action | None
    store: Noting
    late: bool = False
    """The service was down before it: what fell due meanwhile is worked off now."""

    def of(self, *names: str) -> list[Any]:
        return [row for name, row in self.store.done if name in names]

    @property
    def queued(self) -> list[Outbox]:
        return self.of("enqueue")

    @property
    def swept(self) -> bool:
        return self.door == "sweep"


@dataclass
class Books:
    """What is known of one patient, from the notes alone."""

    patient: Patient | None = None
    alerts: dict[int, AlertRow] = field(default_factory=dict)
    checkins: dict[int, CheckInRow] = field(default_factory=dict)
    assessments: dict[int, list[AssessmentRow]] = field(default_factory=dict)
    work: list[WorkItem] = field(default_factory=list)
    answered_at: dict[int, datetime] = field(default_factory=dict)
    """When each check-in was last answered."""

    def with_deed(self, deed: Deed) -> "Books":
        """What is known after it; these books stay as they are."""
        after = Books(
            patient=self.patient,
            alerts=dict(self.alerts),
            checkins=dict(self.checkins),
            assessments={number: list(rows) for number, rows in self.assessments.items()},
            work=list(self.work),
            answered_at=dict(self.answered_at),
        )
        for name, row in deed.store.done:
            after._one(name, row)
        return after

    def _one(self, name: str, row: Any) -> None:
        match name:
            case "add_patient" | "save_patient":
                self.patient = row
            case "add_alert" | "save_alert":
                self.alerts[row.id] = row
            case "add_checkin" | "save_checkin":
                self.checkins[row.id] = row
            case "add_assessment":
                self.assessments.setdefault(row.checkin_id, []).append(row)
            case "record_answer":
                self.answered_at[row.checkin_id] = row.given_at
            case "add_work_item":
                self.work.append(row)
            case "erase_patient_data":
                self.alerts.clear()
                self.checkins.clear()
                self.assessments.clear()
                self.work.clear()
            case _:
                pass

    def open_checkins(self) -> list[CheckInRow]:
        return [row for row in self.checkins.values() if row.value.state in OPEN]

    def raised_by(self, checkin_id: int) -> list[AlertRow]:
        return [a for a in self.alerts.values() if a.checkin_id == checkin_id and a.rules != ("asked_for_help",)]

    def pending(self) -> list[AlertRow]:
        return [a for a in self.alerts.values() if a.state in {AlertState.OPEN, AlertState.UNCONFIRMED}]
