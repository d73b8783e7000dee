"""The stores of patients and caregivers, in SQL. They decide nothing."""

from collections.abc import Collection, Mapping, Sequence
from contextlib import nullcontext
from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    Executable,
    and_,
    bindparam,
    delete,
    exists,
    not_,
    or_,
    select,
    union,
    update,
)

from bot.app.ports.errors import DuplicateError
from bot.app.records.operations import BEGINNING, Place
from bot.app.records.patients import Caregiver, Consent, Invite, Patient, Started
from bot.core.follow_up import FollowUp
from bot.db import tables as t
from bot.db.rows import (
    NUMBER,
    Row,
    Section,
    Shape,
    due_page,
    insert_or_skip,
    sealed_record,
)
from bot.db.stores.treatment import SqlTreatments, periods_of, repeated
from bot.db.tables_concerns import concern_change, concern_event, kept_alert, memory
from bot.db.tables_levels import close_watch, level_decision
from bot.db.tables_team import agreed_level, staff
from bot.db.tables_treatment import treatment_period, treatment_period_history

_P = t.patient.c

PATIENT = Shape(
    t.patient,
    Patient,
    sealed={"chat_id": NUMBER, "second_chat_id": NUMBER, "follow_up": sealed_record(FollowUp)},
    elsewhere=("caregiver", "is_second", "periods"),
)
CAREGIVER = Shape(t.caregiver, Caregiver, sealed={"chat_id": NUMBER})
INVITE = Shape(t.invite, Invite)
CONSENT = Shape(t.consent, Consent, version="row_version")

_ADD = insert_or_skip(t.patient, "code", returning="id")
_BY_ID = select(t.patient).where(t.patient.c.id == bindparam("of_patient"))
_BY_CODE = select(t.patient).where(t.patient.c.code == bindparam("of_code"))
_BY_CHAT = select(t.patient).where(t.patient.c.chat_hash == bindparam("of_chat"))
_BY_SECOND_CHAT = (
    select(t.patient)
    .where(t.patient.c.second_chat_hash == bindparam("of_chat"), t.patient.c.second_chat_hash.is_not(None))
    .order_by(t.patient.c.id)
    .limit(1)
    .with_for_update(key_share=True)
)
_IS_CHAT_OF = select(t.patient.c.id).where(
    t.patient.c.id == bindparam("of_patient"), t.patient.c.chat_hash == bindparam("of_chat")
)
_PAGE = (
    select(t.patient).where(t.patient.c.code > bindparam("after")).order_by(t.patient.c.code).limit(bindparam("top"))
)
DUE = due_page(select(t.patient).where(t.IS_ACTIVE), t.patient.c.next_due_at).with_for_update(
    skip_locked=True, key_share=True
)
HOME_DUE = due_page(select(t.patient), t.patient.c.ask_home_at).with_for_update(skip_locked=True, key_share=True)
GOODBYE_DUE = due_page(select(t.patient).where(t.IS_ACTIVE), t.patient.c.goodbye_at).with_for_update(
    skip_locked=True, key_share=True
)
# FOR NO KEY UPDATE excludes other transactions that lock the row, but lets rows that refer to it be inserted.
_LOCKED = {statement: statement.with_for_update(key_share=True) for statement in (_BY_ID, _BY_CODE, _BY_CHAT)}
_INVITE_BY_HASH = select(t.invite).where(t.invite.c.token_hash == bindparam("of_hash"))
_INVITES = select(t.invite).where(t.invite.c.patient_id == bindparam("of_patient")).order_by(t.invite.c.id)
_CAREGIVER_BY_HASH = select(t.caregiver).where(t.caregiver.c.token_hash == bindparam("of_hash"))
_CAREGIVER_BY_CHAT = select(t.caregiver).where(t.caregiver.c.chat_hash == bindparam("of_chat"))
_CAREGIVERS = select(t.caregiver).where(t.caregiver.c.patient_id == bindparam("of_patient")).order_by(t.caregiver.c.id)
_CONSENTS = select(t.consent).where(t.consent.c.patient_id == bindparam("of_patient")).order_by(t.consent.c.id)

# The current chats, and those that received messages about the patient: an earlier phone, a former caregiver.
_CHATS_OF = union(
    select(t.patient.c.chat_hash).where(t.patient.c.id == bindparam("of_patient")),
    select(t.patient.c.second_chat_hash).where(t.patient.c.id == bindparam("of_patient")),
    *(
        select(table.c.chat_hash).where(table.c.patient_id == bindparam("of_patient"))
        for table in (t.caregiver, t.outbox, t.slot_message)
    ),
)
_ERASED_TABLES = (
    *(t.answer, t.assessment, t.tip_shown, t.task, memory, concern_change, concern_event, t.checkin),
    *(t.invite, t.outbox, t.slot_message, t.caregiver, agreed_level, level_decision, close_watch),
    *(treatment_period_history, treatment_period),
)
_ERASED = tuple(delete(table).where(table.c.patient_id == bindparam("of_patient")) for table in _ERASED_TABLES)
_ERASED_ALERTS = delete(t.alert).where(
    t.alert.c.patient_id == bindparam("of_patient"), t.alert.c.id != bindparam("kept")
)
_KEEP_ALERT = insert_or_skip(kept_alert, "alert_id", returning="alert_id")
_CLOSED_KEPT = (
    select(kept_alert.c.alert_id, t.alert.c.patient_id)
    .join(t.alert, t.alert.c.id == kept_alert.c.alert_id)
    .where(t.alert.c.closed_at.is_not(None))
)
_FORGET_KEPT = delete(kept_alert).where(kept_alert.c.alert_id == bindparam("of_alert"))
_PURGE_ALERT = delete(t.alert).where(t.alert.c.id == bindparam("of_alert"))
# Messages to a member of the team are the team's, also in a chat that is a patient's, too.
_NOT_TEAMS = not_(exists(select(staff.c.id).where(staff.c.chat_hash == bindparam("of_chat"))))
_ERASED_CHAT = (
    # Sent before the chat was linked to this patient.
    delete(t.outbox).where(t.outbox.c.patient_id.is_(None), t.outbox.c.chat_hash == bindparam("of_chat"), _NOT_TEAMS),
    delete(t.slot_message).where(
        t.slot_message.c.patient_id.is_(None), t.slot_message.c.chat_hash == bindparam("of_chat"), _NOT_TEAMS
    ),
    delete(t.dead_update).where(t.dead_update.c.chat_hash == bindparam("of_chat")),
    delete(t.chat_rate_limit).where(t.chat_rate_limit.c.chat_hash == bindparam("of_chat")),
)
_FORGOTTEN = (
    "chat_id", "chat_hash", "follow_up", "drug", "timezone", "enrol_step",
    "ask_home_at", "undo_until", "goodbye_at", "rests_until",
    "second_chat_id", "second_chat_hash", "phone_move", "history_from",
)  # fmt: skip
_FORGET_CHAT = (
    update(t.patient)
    .where(t.patient.c.id == bindparam("of_patient"))
    .values(dict.fromkeys(_FORGOTTEN))
    .values(pauses=[], plan_override={}, version=t.patient.c.version + 1)
)
_BY_IDS = select(t.patient).where(_P.id.in_(bindparam("of_ids", expanding=True)))
_LIKE = (
    select(t.patient)
    .where(_P.code >= bindparam("begin"), _P.code < bindparam("end"))
    .order_by(_P.code)
    .limit(bindparam("top"))
)
_STARTED = (
    select(t.patient)
    .where(_P.ici_start >= bindparam("first"), _P.ici_start <= bindparam("last"))
    .order_by(_P.ici_start.desc(), _P.id.desc())
    .limit(bindparam("top"))
)
_STARTED_AFTER = _STARTED.where(
    or_(
        _P.ici_start < bindparam("after_start"),
        and_(_P.ici_start == bindparam("after_start"), _P.id < bindparam("after_id")),
    )
)


class _WithChat(Section):
    def _chat_column(self, person: Patient | Caregiver) -> dict[str, Any]:
        return {"chat_hash": self._chat_hash(person.chat_id) if person.chat_id is not None else None}


class SqlPatients(_WithChat):
    """See `bot.app.ports.patients.PatientStore`."""

    def add(self, patient: Patient) -> Patient:
        values = PATIENT.values(patient, self._keyring) | self._chat_column(patient) | repeated(patient)
        with self._unique_chat():
            row = self._first(_ADD[self._dialect], **values, **self._second_chat(patient))
        if row is None:
            raise DuplicateError(DuplicateError.__doc__)
        new = [period.model_copy(update={"patient_id": row["id"]}) for period in patient.periods]
        periods = tuple(self._treatments.add(period) for period in new)
        return patient.model_copy(update={"id": row["id"], "caregiver": None, "periods": periods})

    def save(self, patient: Patient) -> Patient:
        chat = self._chat_column(patient)
        with self._unique_chat() if self._moves(patient.id, **chat) else nullcontext():
            return self._save(PATIENT, patient, **chat, **self._second_chat(patient), **repeated(patient))

    def _second_chat(self, patient: Patient) -> dict[str, Any]:
        chat_id = patient.second_chat_id
        return {"second_chat_hash": self._chat_hash(chat_id) if chat_id is not None else None}

    @property
    def _treatments(self) -> SqlTreatments:
        return SqlTreatments(self._connection, self._keyring)

    def _patients(self, rows: Sequence[Row]) -> list[Patient]:
        """Return the patients of these rows, with their treatment periods."""
        if not rows:
            return []
        periods = self._treatments.of_patients([row["id"] for row in rows])
        return [
            Patient(**PATIENT.fields(row, self._keyring), periods=periods_of(row, periods.get(row["id"], ())))
            for row in rows
        ]

    def _patient(self, statement: Executable, **values: Any) -> Patient | None:
        return next(iter(self._patients(self._all(statement, **values))), None)

    def _moves(self, patient_id: int, chat_hash: bytes | None) -> bool:
        """Return whether the chat is new for the patient. It rarely is, and a savepoint costs more than this query."""
        return chat_hash is not None and self._first(_IS_CHAT_OF, of_patient=patient_id, of_chat=chat_hash) is None

    def get(self, patient_id: int, *, lock: bool = False) -> Patient | None:
        return self._patient(_LOCKED[_BY_ID] if lock else _BY_ID, of_patient=patient_id)

    def by_code(self, code: str, *, lock: bool = False) -> Patient | None:
        return self._patient(_LOCKED[_BY_CODE] if lock else _BY_CODE, of_code=code)

    def by_chat(self, chat_id: int, *, lock: bool = False) -> Patient | None:
        return self._patient(_LOCKED[_BY_CHAT] if lock else _BY_CHAT, of_chat=self._chat_hash(chat_id))

    def by_second_chat(self, chat_id: int) -> Patient | None:
        return self._patient(_BY_SECOND_CHAT, of_chat=self._chat_hash(chat_id))

    def page(self, *, after_code: str = "", limit: int = 100) -> Sequence[Patient]:
        return self._patients(self._all(_PAGE, after=after_code, top=limit))

    def due(self, at: datetime, limit: int, after: Place = BEGINNING) -> Sequence[Patient]:
        return self._next(DUE, self._patients, "next_due_at", after, at=at, top=limit)

    def home_due(self, at: datetime, limit: int, after: Place = BEGINNING) -> Sequence[Patient]:
        return self._next(HOME_DUE, self._patients, "ask_home_at", after, at=at, top=limit)

    def goodbye_due(self, at: datetime, limit: int, after: Place = BEGINNING) -> Sequence[Patient]:
        return self._next(GOODBYE_DUE, self._patients, "goodbye_at", after, at=at, top=limit)

    def erase_data(self, patient_id: int, *, keep_alert: int | None = None) -> None:
        found = self._all(_CHATS_OF, of_patient=patient_id)
        chats = [row["chat_hash"] for row in found if row["chat_hash"] is not None]
        self._run(_ERASED_ALERTS, of_patient=patient_id, kept=keep_alert or 0)
        if keep_alert is not None:
            self._first(_KEEP_ALERT[self._dialect], alert_id=keep_alert)
        for statement in _ERASED:
            self._run(statement, of_patient=patient_id)
        for statement in _ERASED_CHAT:
            for chat in chats:
                self._run(statement, of_chat=chat)
        self._run(_FORGET_CHAT, of_patient=patient_id)

    def purge_kept(self) -> int:
        found = self._all(_CLOSED_KEPT)
        for row in found:
            self._run(_FORGET_KEPT, of_alert=row["alert_id"])
            self._run(_PURGE_ALERT, of_alert=row["alert_id"])
        return len(found)

    def by_ids(self, ids: Collection[int]) -> Mapping[int, Patient]:
        rows = self._patients(self._all(_BY_IDS, of_ids=list(ids))) if ids else []
        return {row.id: row for row in rows}

    def with_prefix(self, prefix: str, limit: int) -> Sequence[Patient]:
        return self._patients(self._all(_LIKE, begin=prefix, end=prefix + "\U0010ffff", top=limit))

    def started_between(self, first: date, last: date, after: Started | None, limit: int) -> Sequence[Patient]:
        values = {"first": first, "last": last, "top": limit}
        if after is None:
            return self._patients(self._all(_STARTED, **values))
        return self._patients(self._all(_STARTED_AFTER, **values, after_start=after.start, after_id=after.id))


class SqlInvites(Section):
    """See `bot.app.ports.patients.InviteStore`."""

    def add(self, invite: Invite) -> Invite:
        return self._add(INVITE, invite)

    def save(self, invite: Invite) -> Invite:
        return self._save(INVITE, invite)

    def by_hash(self, token_hash: str) -> Invite | None:
        return self._record(INVITE, _INVITE_BY_HASH, of_hash=token_hash)

    def of_patient(self, patient_id: int) -> Sequence[Invite]:
        return self._records(INVITE, _INVITES, of_patient=patient_id)


class SqlConsents(Section):
    """See `bot.app.ports.patients.ConsentStore`."""

    def add(self, consent: Consent) -> Consent:
        return self._add(CONSENT, consent)

    def save(self, consent: Consent) -> Consent:
        return self._save(CONSENT, consent)

    def of_patient(self, patient_id: int) -> Sequence[Consent]:
        return self._records(CONSENT, _CONSENTS, of_patient=patient_id)


class SqlCaregivers(_WithChat):
    """See `bot.app.ports.patients.CaregiverStore`."""

    def add(self, row: Caregiver) -> Caregiver:
        with self._unique_chat():
            return self._add(CAREGIVER, row, **self._chat_column(row))

    def save(self, row: Caregiver) -> Caregiver:
        with self._unique_chat():
            return self._save(CAREGIVER, row, **self._chat_column(row))

    def by_hash(self, token_hash: str) -> Caregiver | None:
        return self._record(CAREGIVER, _CAREGIVER_BY_HASH, of_hash=token_hash)

    def by_chat(self, chat_id: int) -> Caregiver | None:
        return self._record(CAREGIVER, _CAREGIVER_BY_CHAT, of_chat=self._chat_hash(chat_id))

    def of_patient(self, patient_id: int) -> Sequence[Caregiver]:
        return self._records(CAREGIVER, _CAREGIVERS, of_patient=patient_id)
