"""The stores of dead letters, updates and messages, in SQL. They decide nothing."""

from collections.abc import Sequence
from datetime import datetime
from functools import partial

from sqlalchemy import (
    and_,
    bindparam,
    delete,
    exists,
    not_,
    or_,
    select,
    update,
)

from bot.app.records.messages import FailedDelivery, FailedMessage, Lane, OutboxState
from bot.app.records.operations import DeadUpdate
from bot.db import tables as t
from bot.db.rows import (
    NUMBER,
    TEXT,
    Row,
    Section,
    Shape,
)
from bot.db.stores.outbox_shown import OUTBOX

_O = t.outbox.c
_W = t.task.c

_DEAD = select(t.dead_update).where(t.dead_update.c.id == bindparam("of_row"))
_DROP_DEAD = delete(t.dead_update).where(t.dead_update.c.id == bindparam("of_row"))

_HAS_FAILED = and_(_O.lane.in_([lane.value for lane in Lane]), _O.state == OutboxState.FAILED.value)
"""Includes the lane, which is the first column of the index."""


_FAILED = (
    select(_O.id, _O.patient_id, _O.lane, _O.slot, _O.attempt, _O.error, _O.created_at, _O.ended_at)
    .where(_HAS_FAILED)
    .order_by(_O.id.desc())
    .limit(bindparam("top"))
)
_later = t.outbox.alias("later")
_SUPERSEDED = exists().where(
    _later.c.chat_hash == _O.chat_hash,
    _later.c.slot == _O.slot,
    _later.c.mode != "buttons",
    _later.c.state.in_([OutboxState.WAITING.value, OutboxState.SENT.value]),
    or_(_later.c.revision > _O.revision, and_(_later.c.id > _O.id, _O.lane > Lane.RED_FLAG.value)),
)
_ONE_FAILED = select(t.outbox, _SUPERSEDED.label("superseded")).where(_HAS_FAILED, _O.id == bindparam("of_row"))
_SHOWN = exists().where(
    _W.kind == "not_delivered",
    _W.patient_id == _O.patient_id,
    or_(_W.closed_at.is_(None), _W.closed_at >= _O.ended_at),
)
_UNDELIVERED = (
    select(_O.patient_id)
    .where(
        _O.lane == Lane.RED_FLAG.value,
        _O.state == OutboxState.FAILED.value,
        _O.patient_id > bindparam("after"),
        not_(_SHOWN),
    )
    .distinct()
    .order_by(_O.patient_id)
    .limit(bindparam("top"))
)
_RETRY = (
    update(t.outbox)
    .where(_O.id == bindparam("of_row"), _O.state == OutboxState.FAILED.value)
    .values(
        state=OutboxState.WAITING.value,
        attempt=0,
        not_before=bindparam("at"),
        error=None,
        ended_at=None,
        owner=None,
        leased_until=None,
    )
)
_DISCARD = (
    update(t.outbox)
    .where(_O.id == bindparam("of_row"), _O.state == OutboxState.FAILED.value)
    .values(state=OutboxState.REPLACED.value, ended_at=bindparam("at"))
)


def _notified(row: Row) -> FailedMessage:
    return FailedMessage(
        id=row["id"],
        patient_id=row["patient_id"],
        lane=Lane(row["lane"]),
        slot=row["slot"],
        attempts=row["attempt"],
        why=row["error"] or "",
        created_at=row["created_at"],
        failed_at=row["ended_at"],
    )


DEAD_UPDATE = Shape(t.dead_update, DeadUpdate, sealed={"chat_id": NUMBER, "raw": TEXT, "error": TEXT})
_NEWEST_UPDATES = select(t.dead_update).order_by(t.dead_update.c.id.desc()).limit(bindparam("top"))
_PURGE_UPDATES = delete(t.dead_update).where(t.dead_update.c.at < bindparam("before"))


class SqlDeadLetters(Section):
    """See `bot.app.ports.dead_letters.DeadLetterStore`."""

    def update(self, number: int) -> DeadUpdate | None:
        return self._record(DEAD_UPDATE, _DEAD, of_row=number)

    def discard_update(self, number: int) -> bool:
        return self._run(_DROP_DEAD, of_row=number) > 0

    def messages(self, limit: int = 50) -> Sequence[FailedMessage]:
        return [_notified(row) for row in self._all(_FAILED, top=limit)]

    def message(self, number: int) -> FailedDelivery | None:
        row = self._first(_ONE_FAILED, of_row=number)
        if row is None:
            return None
        readable = self._readable([row], partial(self._records_of, OUTBOX))
        return FailedDelivery(next(iter(readable), None), bool(row["superseded"]))

    def retry_message(self, number: int, at: datetime) -> bool:
        return self._run(_RETRY, of_row=number, at=at) > 0

    def undelivered(self, limit: int, after: int = 0) -> Sequence[int]:
        return [row["patient_id"] for row in self._all(_UNDELIVERED, top=limit, after=after)]

    def discard_message(self, number: int, at: datetime) -> bool:
        return self._run(_DISCARD, of_row=number, at=at) > 0

    def add_update(self, row: DeadUpdate) -> DeadUpdate:
        chat = self._chat_hash(row.chat_id) if row.chat_id is not None else None
        return self._add(DEAD_UPDATE, row, chat_hash=chat)

    def updates(self, limit: int = 50) -> Sequence[DeadUpdate]:
        return self._records(DEAD_UPDATE, _NEWEST_UPDATES, top=limit)

    def purge_updates(self, before: datetime) -> int:
        return self._run(_PURGE_UPDATES, before=before)
