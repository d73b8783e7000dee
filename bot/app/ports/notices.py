"""Facts that people must learn of, as use cases state them; bot/dialog/notices.py decides on words and buttons."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Literal, Protocol

from bot.app.records.alerts import AlertRow
from bot.app.records.checkins import CheckInRow
from bot.app.records.patients import Caregiver, Patient
from bot.app.records.team import Staff
from bot.core.protocol import Tip
from bot.core.schedule import Pause


@dataclass(frozen=True)
class CheckInEnd:
    """How a check-in ended for the patient.

    `kind`: "after_call" if a call screen was shown, by this check-in or an earlier one that is not confirmed;
    "before_call" if one follows; "unchanged" if the findings are known; "routine" otherwise, with a tip. `complete`
    unless questions were skipped.
    """

    kind: Literal["after_call", "before_call", "unchanged", "routine"]
    complete: bool = True
    tip: Tip | None = None


class PatientNotices(Protocol):
    """What patients, and the caregivers who answer with them, must learn."""

    def checkin_opened(self, patient: Patient, row: CheckInRow) -> None:
        """A check-in was opened: it asks its first question."""
        ...

    def checkin_moved_on(self, patient: Patient, row: CheckInRow) -> None:
        """An answer led to another question."""
        ...

    def checkin_ended(self, patient: Patient, row: CheckInRow, end: CheckInEnd) -> None:
        """The last question was answered."""
        ...

    def checkin_closed(self, patient: Patient, row: CheckInRow) -> None:
        """A check-in was closed without the patient: what was not sent of it is pointless."""
        ...

    def checkin_reminder(self, patient: Patient, row: CheckInRow) -> None:
        """A check-in still waits for an answer."""
        ...

    def call_now(self, patient: Patient, alert: AlertRow) -> None:
        """The patient has to call: always a new message, before everything else for EMERGENCY and URGENT."""
        ...

    def safety_follow_up(self, patient: Patient, alert: AlertRow) -> None:
        """The patient is asked whether they reached someone."""
        ...

    def paused(self, patient: Patient, until: date | None) -> None:
        """Check-ins pause from today, until that day (inclusive) or until resumed."""
        ...

    def pause_planned(self, patient: Patient, pause: Pause) -> None:
        """A pause was planned, from when to when."""
        ...

    def plan_changed(self, patient: Patient) -> None:
        """The plan was changed: the next check-in comes at another time."""
        ...

    def withdrawn(self, patient: Patient) -> None:
        """The patient's participation has ended."""
        ...

    def caregiver_ended(self, patient: Patient, caregiver: Caregiver) -> None:
        """A caregiver no longer answers with the patient; `caregiver` as they were."""
        ...

    def data_erased(self, patient: Patient, caregivers: Iterable[Caregiver]) -> None:
        """All data were erased: the chats that were the patient's and the caregivers' say good-bye."""
        ...


class TeamNotices(Protocol):
    """What the team must learn."""

    def alert_raised(self, patient: Patient, alert: AlertRow, person: Staff) -> None:
        """An alert is somebody's to acknowledge, or was handed to them: a new message, so that the phone sounds."""
        ...

    def alert_changed(self, patient: Patient, alert: AlertRow, person: Staff) -> None:
        """An alert that somebody was notified of has changed."""
        ...

    def patient_replied(self, patient: Patient, alert: AlertRow, person: Staff, reply: str) -> None:
        """The patient said of the call what the team has to know ("cannot_reach", "cannot_call", "unconfirmed")."""
        ...

    def digest(self, person: Staff) -> None:
        """The day's digest is due."""
        ...


class Notices(PatientNotices, TeamNotices, Protocol):
    """Where a use case states what people must learn."""
