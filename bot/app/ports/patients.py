"""Ports to the database: the stores of patients and those who help them. No SQL, no engine."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from typing import Protocol

from bot.app.records.operations import BEGINNING, Place
from bot.app.records.patients import Caregiver, Consent, Invite, Patient, Started


class PatientStore(Protocol):
    """The store of patients in one open transaction."""

    def add(self, patient: Patient) -> Patient:
        """Raise `DuplicateError` when the code exists."""
        ...

    def save(self, patient: Patient) -> Patient: ...
    def get(self, patient_id: int, *, lock: bool = False) -> Patient | None:
        """`lock` holds the row for this transaction (FOR UPDATE); use cases that change a patient always lock."""
        ...

    def by_code(self, code: str, *, lock: bool = False) -> Patient | None: ...
    def by_chat(self, chat_id: int, *, lock: bool = False) -> Patient | None:
        """Found by keyed hash; a chat belongs to one patient at most."""
        ...

    def page(self, *, after_code: str = "", limit: int = 100) -> Sequence[Patient]:
        """In order of code."""
        ...

    def due(self, at: datetime, limit: int, after: Place = BEGINNING) -> Sequence[Patient]:
        """ACTIVE with next_due_at <= at, oldest first and after that place, locked; what others hold is left out."""
        ...

    def erase_data(self, patient_id: int) -> None:
        """Delete all but patient, consents and audit: answers, check-ins, assessments, alerts, messages and the rest.

        The patient's chat id and watch are removed too, and the caregivers with their messages.
        """
        ...

    def by_ids(self, ids: Collection[int]) -> Mapping[int, Patient]: ...
    def with_prefix(self, prefix: str, limit: int) -> Sequence[Patient]:
        """Whose code begins so, in order of code."""
        ...

    def started_between(self, first: date, last: date, after: Started | None, limit: int) -> Sequence[Patient]:
        """ICI start from `first` to `last`, both included, the latest start first; those behind `after`."""
        ...


class InviteStore(Protocol):
    """The store of invites in one open transaction."""

    def add(self, invite: Invite) -> Invite: ...
    def save(self, invite: Invite) -> Invite: ...
    def by_hash(self, token_hash: str) -> Invite | None: ...
    def of_patient(self, patient_id: int) -> Sequence[Invite]: ...


class ConsentStore(Protocol):
    """The store of consents in one open transaction."""

    def add(self, consent: Consent) -> Consent: ...
    def save(self, consent: Consent) -> Consent: ...
    def of_patient(self, patient_id: int) -> Sequence[Consent]: ...


class CaregiverStore(Protocol):
    """The store of caregivers in one open transaction."""

    def add(self, row: Caregiver) -> Caregiver:
        """Raise `DuplicateError` when the chat is another caregiver's."""
        ...

    def save(self, row: Caregiver) -> Caregiver:
        """Raise `DuplicateError` when the chat is another caregiver's."""
        ...

    def by_hash(self, token_hash: str) -> Caregiver | None: ...
    def by_chat(self, chat_id: int) -> Caregiver | None:
        """Found by keyed hash; a chat belongs to one caregiver at most."""
        ...

    def of_patient(self, patient_id: int) -> Sequence[Caregiver]:
        """All there were, oldest first, ended ones too."""
        ...
