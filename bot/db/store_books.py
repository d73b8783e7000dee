"""The sending budget, updates seen, dead updates, settings and the audit record in their tables."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from sqlalchemy import Select, and_, bindparam, delete, func, literal_column, or_, select, union_all

from bot.app.store import Audit, DeadUpdate, Lane, LimiterRow
from bot.db import tables as t
from bot.db.rows import NUMBER, TEXT, Section, Shape, insert_or_skip, insert_or_update
from bot.db.types import EPOCH, UTCDateTime

LIMITER = Shape(t.limiter, LimiterRow)
DEAD_UPDATE = Shape(t.dead_update, DeadUpdate, sealed={"chat_id": NUMBER, "raw": TEXT, "error": TEXT})
AUDIT = Shape(t.audit, Audit)
ONLY = 1
"""The number of the limiter's one row."""
_UNUSED = LimiterRow(all_free_at=EPOCH, bulk_free_at=EPOCH, bulk_stopped_until=EPOCH)

_LIMITER = select(t.limiter).where(t.limiter.c.id == ONLY).with_for_update()
_ADD_LIMITER = insert_or_skip(t.limiter, "id")
_PACES = select(t.chat_pace).where(t.chat_pace.c.chat_hash.in_(bindparam("of_chats", expanding=True)))
_FORGET_PACES = delete(t.chat_pace).where(t.chat_pace.c.free_at > bindparam("beyond"))
_SET_PACE = insert_or_update(t.chat_pace, "chat_hash")
_SEEN = insert_or_skip(t.seen_update, "update_id", returning="update_id")
_FORGET_UPDATES = delete(t.seen_update).where(t.seen_update.c.at < bindparam("before"))
_DEAD = select(t.dead_update).order_by(t.dead_update.c.id.desc()).limit(bindparam("top"))
_DEAD_COUNT = select(func.count().label("rows")).select_from(t.dead_update)
_FORGET_DEAD = delete(t.dead_update).where(t.dead_update.c.at < bindparam("before"))
_SETTING = select(t.setting.c.value).where(t.setting.c.name == bindparam("of_name"))
_SET_SETTING = insert_or_update(t.setting, "name")
_LINES = select(t.audit).order_by(t.audit.c.id.desc()).limit(bindparam("top"))
_LINES_OF = _LINES.where(t.audit.c.subject == bindparam("of_subject"))


def _next_event() -> Select[tuple[datetime | None]]:
    """The least of the first entries of the indexes that sweeps and senders read; each lane has its own first."""
    lanes = (
        select(func.min(t.outbox.c.not_before).label("at")).where(
            t.is_waiting(t.outbox), t.outbox.c.lane == literal_column(str(lane.value))
        )
        for lane in Lane
    )
    moments = union_all(
        select(func.min(t.patient.c.next_due_at).label("at")).where(t.IS_ACTIVE),
        select(func.min(t.checkin.c.next_step_at)).where(t.IS_OPEN),
        select(func.min(t.alert.c.next_step_at)),
        select(func.min(t.alert.c.staff_step_at)),
        *lanes,
    ).subquery()
    return select(func.min(moments.c.at).label("at"))


NEXT_EVENT = _next_event()
_O = t.outbox.c
TRIED_SINCE = select(func.min(_O.created_at).label("at")).where(
    t.is_waiting(t.outbox),
    _O.lane == bindparam("of_lane"),
    or_(_O.attempt > 1, and_(_O.attempt == 1, _O.owner.is_(None))),
    _O.created_at > bindparam("after"),
)


_NOW = select(func.clock_timestamp(type_=UTCDateTime()).label("at"))


class Books(Section):
    """See `bot.app.store.Store`."""

    def shared_now(self) -> datetime | None:
        row = self._first(_NOW) if self._keeps_time else None
        return row["at"].astimezone(UTC) if row is not None else None

    def limiter(self) -> LimiterRow:
        row = self._record(LIMITER, _LIMITER)
        if row is None:
            self._run(_ADD_LIMITER[self._dialect], id=ONLY, **LIMITER.values(_UNUSED, self._keyring))
            row = self._record(LIMITER, _LIMITER)
        return row or _UNUSED

    def save_limiter(self, row: LimiterRow) -> None:
        self.limiter()
        self._run(LIMITER.update, of_row=ONLY, **LIMITER.values(row, self._keyring))

    def chat_free_at(self, chat_ids: Sequence[int]) -> Mapping[int, datetime]:
        chats = {self._chat_hash(chat_id): chat_id for chat_id in chat_ids}
        rows = self._all(_PACES, of_chats=list(chats)) if chats else []
        return {chats[bytes(row["chat_hash"])]: row["free_at"] for row in rows}

    def save_chat_free_at(self, free_at: Mapping[int, datetime]) -> None:
        # In one order for all replicas, so that two of them never wait for each other.
        for chat, moment in sorted((self._chat_hash(chat_id), moment) for chat_id, moment in free_at.items()):
            self._run(_SET_PACE[self._dialect], chat_hash=chat, free_at=moment)

    def forget_pace(self, beyond: datetime | None = None) -> None:
        self._run(_FORGET_PACES, beyond=beyond or EPOCH)
        budget = self.limiter()
        if budget.bulk_stopped_until > (beyond or EPOCH):
            self.save_limiter(budget.model_copy(update={"bulk_stopped_until": EPOCH}))

    def first_time(self, update_id: int, at: datetime) -> bool:
        return self._first(_SEEN[self._dialect], update_id=update_id, at=at) is not None

    def forget_updates(self, before: datetime) -> int:
        return self._run(_FORGET_UPDATES, before=before)

    def add_dead_update(self, row: DeadUpdate) -> DeadUpdate:
        chat = self._chat_hash(row.chat_id) if row.chat_id is not None else None
        return self._add(DEAD_UPDATE, row, chat_hash=chat)

    def dead_updates(self, limit: int = 50) -> Sequence[DeadUpdate]:
        return self._records(DEAD_UPDATE, _DEAD, top=limit)

    def dead_update_count(self) -> int:
        row = self._first(_DEAD_COUNT)
        return int(row["rows"]) if row is not None else 0

    def forget_dead_updates(self, before: datetime) -> int:
        return self._run(_FORGET_DEAD, before=before)

    def setting(self, name: str) -> str | None:
        row = self._first(_SETTING, of_name=name)
        return row["value"] if row is not None else None

    def save_setting(self, name: str, value: str) -> None:
        self._run(_SET_SETTING[self._dialect], name=name, value=value)

    def audit(self, line: Audit) -> None:
        self._connection.execute(AUDIT.insert, AUDIT.values(line, self._keyring))

    def audit_lines(self, subject: str | None = None, limit: int = 100) -> Sequence[Audit]:
        if subject is None:
            return self._records(AUDIT, _LINES, top=limit)
        return self._records(AUDIT, _LINES_OF, of_subject=subject, top=limit)

    def next_event_at(self) -> datetime | None:
        row = self._first(NEXT_EVENT)
        return row["at"] if row is not None else None

    def tried_since(self, lane: Lane, after: datetime | None = None) -> datetime | None:
        row = self._first(TRIED_SINCE, of_lane=lane.value, after=after or EPOCH)
        return row["at"] if row is not None else None
