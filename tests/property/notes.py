"""Records everything that one transaction does to a store, for the in-memory store and the real ones alike."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from bot.app.records.alerts import AlertRow, Task
from bot.app.records.checkins import AssessmentRow, CheckInRow
from bot.app.records.messages import Outbox
from bot.app.records.patients import Patient
from bot.app.work import Stores
from bot.core.checkin import State
from bot.core.screen import Action

OPEN = frozenset({State.ASKING, State.PAUSED, State.STOPPED})
_ADDED = {
    ("patients", "add"): "add_patient",
    ("alerts", "add"): "add_alert",
    ("assessments", "add"): "add_assessment",
    ("checkins", "add"): "add_checkin",
    ("tasks", "add"): "add_task",
    ("caregivers", "add"): "save_caregiver",
    ("concerns", "add"): "save_memory",
}
"""What is noted of these methods is their result."""
_GIVEN = {
    ("patients", "save"): "save_patient",
    ("alerts", "save"): "save_alert",
    ("checkins", "save"): "save_checkin",
    ("patients", "erase_data"): "erase_patient_data",
    ("outbox", "enqueue"): "enqueue",
    ("answers", "record"): "record_answer",
    ("caregivers", "save"): "save_caregiver",
    ("concerns", "save"): "save_memory",
}
"""What is noted of these methods is what they were given."""


class Noting:
    """Stores that record what is added and saved, and delegate everything to the stores behind them."""

    def __init__(self, stores: Stores) -> None:
        self._stores = stores
        self.done: list[tuple[str, Any]] = []
        self.errors: list[Exception] = []

    def __getattr__(self, name: str) -> Any:
        return _NotingPort(name, getattr(self._stores, name), self.done)

    def attempt(self, fn: Callable[[], None]) -> Exception | None:
        before = len(self.done)
        error = self._stores.attempt(fn)
        if error is not None:
            del self.done[before:]
            self.errors.append(error)
        return error


class _NotingPort:
    def __init__(self, name: str, port: Any, done: list[tuple[str, Any]]) -> None:
        self._name = name
        self._port = port
        self._done = done

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._port, name)
        given = _GIVEN.get((self._name, name))
        noted_as = given or _ADDED.get((self._name, name))
        if noted_as is None:
            return method

        def noted(row: Any, **more: Any) -> Any:
            result = method(row, **more)
            what = row if given else result
            if what is not None:
                self._done.append((noted_as, what))
            return result

        return noted


class StaffAct(NamedTuple):
    """What staff did: noted an outcome of an alert ("outcome"), closed one, or accepted a level ("agree", "end")."""

    what: str
    alert: int = 0
    outcome: str = ""
    symptom: str = ""
    step: int = 0
    until: datetime | None = None


@dataclass
class Deed:
    """One transaction: when it ran, through which use case, and everything it did, in order."""

    at: datetime
    name: str
    action: Action | None
    stores: Noting
    late: bool = False
    """Whether the service was down before it, so that it processes what fell due meanwhile."""
    chat: int | None = None
    """The chat that it came from."""
    shown_at: datetime | None = None
    """When the message was sent whose button was tapped."""
    staff: "StaffAct | None" = None

    def of(self, *names: str) -> list[Any]:
        return [row for name, row in self.stores.done if name in names]

    @property
    def queued(self) -> list[Outbox]:
        return self.of("enqueue")

    @property
    def swept(self) -> bool:
        return self.name == "sweep"


@dataclass
class Books:
    """What the records of the transactions say about one patient."""

    patient: Patient | None = None
    alerts: dict[int, AlertRow] = field(default_factory=dict)
    checkins: dict[int, CheckInRow] = field(default_factory=dict)
    assessments: dict[int, list[AssessmentRow]] = field(default_factory=dict)
    work: list[Task] = field(default_factory=list)
    answered_at: dict[int, datetime] = field(default_factory=dict)
    """When each check-in was last answered."""
    caregivers: dict[int, Any] = field(default_factory=dict)
    memory: Any = None
    """What the product remembers of symptoms."""

    def with_deed(self, deed: Deed) -> "Books":
        """Return the books after that transaction; these books remain unchanged."""
        after = Books(
            patient=self.patient,
            alerts=dict(self.alerts),
            checkins=dict(self.checkins),
            assessments={number: list(rows) for number, rows in self.assessments.items()},
            work=list(self.work),
            answered_at=dict(self.answered_at),
            caregivers=dict(self.caregivers),
            memory=self.memory,
        )
        for name, row in deed.stores.done:
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
            case "add_task":
                self.work.append(row)
            case "save_caregiver":
                self.caregivers[row.id] = row
            case "save_memory":
                self.memory = row
            case "erase_patient_data":
                self._erase()
            case _:
                pass

    def _erase(self) -> None:
        for kept in (self.alerts, self.checkins, self.assessments, self.work, self.caregivers):
            kept.clear()
        self.memory = None

    def is_helper(self, chat: int | None) -> bool:
        """Return whether a chat is an active caregiver's."""
        return any(row.chat_id == chat and row.state == "active" for row in self.caregivers.values())

    def open_checkins(self) -> list[CheckInRow]:
        return [row for row in self.checkins.values() if row.value.state in OPEN]

    def raised_by(self, checkin_id: int) -> list[AlertRow]:
        return [a for a in self.alerts.values() if a.checkin_id == checkin_id and a.rules != ("asked_for_help",)]
