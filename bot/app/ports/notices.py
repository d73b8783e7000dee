"""Ports for facts that people must learn. Use cases state them; `bot/dialog/notices.py` chooses texts and buttons."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, Protocol

from bot.app.records.alerts import AlertRow
from bot.app.records.checkins import CheckInRow
from bot.app.records.concerns import KnownConcern, OpenConcern
from bot.app.records.patients import Caregiver, Patient
from bot.app.records.team import Staff
from bot.core.protocol import Tier, Tip
from bot.core.schedule import Pause


@dataclass(frozen=True)
class CheckInEnd:
    """How a check-in ended for the patient.

    `kind`: "after_call" if a call screen was shown, by this check-in or an earlier unconfirmed one; "before_call" if
    one follows; "still_open" while a human has to deal with earlier findings; "known" if a human knows about what was
    found and it is no worse, with a tip; "routine" otherwise, with a tip. `complete` unless questions were skipped.
    `tier`: of the call screens that were shown.
    `alert`: the one that names what is open. `is_first_of_week`: the first all-clear of the patient's week.
    """

    kind: Literal["after_call", "before_call", "still_open", "known", "routine"]
    tier: Tier = Tier.ROUTINE
    complete: bool = True
    tip: Tip | None = None
    open: tuple[OpenConcern, ...] = ()
    known: tuple[KnownConcern, ...] = ()
    alert: AlertRow | None = None
    is_first_of_week: bool = False


class PatientNotices(Protocol):
    """What patients, and the caregivers who answer with them, must learn."""

    def checkin_opened(self, patient: Patient, row: CheckInRow) -> None:
        """State that a check-in was opened and asks its first question."""
        ...

    def checkin_moved_on(self, patient: Patient, row: CheckInRow) -> None:
        """State that an answer led to another question."""
        ...

    def checkin_ended(self, patient: Patient, row: CheckInRow, end: CheckInEnd) -> None:
        """State that the last question was answered."""
        ...

    def checkin_closed(self, patient: Patient, row: CheckInRow) -> None:
        """State that a check-in was closed without the patient: its unsent messages are pointless."""
        ...

    def checkin_reminder(self, patient: Patient, row: CheckInRow) -> None:
        """State that a check-in still waits for an answer."""
        ...

    def call_now(self, patient: Patient, alert: AlertRow) -> None:
        """State that the patient has to call: a new message, before everything else for EMERGENCY and URGENT."""
        ...

    def seen_by_team(self, patient: Patient, alert: AlertRow, *, is_seen: bool) -> None:
        """State that a member of the team has acknowledged the alert, or that something opened since."""
        ...

    def safety_follow_up(self, patient: Patient, alert: AlertRow) -> None:
        """State that the patient is asked whether they reached someone."""
        ...

    def ask_home(self, patient: Patient, alert: AlertRow) -> None:
        """State that a patient who was at the hospital is asked whether they are home."""
        ...

    def alert_closed(self, patient: Patient, alert: AlertRow) -> None:
        """State that the team closed an alert: its messages ask nothing any more."""
        ...

    def paused(self, patient: Patient, pause: Pause, *, is_planned: bool) -> None:
        """State that check-ins pause: as the patient or the team said today, or `is_planned` in the plan."""
        ...

    def plan_ends(self, patient: Patient, *, with_checkin: bool) -> None:
        """State that the check-in that comes now is the last one; or that no other comes, if none comes now."""
        ...

    def plan_changed(self, patient: Patient) -> None:
        """State that the plan was changed and the next check-in may come at another time."""
        ...

    def withdrawn(self, patient: Patient, tier: Tier) -> None:
        """State that the patient's participation has ended; `tier`: of what they still have to call about."""
        ...

    def caregiver_ended(self, patient: Patient, caregiver: Caregiver) -> None:
        """State that a caregiver no longer answers with the patient; `caregiver` as they were before."""
        ...

    def data_erased(self, patient: Patient, caregivers: Iterable[Caregiver], tier: Tier) -> None:
        """State that all data were erased: the chats of the patient and the caregivers get a last message.

        `tier`: of what the patient still has to call about.
        """
        ...


class TeamNotices(Protocol):
    """What the team must learn."""

    def alert_raised(self, patient: Patient, alert: AlertRow, person: Staff) -> None:
        """Notify a member of an alert to acknowledge or that was handed over to them: a new message, with sound."""
        ...

    def alert_changed(self, patient: Patient, alert: AlertRow, person: Staff) -> None:
        """State that an alert that the member was notified of has changed."""
        ...

    def patient_replied(self, patient: Patient, alert: AlertRow, person: Staff, reply: str) -> None:
        """Notify a member of the patient's reply ("cannot_reach", "cannot_call") or of none ("unconfirmed").

        Or that the patient goes while the alert is open ("left", "paused", "new_phone").
        """
        ...

    def digest(self, person: Staff) -> None:
        """State that the day's digest is due."""
        ...


class Notices(PatientNotices, TeamNotices, Protocol):
    """Everything that a use case can state."""
