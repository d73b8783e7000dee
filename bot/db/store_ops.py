"""Leases, a clock set back, dead updates one by one, messages given up: in their tables. Decides nothing."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import and_, bindparam, delete, exists, func, not_, or_, select, update

from bot.app.ops_store import FailedMessage, GivenUp
from bot.app.store import AlertState, DeadUpdate, Lane, OutboxState
from bot.db import tables as t
from bot.db.rows import Row, Section, insert_or_skip
from bot.db.store_books import DEAD_UPDATE
from bot.db.store_outbox import OUTBOX

_L, _O, _A = t.lease.c, t.outbox.c, t.alert.c
_KEEP_LEASE = (
    update(t.lease)
    .where(
        _L.name == bindparam("of_name"),
        or_(_L.owner == bindparam("me"), _L.held_until <= bindparam("at"), _L.held_until > bindparam("latest")),
    )
    .values(owner=bindparam("me"), held_until=bindparam("until"))
)
_NEW_LEASE = insert_or_skip(t.lease, "name", returning="name")
_DROP_LEASE = delete(t.lease).where(_L.name == bindparam("of_name"), _L.owner == bindparam("me"))
_LEASE = select(_L.held_until).where(_L.name == bindparam("of_name"))

_MINE = _O.owner == bindparam("me")
_IN_HAND = (
    select(_O.id)
    .where(_O.id.in_(bindparam("of_rows", expanding=True)), _MINE)
    .with_for_update(key_share=True, skip_locked=True)
)
"""One that is locked is being ended at this moment."""
_KEEP_ROWS = update(t.outbox).where(_O.id.in_(_IN_HAND)).values(leased_until=bindparam("until"))
_FREE_ROWS = (
    update(t.outbox)
    .where(_O.leased_until.is_not(None), _MINE, _O.id.not_in(bindparam("of_rows", expanding=True)))
    .values(owner=None, leased_until=None)
)
_HURRY = (
    update(t.outbox).where(t.is_waiting(t.outbox), _O.not_before > bindparam("at")).values(not_before=bindparam("at"))
)
_AHEAD = (
    select(_A.id, _A.next_step_at, _A.staff_step_at)
    .where(
        _A.state != AlertState.CLOSED.value,
        or_(_A.next_step_at > bindparam("at"), _A.staff_step_at > bindparam("at")),
    )
    .order_by(_A.id)
    .with_for_update(key_share=True)
)
_MOVE = (
    update(t.alert)
    .where(_A.id == bindparam("of_row"))
    .values(next_step_at=bindparam("next_at"), staff_step_at=bindparam("staff_at"), version=_A.version + 1)
)

_DEAD = select(t.dead_update).where(t.dead_update.c.id == bindparam("of_row"))
_DROP_DEAD = delete(t.dead_update).where(t.dead_update.c.id == bindparam("of_row"))

_HAS_FAILED = and_(_O.lane.in_([lane.value for lane in Lane]), _O.state == OutboxState.FAILED.value)
"""By lane, too: that is how the index goes."""


_FAILED = (
    select(_O.id, _O.patient_id, _O.lane, _O.slot, _O.attempt, _O.error, _O.created_at, _O.ended_at)
    .where(_HAS_FAILED)
    .order_by(_O.id.desc())
    .limit(bindparam("top"))
)
_later = t.outbox.alias("later")
_OVERTAKEN = exists().where(
    _later.c.chat_hash == _O.chat_hash,
    _later.c.slot == _O.slot,
    _later.c.state.in_([OutboxState.WAITING.value, OutboxState.SENT.value]),
    or_(_later.c.revision > _O.revision, and_(_later.c.id > _O.id, _O.lane > Lane.RED_FLAG.value)),
)
_ONE_FAILED = select(t.outbox, _OVERTAKEN.label("overtaken")).where(_HAS_FAILED, _O.id == bindparam("of_row"))
_FAILED_COUNT = select(func.count().label("rows")).select_from(t.outbox).where(_HAS_FAILED)
_W = t.work_item.c
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
_AGAIN = (
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
_STRIKE = (
    update(t.outbox)
    .where(_O.id == bindparam("of_row"), _O.state == OutboxState.FAILED.value)
    .values(state=OutboxState.REPLACED.value, ended_at=bindparam("at"))
)
_OVERDUE = (
    select(t.patient.c.code)
    .join(t.outbox, _O.patient_id == t.patient.c.id)
    .where(t.is_waiting(t.outbox), _O.lane == Lane.CHECKIN.value, _O.created_at < bindparam("before"))
    .distinct()
    .order_by(t.patient.c.code)
    .limit(bindparam("top"))
)


class Ops(Section):
    """See `bot.app.ops_store.OpsStore`."""

    def take_lease(self, name: str, *, owner: str, at: datetime, until: datetime) -> bool:
        latest = until + (until - at)
        if self._run(_KEEP_LEASE, of_name=name, me=owner, at=at, latest=latest, until=until):
            return True
        new = _NEW_LEASE[self._dialect]
        return self._first(new, name=name, owner=owner, held_until=until) is not None

    def drop_lease(self, name: str, *, owner: str) -> None:
        self._run(_DROP_LEASE, of_name=name, me=owner)

    def lease_is_held(self, name: str, at: datetime) -> bool:
        row = self._first(_LEASE, of_name=name)
        return row is not None and row["held_until"] > at

    def keep_leases(self, ids: Collection[int], *, owner: str, until: datetime) -> None:
        if ids:
            self._run(_KEEP_ROWS, of_rows=sorted(ids), me=owner, until=until)

    def free_leases(self, *, owner: str, but_for: Collection[int]) -> int:
        return self._run(_FREE_ROWS, of_rows=sorted(but_for), me=owner)

    def set_back(self, at: datetime, by: timedelta) -> None:
        self._run(_HURRY, at=at)
        for row in self._all(_AHEAD, at=at):
            moved = {name: _earlier(row[column], at, by) for name, column in _CLOCKS}
            self._run(_MOVE, of_row=row["id"], **moved)

    def dead_update(self, number: int) -> DeadUpdate | None:
        return self._record(DEAD_UPDATE, _DEAD, of_row=number)

    def drop_dead_update(self, number: int) -> bool:
        return self._run(_DROP_DEAD, of_row=number) > 0

    def failed_messages(self, limit: int = 50) -> Sequence[FailedMessage]:
        return [_told(row) for row in self._all(_FAILED, top=limit)]

    def failed_message_count(self) -> int:
        row = self._first(_FAILED_COUNT)
        return int(row["rows"]) if row is not None else 0

    def given_up(self, number: int) -> GivenUp | None:
        row = self._first(_ONE_FAILED, of_row=number)
        if row is None:
            return None
        readable = self._readable([row], partial(self._records_of, OUTBOX))
        return GivenUp(next(iter(readable), None), bool(row["overtaken"]))

    def send_again(self, number: int, at: datetime) -> bool:
        return self._run(_AGAIN, of_row=number, at=at) > 0

    def undelivered(self, limit: int, after: int = 0) -> Sequence[int]:
        return [row["patient_id"] for row in self._all(_UNDELIVERED, top=limit, after=after)]

    def drop_message(self, number: int, at: datetime) -> bool:
        return self._run(_STRIKE, of_row=number, at=at) > 0

    def overdue_check_ins(self, before: datetime, limit: int) -> Sequence[str]:
        return [row["code"] for row in self._all(_OVERDUE, before=before, top=limit)]


_CLOCKS = (("next_at", "next_step_at"), ("staff_at", "staff_step_at"))


def _earlier(moment: datetime | None, at: datetime, by: timedelta) -> datetime | None:
    return moment if moment is None or moment <= at else max(at, moment - by)


def _told(row: Row) -> FailedMessage:
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
