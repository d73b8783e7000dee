"""The unit of work: the stores of one open transaction, for one clinic, at one time, by one actor. Decides nothing."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol, TypeVar

from bot.app.ports.alerts import AgreedLevelStore, AlertStore, TaskStore
from bot.app.ports.checkins import AnswerStore, AssessmentStore, CheckInStore, ProtocolStore, TipStore
from bot.app.ports.clinic import Clinic
from bot.app.ports.concerns import ConcernStore
from bot.app.ports.dead_letters import DeadLetterStore
from bot.app.ports.levels import CloseWatchStore, LevelStore
from bot.app.ports.limits import LimitStore
from bot.app.ports.notices import Notices
from bot.app.ports.operations import AuditStore, ClockStore, LeaseStore, ReportStore, SettingStore, UpdateStore
from bot.app.ports.outbox import OutboxStore
from bot.app.ports.patients import CaregiverStore, ConsentStore, InviteStore, PatientStore, TreatmentStore
from bot.app.ports.team import PasskeyStore, RotaStore, SessionStore, StaffStore
from bot.app.records.operations import Audit
from bot.app.records.patients import Patient
from bot.core.local_time import after_quiet_hours

T = TypeVar("T")
SYSTEM = "system"
"""The actor of what no team member does: what falls due, and what patients and caregivers tap."""


@dataclass(frozen=True, kw_only=True)
class Stores:
    """What one open transaction reads and writes. All times are aware UTC. The database assigns ids (integers).

    Every `add` returns the record with its id; every `save` overwrites the whole record by id, returns it with
    its new version, and raises `StaleRecordError` if the row has changed since it was read. `attempt` runs a function
    in a savepoint: if the function raises, its changes are rolled back and the error is returned.
    """

    attempt: Callable[[Callable[[], None]], Exception | None]
    patients: PatientStore
    treatments: TreatmentStore
    invites: InviteStore
    consents: ConsentStore
    caregivers: CaregiverStore
    checkins: CheckInStore
    answers: AnswerStore
    assessments: AssessmentStore
    protocols: ProtocolStore
    alerts: AlertStore
    concerns: ConcernStore
    tasks: TaskStore
    tips: TipStore
    outbox: OutboxStore
    dead_letters: DeadLetterStore
    limits: LimitStore
    staff: StaffStore
    rota: RotaStore
    agreed_levels: AgreedLevelStore
    levels: LevelStore
    close_watches: CloseWatchStore
    sessions: SessionStore
    passkeys: PasskeyStore
    reports: ReportStore
    updates: UpdateStore
    settings: SettingStore
    audit: AuditStore
    leases: LeaseStore
    clock: ClockStore


@dataclass(frozen=True, kw_only=True)
class Work(Stores):
    """One unit of work. It may run again, so a use case sends nothing, reads no clock and changes nothing outside it.

    `at`: aware UTC. `actor`: who acts, as the audit names them.
    """

    clinic: Clinic
    at: datetime
    actor: str
    notices_of: Callable[["Work"], Notices]
    is_by_clock: bool = False
    """Nobody tapped: what is not urgent reaches a patient at the end of their quiet hours."""
    sends_from: datetime | None = None
    """Messages are not sent before this; None: at once."""

    @property
    def notices(self) -> Notices:
        """Return where to state facts that people must learn."""
        return self.notices_of(self)

    def at_time(self, at: datetime) -> "Work":
        """Return this unit of work with another time."""
        return replace(self, at=at)

    def acting(self, actor: str) -> "Work":
        """Return this unit of work with another actor."""
        return replace(self, actor=actor)

    def by_clock(self) -> "Work":
        """Return this unit of work for what falls due without a tap."""
        return replace(self, is_by_clock=True)

    def when_awake(self, patient: Patient) -> "Work":
        """Return this unit of work for messages that are not urgent: at once after a tap, else after quiet hours."""
        if not self.is_by_clock:
            return self
        zone = patient.timezone or self.clinic.timezone
        awake = after_quiet_hours(self.at, zone, patient.quiet_from, patient.quiet_to)
        return replace(self, sends_from=awake)

    def record(self, action: str, subject: str, **detail: str | int | None) -> None:
        """Add a line to the audit: `actor` did `action` to `subject` at `at`. `detail` never contains an answer."""
        self.audit.add(Audit(at=self.at, actor=self.actor, action=action, subject=subject, detail=detail))


class Transactor(Protocol):
    """A database that runs plain functions, each in one transaction."""

    async def transact(self, fn: Callable[[Stores], T]) -> T:
        """Run `fn` in a transaction and commit; an exception rolls it back. `fn` may run more than once."""
        ...

    async def read(self, fn: Callable[[Stores], T]) -> T:
        """Run `fn` on committed data; it can't write or lock."""
        ...
