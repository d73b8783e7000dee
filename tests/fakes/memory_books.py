"""The sending budget, updates seen, dead updates, settings and the audit record in memory."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from bot.app.store import Audit, DeadUpdate, Lane, LimiterRow, OutboxState, PatientState
from bot.core.checkin import State
from bot.db.types import EPOCH
from tests.fakes.memory_tables import Tables

OPEN = (State.ASKING, State.PAUSED, State.STOPPED)


class MemoryBooks:
    """See `bot.app.store.Store`."""

    _t: Tables

    # -- the sending budget

    def shared_now(self) -> datetime | None:
        """A test may set it in `tables`."""
        moment: datetime | None = self._t.get("shared_now", 1)
        return moment

    def limiter(self) -> LimiterRow:
        unused = LimiterRow(all_free_at=EPOCH, bulk_free_at=EPOCH, bulk_stopped_until=EPOCH)
        return self._t.get("limiter", 1) or unused

    def save_limiter(self, row: LimiterRow) -> None:
        self._t.put("limiter", 1, row)

    def chat_free_at(self, chat_ids: Sequence[int]) -> Mapping[int, datetime]:
        found = {chat_id: self._t.get("pace", chat_id) for chat_id in chat_ids}
        return {chat_id: moment for chat_id, moment in found.items() if moment is not None}

    def save_chat_free_at(self, free_at: Mapping[int, datetime]) -> None:
        for chat_id, moment in free_at.items():
            self._t.put("pace", chat_id, moment)

    def forget_pace(self, beyond: datetime | None = None) -> None:
        for chat_id, free_at in self._t.items("pace"):
            if free_at > (beyond or EPOCH):
                self._t.drop("pace", chat_id)
        if self.limiter().bulk_stopped_until > (beyond or EPOCH):
            self.save_limiter(self.limiter().model_copy(update={"bulk_stopped_until": EPOCH}))

    # -- bookkeeping

    def first_time(self, update_id: int, at: datetime) -> bool:
        if self._t.get("seen", update_id) is not None:
            return False
        self._t.put("seen", update_id, at)
        return True

    def forget_updates(self, before: datetime) -> int:
        old = [key for key, at in self._t.items("seen") if at < before]
        for key in old:
            self._t.drop("seen", key)
        return len(old)

    def add_dead_update(self, row: DeadUpdate) -> DeadUpdate:
        added = row.model_copy(update={"id": self._t.number("dead_update")})
        self._t.put("dead_update", added.id, added)
        return added

    def dead_updates(self, limit: int = 50) -> Sequence[DeadUpdate]:
        return self._t.all("dead_update")[::-1][:limit]

    def dead_update_count(self) -> int:
        return len(self._t.all("dead_update"))

    def forget_dead_updates(self, before: datetime) -> int:
        old = [dead.id for dead in self._t.all("dead_update") if dead.at < before]
        for number in old:
            self._t.drop("dead_update", number)
        return len(old)

    def setting(self, name: str) -> str | None:
        return self._t.get("setting", name)

    def save_setting(self, name: str, value: str) -> None:
        self._t.put("setting", name, value)

    def audit(self, line: Audit) -> None:
        self._t.put("audit", self._t.number("audit"), line)

    def audit_lines(self, subject: str | None = None, limit: int = 100) -> Sequence[Audit]:
        return [line for line in self._t.all("audit") if subject in {None, line.subject}][::-1][:limit]

    def next_event_at(self) -> datetime | None:
        due = [p.next_due_at for p in self._t.all("patient") if p.state is PatientState.ACTIVE]
        steps = [row.next_step_at for row in self._t.all("checkin") if row.value.state in OPEN]
        steps += [moment for row in self._t.all("alert") for moment in (row.next_step_at, row.staff_step_at)]
        waiting = [q.row.not_before for q in self._t.all("outbox") if q.state is OutboxState.WAITING]
        return min((moment.astimezone(UTC) for moment in (*due, *steps, *waiting) if moment is not None), default=None)

    def tried_since(self, lane: Lane, after: datetime | None = None) -> datetime | None:
        waiting = [q for q in self._t.all("outbox") if q.state is OutboxState.WAITING and q.row.lane is lane]
        tried = [q.row.created_at for q in waiting if q.attempt > 1 or (q.attempt == 1 and q.owner is None)]
        return min((moment for moment in tried if after is None or moment > after), default=None)
