"""Ports to the stores of patients, invites, consents and caregivers. Never imports SQL or the engine."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from typing import Protocol

from bot.app.records.operations import BEGINNING, Place
from bot.app.records.patients import Caregiver, Consent, Invite, Patient, Started, TreatmentPeriod, TreatmentVersion


class PatientStore(Protocol):
    """The store of patients in one open transaction."""

    def add(self, patient: Patient) -> Patient:
        """Add a patient with their treatment periods and return them. Raise DuplicateError if the code exists."""
        ...

    def save(self, patient: Patient) -> Patient:
        """Save a patient and return them. Treatment periods are saved by `TreatmentStore`."""
        ...

    def get(self, patient_id: int, *, lock: bool = False) -> Patient | None:
        """Return a patient; `lock` locks the row (FOR UPDATE). Use cases that change a patient always lock."""
        ...

    def by_code(self, code: str, *, lock: bool = False) -> Patient | None: ...
    def by_chat(self, chat_id: int, *, lock: bool = False) -> Patient | None:
        """Return the one patient of a chat, found by keyed hash; None if there is none."""
        ...

    def by_second_chat(self, chat_id: int) -> Patient | None:
        """Return a patient, locked, who moves between this chat and another; None if there is none."""
        ...

    def page(self, *, after_code: str = "", limit: int = 100) -> Sequence[Patient]:
        """Return patients in order of code."""
        ...

    def due(self, at: datetime, limit: int, after: Place = BEGINNING) -> Sequence[Patient]:
        """Return ACTIVE patients with next_due_at <= at after that place, oldest first, locked.

        Rows that another transaction has locked are skipped.
        """
        ...

    def home_due(self, at: datetime, limit: int, after: Place = BEGINNING) -> Sequence[Patient]:
        """Return patients with ask_home_at <= at after that place, oldest first, locked, as `due` does."""
        ...

    def goodbye_due(self, at: datetime, limit: int, after: Place = BEGINNING) -> Sequence[Patient]:
        """Return ACTIVE patients with goodbye_at <= at after that place, oldest first, locked, as `due` does."""
        ...

    def erase_data(self, patient_id: int, *, keep_alert: int | None = None) -> None:
        """Delete everything of a patient but the patient, consents and audit; also caregivers and their messages.

        The patient's chat id and follow-up are removed, too. `keep_alert`: the one alert that is kept, until it is
        closed (see `purge_kept`); it must contain no answer.
        """
        ...

    def purge_kept(self) -> int:
        """Delete alerts that were kept of erased patients and are closed; return their number."""
        ...

    def by_ids(self, ids: Collection[int]) -> Mapping[int, Patient]: ...
    def with_prefix(self, prefix: str, limit: int) -> Sequence[Patient]:
        """Return patients whose code begins with `prefix`, in order of code."""
        ...

    def started_between(self, first: date, last: date, after: Started | None, limit: int) -> Sequence[Patient]:
        """Return patients whose newest treatment period starts from `first` to `last` (inclusive), latest start first.

        `after`: where the previous page ended.
        """
        ...


class TreatmentStore(Protocol):
    """The store of treatment periods in one open transaction. Every version of a period is kept in the history."""

    def add(self, period: TreatmentPeriod) -> TreatmentPeriod: ...
    def save(self, period: TreatmentPeriod) -> TreatmentPeriod: ...
    def of_patient(self, patient_id: int) -> Sequence[TreatmentPeriod]:
        """Return the periods as stored, removed ones too, in order of start."""
        ...

    def history(self, patient_id: int) -> Sequence[TreatmentVersion]:
        """Return every version of every period, in the order in which they were recorded."""
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
        """Add a caregiver and return them. Raise DuplicateError if the chat is another caregiver's."""
        ...

    def save(self, row: Caregiver) -> Caregiver:
        """Save a caregiver and return them. Raise DuplicateError if the chat is another caregiver's."""
        ...

    def by_hash(self, token_hash: str) -> Caregiver | None: ...
    def by_chat(self, chat_id: int) -> Caregiver | None:
        """Return the one caregiver of a chat, found by keyed hash; None if there is none."""
        ...

    def of_patient(self, patient_id: int) -> Sequence[Caregiver]:
        """Return the patient's caregivers, ended ones too, oldest first."""
        ...
