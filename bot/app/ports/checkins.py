"""Ports to the stores of check-ins, answers, assessments, protocols and tips. Never imports SQL or the engine."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal, Protocol

from bot.app.records.checkins import AnswerRow, AssessmentRow, CheckInRow, StoredProtocol, TipShown
from bot.app.records.operations import BEGINNING, EVERY_ROW, Place
from bot.core.protocol import Answers


class CheckInStore(Protocol):
    """The store of check-ins in one open transaction."""

    def add(self, row: CheckInRow) -> CheckInRow | None:
        """Add a check-in and return it; None if the patient already has one with that due time."""
        ...

    def save(self, row: CheckInRow) -> CheckInRow:
        """Save everything but the answers, which `AnswerStore.record` stores."""
        ...

    def get(self, checkin_id: int) -> CheckInRow | None:
        """Return a check-in whose `value.answers` are the answers that are not superseded."""
        ...

    def open_of(self, patient_id: int) -> CheckInRow | None:
        """Return the patient's one check-in whose state is asking, paused or stopped."""
        ...

    def of_patient(self, patient_id: int, limit: int = EVERY_ROW) -> Sequence[CheckInRow]:
        """Return the patient's check-ins, newest first."""
        ...

    def of_form(self, patient_id: int, form: str) -> Sequence[CheckInRow]:
        """Return the patient's check-ins of one form, newest first."""
        ...

    def due(self, at: datetime, limit: int, after: Place = BEGINNING) -> Sequence[CheckInRow]:
        """Return check-ins with next_action_at <= at after that place, oldest first, locked with their patients."""
        ...

    def overdue(self, before: datetime, limit: int) -> Sequence[str]:
        """Return the codes of patients whose check-in has been waiting to be sent since before that time."""
        ...


class AnswerStore(Protocol):
    """The store of answers in one open transaction."""

    def record(self, row: AnswerRow) -> AnswerRow:
        """Add an answer and return it; supersede the check-in's current answer to that question, if there is one."""
        ...

    def supersede(self, checkin_id: int, question: str, at: datetime) -> None:
        """Supersede the current answer to a question without adding one."""
        ...

    def of_checkin(self, checkin_id: int) -> Sequence[AnswerRow]:
        """Return all answers, superseded ones too, in the order given."""
        ...

    def last_finished(self, patient_id: int, before_checkin: int) -> Sequence[tuple[str, Answers]]:
        """Return the form and current answers of the newest finished check-in of each form, newest first.

        Only check-ins of the patient before `before_checkin` count.
        """
        ...

    def baseline(self, patient_id: int) -> Answers | None:
        """Return the current answers of the patient's newest finished baseline."""
        ...


class AssessmentStore(Protocol):
    """The store of assessments in one open transaction."""

    def add(self, row: AssessmentRow) -> AssessmentRow: ...
    def of_patient(self, patient_id: int, limit: int = EVERY_ROW) -> Sequence[AssessmentRow]:
        """Return the patient's assessments, newest first."""
        ...


class ProtocolStore(Protocol):
    """The store of protocols in one open transaction."""

    def keep(self, row: StoredProtocol) -> None:
        """Store a protocol's file unless it is stored already."""
        ...

    def get(self, content_hash: str) -> StoredProtocol | None: ...
    def all(self) -> Sequence[StoredProtocol]:
        """Return every stored protocol, the one that was used first first."""
        ...


class TipStore(Protocol):
    """The store of tips in one open transaction."""

    def add(self, row: TipShown) -> TipShown: ...
    def rate(self, patient_id: int, tip: str, rating: Literal["helpful", "not_for_me"]) -> None:
        """Rate the tip as it was last shown to the patient."""
        ...

    def of_patient(self, patient_id: int, limit: int = EVERY_ROW) -> Sequence[TipShown]:
        """Return the tips shown to the patient, newest first."""
        ...
