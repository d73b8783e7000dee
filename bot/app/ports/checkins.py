"""Ports to the database: the stores of check-ins, answers, assessments. No SQL, no engine."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal, Protocol

from bot.app.records.checkins import AnswerRow, AssessmentRow, CheckInRow, StoredProtocol, TipShown
from bot.app.records.operations import BEGINNING, Place
from bot.core.protocol import Answers


class CheckInStore(Protocol):
    """The store of checkins in one open transaction."""

    def add(self, row: CheckInRow) -> CheckInRow | None:
        """None when the patient already has one due at that moment."""
        ...

    def save(self, row: CheckInRow) -> CheckInRow:
        """The current answers are stored by `record_answer`; this stores the rest."""
        ...

    def get(self, checkin_id: int) -> CheckInRow | None:
        """With `value.answers` read from the answers that are not superseded."""
        ...

    def open_of(self, patient_id: int) -> CheckInRow | None:
        """The one check-in whose state is asking, paused or stopped."""
        ...

    def of_patient(self, patient_id: int, limit: int = 50) -> Sequence[CheckInRow]:
        """Newest first."""
        ...

    def due(self, at: datetime, limit: int, after: Place = BEGINNING) -> Sequence[CheckInRow]:
        """Open ones with next_step_at <= at, oldest first and after that place, locked with their patients."""
        ...

    def overdue(self, before: datetime, limit: int) -> Sequence[str]:
        """Study codes whose check-in has been waiting to be sent since before that moment."""
        ...


class AnswerStore(Protocol):
    """The store of answers in one open transaction."""

    def record(self, row: AnswerRow) -> AnswerRow:
        """Supersede the question's present answer in that check-in, if there is one, and add this."""
        ...

    def supersede(self, checkin_id: int, question: str, at: datetime) -> None:
        """Supersede the question's present answer without a new one."""
        ...

    def of_checkin(self, checkin_id: int) -> Sequence[AnswerRow]:
        """All, superseded ones too, in order of giving."""
        ...

    def last_finished(self, patient_id: int, before_checkin: int) -> Sequence[tuple[str, Answers]]:
        """Of each form the patient's newest finished check-in older than that one: the form and its current answers.

        Newest check-in first.
        """
        ...

    def baseline(self, patient_id: int) -> Answers | None:
        """Current answers of the patient's newest finished baseline."""
        ...


class AssessmentStore(Protocol):
    """The store of assessments in one open transaction."""

    def add(self, row: AssessmentRow) -> AssessmentRow: ...
    def of_patient(self, patient_id: int, limit: int = 50) -> Sequence[AssessmentRow]:
        """Newest first."""
        ...


class ProtocolStore(Protocol):
    """The store of protocols in one open transaction."""

    def keep(self, row: StoredProtocol) -> None:
        """Store a protocol's file unless it is there already."""
        ...

    def get(self, content_hash: str) -> StoredProtocol | None: ...


class TipStore(Protocol):
    """The store of tips in one open transaction."""

    def add(self, row: TipShown) -> TipShown: ...
    def rate(self, patient_id: int, tip: str, rating: Literal["helpful", "not_for_me"]) -> None:
        """Rate the newest showing of that tip."""
        ...

    def of_patient(self, patient_id: int, limit: int = 50) -> Sequence[TipShown]:
        """Newest first."""
        ...
