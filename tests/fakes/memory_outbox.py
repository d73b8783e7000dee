"""The outbox in memory: what is queued, replaced, claimed and ended."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from bot.app.store import Claim, Lane, Outbox, OutboxState
from bot.db.types import EPOCH
from tests.fakes.memory_tables import Tables


class Queued(NamedTuple):
    """An outbox row and what senders did to it."""

    row: Outbox
    state: OutboxState = OutboxState.WAITING
    owner: str | None = None
    leased_until: datetime = EPOCH
    attempt: int = 0
    error: str | None = None
    failed_at: datetime | None = None

    @property
    def turn(self) -> tuple[int, datetime, int]:
        return self.row.lane, self.row.not_before, self.row.id

    def due(self, at: datetime) -> bool:
        fresh = self.row.not_after is None or self.row.not_after >= at
        return self.state is OutboxState.WAITING and self.row.not_before <= at and fresh


class MemoryMessages:
    """See `bot.app.store.Store`."""

    _t: Tables

    def _queued(self, chat_id: int, slot: str) -> list[Queued]:
        waiting = (q for q in self._t.all("outbox") if q.state is OutboxState.WAITING)
        return [q for q in waiting if (q.row.chat_id, q.row.slot) == (chat_id, slot)]

    def _put(self, queued: Queued) -> None:
        self._t.put("outbox", queued.row.id, queued)

    def enqueue(self, row: Outbox) -> int | None:
        unsent = self._queued(row.chat_id, row.slot)
        if any(q.row.revision > row.revision for q in unsent):
            return None
        waiting = [q for q in unsent if q.owner is None]
        for queued in waiting:
            if queued.row.mode == "edit":
                self._put(queued._replace(state=OutboxState.REPLACED, owner=None, leased_until=EPOCH))
        news = [q for q in waiting if q.row.mode == "new"]
        stays = news.pop() if row.mode == "edit" and news else None
        for queued in news if row.lane > Lane.RED_FLAG else []:
            if queued.row.lane > Lane.RED_FLAG and queued.row.revision < row.revision:
                self._put(queued._replace(state=OutboxState.REPLACED, owner=None, leased_until=EPOCH))
        if stays is not None:
            return self._take_place(stays, row)
        number = self._t.number("outbox")
        self._put(Queued(row.model_copy(update={"id": number})))
        return number

    def _take_place(self, queued: Queued, row: Outbox) -> int:
        old = queued.row
        moment = old.not_before if queued.attempt else min(old.not_before, row.not_before)
        update = {"id": old.id, "mode": "new", "lane": min(old.lane, row.lane), "not_before": moment}
        self._put(queued._replace(row=row.model_copy(update=update)))
        return old.id

    def drop_unsent(self, chat_id: int, slot: str) -> None:
        for queued in self._queued(chat_id, slot):
            self._put(queued._replace(state=OutboxState.REPLACED))

    def claim_outbox(
        self,
        at: datetime,
        *,
        lanes: Sequence[Lane],
        limit: int,
        owner: str,
        lease_until: datetime,
        but_for: Collection[int] = (),
    ) -> Sequence[Claim]:
        due = sorted((q for q in self._t.all("outbox") if q.due(at)), key=lambda q: q.turn)
        latest = lease_until + timedelta(minutes=1)
        flying = [q.row for q in self._t.all("outbox") if at < q.leased_until <= latest]
        taken: set[int] = set()
        claims: list[Claim] = []
        for queued in due:
            chat, red = queued.row.chat_id, queued.row.lane is Lane.RED_FLAG
            busy = any(row.chat_id == chat and (not red or row.lane is Lane.RED_FLAG) for row in flying)
            if busy or chat in taken or (self._t.get("pace", chat) is not None and self._t.get("pace", chat) > at):
                continue
            taken.add(chat)
            if queued.row.lane not in lanes or len(claims) == limit or queued.row.id in but_for:
                continue
            if queued.owner is None or not self._give_way(queued, at):
                queued = self._overtaken(queued)  # noqa: PLW2901 - what is claimed is what it has become
                self._put(queued._replace(owner=owner, leased_until=lease_until, attempt=queued.attempt + 1))
                message_id = self._t.get("slot", (chat, queued.row.slot))
                claims.append(Claim(row=queued.row, attempt=queued.attempt + 1, message_id=message_id))
        return claims

    def _overtaken(self, queued: Queued) -> Queued:
        row = queued.row
        dead = [
            q
            for q in self._queued(row.chat_id, row.slot)
            if q.owner is not None
            and q.row.id < row.id
            and min(q.row.lane, row.lane) > Lane.RED_FLAG
            and (row.mode == "edit" or row.revision > q.row.revision)
        ]
        for q in dead:
            self._put(q._replace(state=OutboxState.REPLACED, owner=None, leased_until=EPOCH))
        modes = {row.mode, *(q.row.mode for q in dead)}
        return queued._replace(row=row.model_copy(update={"mode": "new" if "new" in modes else "edit"}))

    def _give_way(self, queued: Queued, not_before: datetime) -> bool:
        behind = [
            q
            for q in self._queued(queued.row.chat_id, queued.row.slot)
            if q.owner is None
            and q.row.id > queued.row.id
            and (
                q.row.mode == "edit"
                or (min(q.row.lane, queued.row.lane) > Lane.RED_FLAG and q.row.revision > queued.row.revision)
            )
        ]
        if not behind:
            return False
        newer, old = behind[-1], queued.row
        self._put(queued._replace(state=OutboxState.REPLACED, owner=None, leased_until=EPOCH))
        moment = max(newer.row.not_before, not_before)
        mode = "new" if "new" in (old.mode, newer.row.mode) else "edit"
        update = {"mode": mode, "lane": min(old.lane, newer.row.lane), "not_before": moment}
        self._put(newer._replace(row=newer.row.model_copy(update=update)))
        return True

    def end_leases(self, at: datetime) -> int:
        leased = [q for q in self._t.all("outbox") if q.leased_until > at]
        for queued in leased:
            self._put(queued._replace(leased_until=at))
        return len(leased)

    def mark_sent(self, outbox_id: int, *, owner: str, message_id: int | None, at: datetime) -> None:
        queued = self._t.get("outbox", outbox_id)
        if queued is None:
            return
        self._put(queued._replace(state=OutboxState.SENT, owner=None, leased_until=EPOCH))
        place = (queued.row.chat_id, queued.row.slot)
        if message_id is not None and (self._t.get("slot", place) or 0) < message_id:
            self._t.put("slot", place, message_id)
            self._t.put("slot_of", place, queued.row.patient_id or 0)

    def mark_retry(self, outbox_id: int, *, owner: str, not_before: datetime, error: str) -> None:
        queued = self._t.get("outbox", outbox_id)
        if queued is None or queued.owner != owner:
            return
        row = queued.row.model_copy(update={"not_before": not_before})
        later = queued._replace(row=row, owner=None, leased_until=EPOCH, error=error)
        self._put(later)
        if later.state is OutboxState.WAITING:
            self._give_way(later, not_before)

    def mark_failed(self, outbox_id: int, *, error: str, at: datetime) -> None:
        queued = self._t.get("outbox", outbox_id)
        if queued is not None and queued.state is OutboxState.WAITING:
            self._put(
                queued._replace(state=OutboxState.FAILED, owner=None, leased_until=EPOCH, error=error, failed_at=at)
            )

    def expire_outbox(self, at: datetime) -> int:
        waiting = [q for q in self._t.all("outbox") if q.state is OutboxState.WAITING and q.leased_until <= at]
        late = [q for q in waiting if q.row.not_after is not None and q.row.not_after < at]
        for queued in late:
            self._put(queued._replace(state=OutboxState.EXPIRED, owner=None, leased_until=EPOCH))
        return len(late)

    def forget_messages(self, before: datetime) -> int:
        over = [q for q in self._t.all("outbox") if q.state is not OutboxState.WAITING and q.row.created_at < before]
        for queued in over:
            self._t.drop("outbox", queued.row.id)
        return len(over)

    def outbox_counts(self) -> Mapping[tuple[Lane, OutboxState], int]:
        counts: dict[tuple[Lane, OutboxState], int] = {}
        for queued in self._t.all("outbox"):
            key = (queued.row.lane, queued.state)
            counts[key] = counts.get(key, 0) + 1
        return counts

    def forget_slot(self, chat_id: int, slot: str) -> None:
        self._t.drop("slot", (chat_id, slot))
        self._t.drop("slot_of", (chat_id, slot))
