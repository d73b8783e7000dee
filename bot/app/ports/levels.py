"""The ports of the stores of decisions about levels, and of close watch."""

from collections.abc import Sequence
from typing import Protocol

from bot.app.records.levels import CloseWatch, LevelDecision


class LevelStore(Protocol):
    """The store of what staff decided about a patient's levels in one open transaction."""

    def add(self, row: LevelDecision) -> LevelDecision: ...
    def save(self, row: LevelDecision) -> LevelDecision: ...
    def of_patient(self, patient_id: int) -> Sequence[LevelDecision]:
        """Return the decisions about the patient's levels, oldest first."""
        ...


class CloseWatchStore(Protocol):
    """The store of the symptoms that staff watch closely in one open transaction."""

    def add(self, row: CloseWatch) -> CloseWatch: ...
    def save(self, row: CloseWatch) -> CloseWatch: ...
    def of_patient(self, patient_id: int) -> Sequence[CloseWatch]:
        """Return the patient's watches, ended ones too, oldest first."""
        ...
