"""Leases, a clock set back and what could not be done, in memory."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

from bot.app.ops_store import FailedMessage, GivenUp
from bot.app.store import AlertState, DeadUpdate, Lane, OutboxState
from bot.db.types import EPOCH
from tests.fakes.memory_tables import Tables


class MemoryOps:
    """See `bot.app.ops_store.OpsStore`."""

    _t: Tables

    def take_lease(self, name: str, *, owner: str, at: datetime, until: datetime) -> bool:
        held = self._t.get("lease", name)
        if held is not None and held[0] != owner and at < held[1] <= until + (until - at):
            return False
        self._t.put("lease", name, (owner, until))
        return True

    def drop_lease(self, name: str, *, owner: str) -> None:
        held = self._t.get("lease", name)
        if held is not None and held[0] == owner:
            self._t.drop("lease", name)

    def lease_is_held(self, name: str, at: datetime) -> bool:
        held = self._t.get("lease", name)
        return held is not None and held[1] > at

    def keep_leases(self, ids: Collection[int], *, owner: str, until: datetime) -> None:
        for number in ids:
            queued = self._t.get("outbox", number)
            if queued is not None and queued.owner == owner:
                self._t.put("outbox", number, queued._replace(leased_until=until))

    def free_leases(self, *, owner: str, but_for: Collection[int]) -> int:
        mine = [q for q in self._t.all("outbox") if q.owner == owner and q.row.id not in but_for]
        for queued in mine:
            self._t.put("outbox", queued.row.id, queued._replace(owner=None, leased_until=EPOCH))
        return len(mine)

    def set_back(self, at: datetime, by: timedelta) -> None:
        for queued in self._t.all("outbox"):
            if queued.state is OutboxState.WAITING and queued.row.not_before > at:
                row = queued.row.model_copy(update={"not_before": at})
                self._t.put("outbox", row.id, queued._replace(row=row))
        for alert in self._t.all("alert"):
            if alert.state is not AlertState.CLOSED:
                clocks = {name: getattr(alert, name) for name in ("next_step_at", "staff_step_at")}
                moved = {name: _earlier(moment, at, by) for name, moment in clocks.items()} | {
                    "version": alert.version + 1
                }
                self._t.put("alert", alert.id, alert.model_copy(update=moved))

    def dead_update(self, number: int) -> DeadUpdate | None:
        found: DeadUpdate | None = self._t.get("dead_update", number)
        return found

    def drop_dead_update(self, number: int) -> bool:
        found = self._t.get("dead_update", number) is not None
        self._t.drop("dead_update", number)
        return found

    def _failed(self) -> list[Any]:
        return [q for q in self._t.all("outbox") if q.state is OutboxState.FAILED]

    def failed_messages(self, limit: int = 50) -> Sequence[FailedMessage]:
        return [_told(queued) for queued in self._failed()[::-1][:limit]]

    def failed_message_count(self) -> int:
        return len(self._failed())

    def given_up(self, number: int) -> GivenUp | None:
        row = next((queued.row for queued in self._failed() if queued.row.id == number), None)
        if row is None:
            return None
        stand = [q.row for q in self._t.all("outbox") if q.state in {OutboxState.WAITING, OutboxState.SENT}]
        same = [other for other in stand if (other.chat_id, other.slot) == (row.chat_id, row.slot)]
        calm = row.lane > Lane.RED_FLAG
        return GivenUp(row, any(other.revision > row.revision or (calm and other.id > row.id) for other in same))

    def send_again(self, number: int, at: datetime) -> bool:
        for queued in self._failed():
            if queued.row.id == number:
                row = queued.row.model_copy(update={"not_before": at})
                fresh = {"owner": None, "leased_until": EPOCH, "attempt": 0, "error": None}
                self._t.put("outbox", number, queued._replace(row=row, state=OutboxState.WAITING, **fresh))
                return True
        return False

    def undelivered(self, limit: int, after: int = 0) -> Sequence[int]:
        items = [item for item in self._t.all("work_item") if item.kind == "not_delivered"]
        red = [q for q in self._failed() if q.row.lane is Lane.RED_FLAG and q.row.patient_id is not None]
        unseen = {
            q.row.patient_id
            for q in red
            if not any(
                item.patient_id == q.row.patient_id and (item.closed_at is None or item.closed_at >= q.failed_at)
                for item in items
            )
        }
        return sorted(number for number in unseen if number > after)[:limit]

    def drop_message(self, number: int, at: datetime) -> bool:
        for queued in self._failed():
            if queued.row.id == number:
                self._t.put("outbox", number, queued._replace(state=OutboxState.REPLACED))
                return True
        return False

    def overdue_check_ins(self, before: datetime, limit: int) -> Sequence[str]:
        waiting = [q.row for q in self._t.all("outbox") if q.state is OutboxState.WAITING]
        late = {r.patient_id for r in waiting if r.lane is Lane.CHECKIN and r.created_at < before}
        return sorted(p.code for p in self._t.all("patient") if p.id in late)[:limit]


def _earlier(moment: datetime | None, at: datetime, by: timedelta) -> datetime | None:
    return moment if moment is None or moment <= at else max(at, moment - by)


def _told(queued: Any) -> FailedMessage:
    row = queued.row
    return FailedMessage(
        row.id, row.patient_id, row.lane, row.slot, queued.attempt, queued.error or "", row.created_at, queued.failed_at
    )
