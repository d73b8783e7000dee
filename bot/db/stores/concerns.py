"""The store of what is remembered of patients' symptoms, in SQL. It decides nothing."""

from collections.abc import Sequence
from datetime import datetime
from functools import partial

from sqlalchemy import bindparam, func, select

from bot.app.records.concern_events import ConcernEvent, WhatHappened
from bot.app.records.concerns import ClockJump, ConcernChange, HeardOf, MemoryRow
from bot.app.records.operations import BEGINNING, Place
from bot.core.memory import Memory
from bot.db import tables_concerns as t
from bot.db.rows import TEXT, Section, Shape, due_page, sealed_record

MEMORY = Shape(t.memory, MemoryRow, sealed={"value": sealed_record(Memory), "heard": sealed_record(HeardOf)})
JUMP = Shape(t.clock_jump, ClockJump)
CHANGE = Shape(t.concern_change, ConcernChange, sealed={"symptom": TEXT})
EVENT = Shape(t.concern_event, ConcernEvent, sealed={"what": sealed_record(WhatHappened)})

_OF_PATIENT = select(t.memory).where(t.memory.c.patient_id == bindparam("of_patient"))
_JUMPS = (
    select(t.clock_jump)
    .where(t.clock_jump.c.id > bindparam("after"), t.clock_jump.c.id <= bindparam("upto"))
    .order_by(t.clock_jump.c.id)
)
_LAST_JUMP = select(func.max(t.clock_jump.c.id).label("id"))
_ENDS = due_page(select(t.memory), t.memory.c.ends_at)
_EVENTS = (
    select(t.concern_event)
    .where(t.concern_event.c.patient_id == bindparam("of_patient"))
    .order_by(t.concern_event.c.id)
)
_CHANGES = (
    select(t.concern_change)
    .where(t.concern_change.c.patient_id == bindparam("of_patient"))
    .order_by(t.concern_change.c.id.desc())
    .limit(bindparam("top"))
)


class SqlConcerns(Section):
    """See `bot.app.ports.concerns.ConcernStore`."""

    _upto: int | None = None
    """The last jump when this transaction first asked: of one that comes meanwhile, the next transaction knows."""

    def add(self, row: MemoryRow) -> MemoryRow:
        return self._add(MEMORY, row, ends_at=row.ends_at)

    def save(self, row: MemoryRow) -> MemoryRow:
        return self._save(MEMORY, row, ends_at=row.ends_at)

    def of_patient(self, patient_id: int) -> MemoryRow | None:
        return self._record(MEMORY, _OF_PATIENT, of_patient=patient_id)

    def ends_due(self, at: datetime, limit: int, after: Place = BEGINNING) -> Sequence[MemoryRow]:
        return self._next(_ENDS, partial(self._records_of, MEMORY), "ends_at", after, at=at, top=limit)

    def add_jump(self, jump: ClockJump) -> ClockJump:
        added = self._add(JUMP, jump)
        self._upto = added.id
        return added

    def jumps_after(self, jump_id: int) -> Sequence[ClockJump]:
        upto = self.last_jump()
        return self._records(JUMP, _JUMPS, after=jump_id, upto=upto) if upto > jump_id else []

    def last_jump(self) -> int:
        if self._upto is None:
            row = self._first(_LAST_JUMP)
            self._upto = row["id"] or 0 if row is not None else 0
        return self._upto

    def add_event(self, row: ConcernEvent) -> ConcernEvent:
        return self._add(EVENT, row)

    def events(self, patient_id: int) -> Sequence[ConcernEvent]:
        return self._records(EVENT, _EVENTS, of_patient=patient_id)

    def add_change(self, row: ConcernChange) -> ConcernChange:
        return self._add(CHANGE, row)

    def changes(self, patient_id: int, limit: int = 200) -> Sequence[ConcernChange]:
        return self._records(CHANGE, _CHANGES, of_patient=patient_id, top=limit)
