"""The `Store` in dictionaries, for tests of use cases: quick, rolls back, no SQL and no threads."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any, TypeVar

from bot.app.ops_store import BEGINNING, Place
from bot.app.store import (
    AlertRow,
    AnswerRow,
    AssessmentRow,
    Caregiver,
    CheckInRow,
    Consent,
    Invite,
    Patient,
    PatientState,
    ProtocolFile,
    Store,
    TipShown,
    WorkItem,
)
from bot.app.store_errors import TRIES, DuplicateError, StaleRecordError
from bot.core.checkin import State
from bot.core.protocol import Answers
from bot.db.engine import DatabaseClosedError
from tests.fakes.memory_books import OPEN, MemoryBooks
from tests.fakes.memory_desk import MemoryDesk
from tests.fakes.memory_ops import MemoryOps
from tests.fakes.memory_outbox import MemoryMessages, Queued
from tests.fakes.memory_tables import Tables
from tests.fakes.memory_team import MemoryTeam

__all__ = ["MemoryDatabase", "MemoryStore", "Queued"]

T = TypeVar("T")
R = TypeVar("R")


class MemoryDatabase:
    """The same door as bot.db.engine.Database."""

    def __init__(self) -> None:
        self.tables = Tables()
        self._closed = False

    async def transact(self, fn: Callable[[Store], T]) -> T:
        await asyncio.sleep(0)
        return self.run(fn)

    async def read(self, fn: Callable[[Store], T]) -> T:
        await asyncio.sleep(0)
        return self._run(fn, keep=False)

    def run(self, fn: Callable[[Store], T]) -> T:
        return self._run(fn, keep=True)

    def _run(self, fn: Callable[[Store], T], *, keep: bool) -> T:
        if self._closed:
            raise DatabaseClosedError
        for _ in range(TRIES - 1):
            with suppress(StaleRecordError):
                return self._once(fn, keep=keep)
        return self._once(fn, keep=keep)

    def _once(self, fn: Callable[[Store], T], *, keep: bool) -> T:
        try:
            with self.tables.savepoint(keep=keep):
                return fn(MemoryStore(self.tables))
        finally:
            self.tables.forget_journal()

    def shut(self) -> None:
        self._closed = True

    async def close(self) -> None:
        self.shut()


class MemoryStore(MemoryMessages, MemoryTeam, MemoryDesk, MemoryOps, MemoryBooks):
    """See `bot.app.store.Store`."""

    def __init__(self, tables: Tables) -> None:
        self._t = tables

    def attempt(self, fn: Callable[[], None]) -> Exception | None:
        for _ in range(TRIES - 1):
            error = self._attempt(fn)
            if not isinstance(error, StaleRecordError):
                return error
        return self._attempt(fn)

    def _attempt(self, fn: Callable[[], None]) -> Exception | None:
        try:
            with self._t.savepoint():
                fn()
        except Exception as error:  # noqa: BLE001
            return error
        return None

    # -- shared

    def _add(self, table: str, row: R) -> R:
        added = row.model_copy(update={"id": self._t.number(table)})  # type: ignore[attr-defined]
        self._t.put(table, added.id, added)
        return added

    def _save(self, table: str, row: Any) -> Any:
        name = "row_version" if table == "consent" else "version"
        stands, read = self._t.get(table, row.id), getattr(row, name, None)
        if stands is None or getattr(stands, name, None) != read:
            raise StaleRecordError(f"{table} {row.id} has no version {read} any more")
        saved = row if read is None else row.model_copy(update={name: read + 1})
        self._t.put(table, row.id, saved)
        return saved

    def _of(self, table: str, patient_id: int) -> list[Any]:
        return [row for row in self._t.all(table) if row.patient_id == patient_id]

    def _newest(self, table: str, patient_id: int, limit: int) -> list[Any]:
        return self._of(table, patient_id)[::-1][:limit]

    # -- patients

    def add_patient(self, patient: Patient) -> Patient:
        if self.patient_by_code(patient.code) is not None:
            raise DuplicateError(DuplicateError.__doc__)
        self._refuse_taken_chat(patient)
        return self._add("patient", patient.model_copy(update={"helper": None}))

    def save_patient(self, patient: Patient) -> Patient:
        self._refuse_taken_chat(patient)
        saved = self._save("patient", patient.model_copy(update={"helper": None}))
        return patient.model_copy(update={"version": saved.version})

    def _refuse_taken_chat(self, patient: Patient) -> None:
        other = None if patient.chat_id is None else self.patient_by_chat(patient.chat_id)
        if other is not None and other.id != patient.id:
            raise DuplicateError("that chat belongs to another patient")

    def patient(self, patient_id: int, *, lock: bool = False) -> Patient | None:
        return self._t.get("patient", patient_id)

    def patient_by_code(self, code: str, *, lock: bool = False) -> Patient | None:
        return next((p for p in self._t.all("patient") if p.code == code), None)

    def patient_by_chat(self, chat_id: int, *, lock: bool = False) -> Patient | None:
        return next((p for p in self._t.all("patient") if p.chat_id == chat_id), None)

    def patients(self, *, after_code: str = "", limit: int = 100) -> Sequence[Patient]:
        return sorted((p for p in self._t.all("patient") if p.code > after_code), key=lambda p: p.code)[:limit]

    def due_patients(self, at: datetime, limit: int, after: Place = BEGINNING) -> Sequence[Patient]:
        active = (p for p in self._t.all("patient") if p.state is PatientState.ACTIVE and p.next_due_at is not None)
        return sorted(
            (p for p in active if p.next_due_at <= at and (p.next_due_at, p.id) > after),
            key=lambda p: (p.next_due_at, p.id),
        )[:limit]

    def add_invite(self, invite: Invite) -> Invite:
        return self._add("invite", invite)

    def save_invite(self, invite: Invite) -> Invite:
        return self._save("invite", invite)

    def invite_by_hash(self, token_hash: str) -> Invite | None:
        return next((i for i in self._t.all("invite") if i.token_hash == token_hash), None)

    def invites(self, patient_id: int) -> Sequence[Invite]:
        return self._of("invite", patient_id)

    def add_consent(self, consent: Consent) -> Consent:
        return self._add("consent", consent)

    def save_consent(self, consent: Consent) -> Consent:
        return self._save("consent", consent)

    def consents(self, patient_id: int) -> Sequence[Consent]:
        return self._of("consent", patient_id)

    def add_caregiver(self, row: Caregiver) -> Caregiver:
        self._refuse_shared_chat(row)
        return self._add("caregiver", row)

    def save_caregiver(self, row: Caregiver) -> Caregiver:
        self._refuse_shared_chat(row)
        return self._save("caregiver", row)

    def _refuse_shared_chat(self, row: Caregiver) -> None:
        other = None if row.chat_id is None else self.caregiver_by_chat(row.chat_id)
        if other is not None and other.id != row.id:
            raise DuplicateError("that chat belongs to another caregiver")

    def caregiver_by_hash(self, token_hash: str) -> Caregiver | None:
        return next((c for c in self._t.all("caregiver") if c.token_hash == token_hash), None)

    def caregiver_by_chat(self, chat_id: int) -> Caregiver | None:
        return next((c for c in self._t.all("caregiver") if c.chat_id == chat_id), None)

    def caregivers(self, patient_id: int) -> Sequence[Caregiver]:
        return self._of("caregiver", patient_id)

    def erase_patient_data(self, patient_id: int) -> None:
        patient = self.patient(patient_id)
        chats = self._chats_of(patient_id)
        for table in (
            "answer",
            "assessment",
            "alert",
            "tip_shown",
            "work_item",
            "checkin",
            "invite",
            "caregiver",
            "snooze",
        ):
            for row in self._of(table, patient_id):
                self._t.drop(table, row.id)
        self._erase_chats(patient_id, chats)
        if patient is not None:
            self._save("patient", patient.model_copy(update={"chat_id": None, "watch": None, "drug": None}))

    def _erase_chats(self, patient_id: int, chats: set[int]) -> None:
        for queued in self._t.all("outbox"):
            stranger = queued.row.patient_id is None and queued.row.chat_id in chats
            if stranger or queued.row.patient_id == patient_id:
                self._t.drop("outbox", queued.row.id)
        for key, whose in self._t.items("slot_of"):
            if whose == patient_id or (whose == 0 and key[0] in chats):
                self.forget_slot(*key)
        for dead in self._t.all("dead_update"):
            if dead.chat_id in chats:
                self._t.drop("dead_update", dead.id)
        for chat_id in chats:
            self._t.drop("pace", chat_id)

    def _chats_of(self, patient_id: int) -> set[int]:
        """The chats of now, and those that messages about the patient went to."""
        patient = self.patient(patient_id)
        chats = {c.chat_id for c in self.caregivers(patient_id)} | ({patient.chat_id} if patient is not None else set())
        chats |= {q.row.chat_id for q in self._t.all("outbox") if q.row.patient_id == patient_id}
        chats |= {chat_id for (chat_id, _), whose in self._t.items("slot_of") if whose == patient_id}
        return chats - {None}

    # -- check-ins

    def add_checkin(self, row: CheckInRow) -> CheckInRow | None:
        if any(other.due_at == row.due_at for other in self._of("checkin", row.patient_id)):
            return None
        return self._add("checkin", row)

    def save_checkin(self, row: CheckInRow) -> CheckInRow:
        return self._save("checkin", row)

    def checkin(self, checkin_id: int) -> CheckInRow | None:
        row = self._t.get("checkin", checkin_id)
        return self._with_answers(row) if row is not None else None

    def _with_answers(self, row: CheckInRow) -> CheckInRow:
        value = row.value.model_copy(update={"answers": self._current_answers(row.id)})
        return row.model_copy(update={"value": value})

    def _current_answers(self, checkin_id: int) -> Answers:
        return {a.question: a.choices for a in self.answers(checkin_id) if a.superseded_at is None}

    def open_checkin(self, patient_id: int) -> CheckInRow | None:
        rows = [row for row in self._of("checkin", patient_id) if row.value.state in OPEN]
        return self._with_answers(rows[-1]) if rows else None

    def checkins(self, patient_id: int, limit: int = 50) -> Sequence[CheckInRow]:
        return [self._with_answers(row) for row in self._newest("checkin", patient_id, limit)]

    def checkins_to_step(self, at: datetime, limit: int, after: Place = BEGINNING) -> Sequence[CheckInRow]:
        return [self._with_answers(r) for r in _to_step(self._t.all("checkin"), at, after) if r.value.state in OPEN][
            :limit
        ]

    def completion(self, since: datetime, until: datetime) -> tuple[int, int]:
        planned = [r for r in self._t.all("checkin") if r.kind in {"scheduled", "again", "extra"}]
        states = [r.value.state for r in planned if since <= r.opened_at < until]
        return len(states), states.count(State.DONE)

    def record_answer(self, row: AnswerRow) -> AnswerRow:
        self.forget_answer(row.checkin_id, row.question, row.given_at)
        return self._add("answer", row)

    def forget_answer(self, checkin_id: int, question: str, at: datetime) -> None:
        for row in self.answers(checkin_id):
            if row.question == question and row.superseded_at is None:
                self._save("answer", row.model_copy(update={"superseded_at": at}))

    def answers(self, checkin_id: int) -> Sequence[AnswerRow]:
        return [row for row in self._t.all("answer") if row.checkin_id == checkin_id]

    def last_finished(self, patient_id: int, before_checkin: int) -> Sequence[tuple[str, Answers]]:
        newest = {
            row.value.form: row.id
            for row in self._of("checkin", patient_id)
            if row.id < before_checkin and row.value.state is State.DONE
        }
        return [(form, self._current_answers(number)) for form, number in sorted(newest.items(), key=lambda i: -i[1])]

    def baseline_answers(self, patient_id: int) -> Answers | None:
        return self._answers_of_last(row for row in self._of("checkin", patient_id) if row.value.form == "baseline")

    def _answers_of_last(self, rows: Iterator[CheckInRow]) -> Answers | None:
        done = [row for row in rows if row.value.state is State.DONE]
        return self._current_answers(done[-1].id) if done else None

    def add_assessment(self, row: AssessmentRow) -> AssessmentRow:
        return self._add("assessment", row)

    def assessments(self, patient_id: int, limit: int = 50) -> Sequence[AssessmentRow]:
        return self._newest("assessment", patient_id, limit)

    def keep_protocol(self, row: ProtocolFile) -> None:
        if self.kept_protocol(row.content_hash) is None:
            self._t.put("protocol_file", row.content_hash, row)

    def kept_protocol(self, content_hash: str) -> ProtocolFile | None:
        return self._t.get("protocol_file", content_hash)

    # -- alerts, work items, tips

    def add_alert(self, row: AlertRow) -> AlertRow:
        return self._add("alert", row)

    def save_alert(self, row: AlertRow) -> AlertRow:
        return self._save("alert", row)

    def alert(self, alert_id: int) -> AlertRow | None:
        return self._t.get("alert", alert_id)

    def alerts(self, patient_id: int, limit: int = 50) -> Sequence[AlertRow]:
        return self._newest("alert", patient_id, limit)

    def alerts_in_queue(self, limit: int) -> Sequence[AlertRow]:
        waiting = [row for row in self._t.all("alert") if row.closed_at is None]
        return sorted(waiting, key=lambda row: (-row.tier, row.id))[:limit]

    def alerts_to_step(self, at: datetime, limit: int, after: Place = BEGINNING) -> Sequence[AlertRow]:
        return _to_step(self._t.all("alert"), at, after)[:limit]

    def alerts_to_escalate(self, at: datetime, limit: int, after: Place = BEGINNING) -> Sequence[AlertRow]:
        due = [row for row in self._t.all("alert") if row.staff_step_at is not None and row.staff_step_at <= at]
        due.sort(key=lambda row: (row.staff_step_at, row.id))
        return [row for row in due if (row.staff_step_at, row.id) > after][:limit]

    def add_work_item(self, item: WorkItem) -> WorkItem | None:
        if any((i.kind, i.subject) == (item.kind, item.subject) for i in self.work_items()):
            return None
        return self._add("work_item", item)

    def work_items(self, patient_id: int | None = None, limit: int = 500) -> Sequence[WorkItem]:
        items = [i for i in self._t.all("work_item") if i.closed_at is None and patient_id in {None, i.patient_id}]
        return sorted(items, key=lambda i: (i.raised_at, i.id))[:limit]

    def close_work_items(self, patient_id: int, kinds: Sequence[str], at: datetime) -> None:
        for item in self.work_items(patient_id):
            if item.kind in kinds:
                self._save("work_item", item.model_copy(update={"closed_at": at}))

    def close_work_item(self, item_id: int, at: datetime) -> WorkItem | None:
        item = next((i for i in self.work_items() if i.id == item_id), None)
        if item is not None:
            self._save("work_item", item.model_copy(update={"closed_at": at}))
        return item

    def add_tip_shown(self, row: TipShown) -> TipShown:
        return self._add("tip_shown", row)

    def rate_tip(self, patient_id: int, tip: str, rating: str) -> None:
        shown = next((row for row in self.tips_shown(patient_id) if row.tip == tip), None)
        if shown is not None:
            self._save("tip_shown", shown.model_copy(update={"rating": rating}))

    def tips_shown(self, patient_id: int, limit: int = 50) -> Sequence[TipShown]:
        return self._newest("tip_shown", patient_id, limit)


def _to_step(rows: Sequence[Any], at: datetime, after: Place) -> list[Any]:
    due = [
        row
        for row in rows
        if row.next_step_at is not None and row.next_step_at <= at and (row.next_step_at, row.id) > after
    ]
    return sorted(due, key=lambda row: (row.next_step_at, row.id))
