"""The port of the store of what is remembered of patients' symptoms."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from bot.app.records.concern_events import ConcernEvent
from bot.app.records.concerns import ClockJump, ConcernChange, MemoryRow
from bot.app.records.operations import BEGINNING, Place


class ConcernStore(Protocol):
    """The store of memories and of the history of concerns in one open transaction."""

    def add(self, row: MemoryRow) -> MemoryRow: ...
    def save(self, row: MemoryRow) -> MemoryRow: ...
    def of_patient(self, patient_id: int) -> MemoryRow | None:
        """Return what is remembered of the patient's symptoms; None if nothing has been stored yet."""
        ...

    def ends_due(self, at: datetime, limit: int, after: Place = BEGINNING) -> Sequence[MemoryRow]:
        """Return memories in which a level ends at `at` or before, after that place, oldest first."""
        ...

    def add_jump(self, jump: ClockJump) -> ClockJump: ...
    def jumps_after(self, jump_id: int) -> Sequence[ClockJump]:
        """Return the jumps of the clock after that one, oldest first."""
        ...

    def last_jump(self) -> int:
        """Return the id of the last jump of the clock; 0 if there was none."""
        ...

    def add_event(self, row: ConcernEvent) -> ConcernEvent: ...
    def events(self, patient_id: int) -> Sequence[ConcernEvent]:
        """Return what happened to the patient's concerns, oldest first."""
        ...

    def add_change(self, row: ConcernChange) -> ConcernChange: ...
    def changes(self, patient_id: int, limit: int = 200) -> Sequence[ConcernChange]:
        """Return the changes of the patient's concerns, newest first."""
        ...
