"""The store of the rate limits' budgets, in SQL. It decides nothing."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import (
    bindparam,
    delete,
    select,
)

from bot.app.records.messages import LimiterRow
from bot.db import tables as t
from bot.db.rows import (
    Section,
    Shape,
    insert_or_skip,
    insert_or_update,
)
from bot.db.types import EPOCH

LIMITER = Shape(t.limiter, LimiterRow)
ONLY = 1
"""The id of the limiter's only row."""
_UNUSED = LimiterRow(all_free_at=EPOCH, bulk_free_at=EPOCH, bulk_stopped_until=EPOCH)

_LIMITER = select(t.limiter).where(t.limiter.c.id == ONLY).with_for_update()
_ADD_LIMITER = insert_or_skip(t.limiter, "id")
_RATE_LIMITS = select(t.chat_rate_limit).where(t.chat_rate_limit.c.chat_hash.in_(bindparam("of_chats", expanding=True)))
_FORGET_RATE_LIMITS = delete(t.chat_rate_limit).where(t.chat_rate_limit.c.free_at > bindparam("beyond"))
_SET_RATE_LIMIT = insert_or_update(t.chat_rate_limit, "chat_hash", only_raise="free_at")


class SqlLimits(Section):
    """See `bot.app.ports.limits.LimitStore`."""

    def budget(self) -> LimiterRow:
        row = self._record(LIMITER, _LIMITER)
        if row is None:
            self._run(_ADD_LIMITER[self._dialect], id=ONLY, **LIMITER.values(_UNUSED, self._keyring))
            row = self._record(LIMITER, _LIMITER)
        return row or _UNUSED

    def save_budget(self, row: LimiterRow) -> None:
        self.budget()
        self._run(LIMITER.update, of_row=ONLY, **LIMITER.values(row, self._keyring))

    def chats_free_at(self, chat_ids: Sequence[int]) -> Mapping[int, datetime]:
        chats = {self._chat_hash(chat_id): chat_id for chat_id in chat_ids}
        rows = self._all(_RATE_LIMITS, of_chats=list(chats)) if chats else []
        return {chats[bytes(row["chat_hash"])]: row["free_at"] for row in rows}

    def save_chats_free_at(self, free_at: Mapping[int, datetime]) -> None:
        # In the same order on all replicas, so that two of them can't deadlock.
        for chat, timestamp in sorted((self._chat_hash(chat_id), timestamp) for chat_id, timestamp in free_at.items()):
            self._run(_SET_RATE_LIMIT[self._dialect], chat_hash=chat, free_at=timestamp)

    def reset(self, beyond: datetime | None = None) -> None:
        self._run(_FORGET_RATE_LIMITS, beyond=beyond or EPOCH)
        budget = self.budget()
        if budget.bulk_stopped_until > (beyond or EPOCH):
            self.save_budget(budget.model_copy(update={"bulk_stopped_until": EPOCH}))
