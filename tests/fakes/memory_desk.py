"""Lists read from dictionaries."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime

from bot.app.desk_store import AlertTimes, Started
from bot.app.store import AlertRow, Patient
from bot.core.checkin import State
from tests.fakes.memory_tables import Tables


class MemoryDesk:
    """See `bot.app.desk_store.DeskStore`."""

    _t: Tables

    def patients_by_ids(self, ids: Collection[int]) -> Mapping[int, Patient]:
        return {p.id: p for p in self._t.all("patient") if p.id in ids}

    def patients_like(self, prefix: str, limit: int) -> Sequence[Patient]:
        found = [p for p in self._t.all("patient") if p.code.startswith(prefix)]
        return sorted(found, key=lambda p: p.code)[:limit]

    def patients_started(self, first: date, last: date, after: Started | None, limit: int) -> Sequence[Patient]:
        found = [p for p in self._t.all("patient") if first <= p.ici_start <= last]
        found.sort(key=lambda p: (p.ici_start, p.id), reverse=True)
        return [p for p in found if after is None or (p.ici_start, p.id) < after][:limit]

    def newest_alerts(self, patient_ids: Collection[int]) -> Mapping[int, Sequence[AlertRow]]:
        found: dict[int, list[AlertRow]] = {}
        for row in self._t.all("alert"):
            if row.patient_id in patient_ids and row.closed_at is None:
                found.setdefault(row.patient_id, []).append(row)
        return found

    def queue_state(self) -> str:
        waiting = [a for a in self._t.all("alert") if a.closed_at is None]
        return repr([(a.id, a.work_revision, a.loop_backs, a.replied_at) for a in waiting])

    def answer_minutes(self, since: datetime, until: datetime) -> Sequence[int]:
        rows = [r for r in self._t.all("checkin") if r.kind in {"scheduled", "again", "extra"}]
        done = [r for r in rows if since <= r.opened_at < until and r.value.state is State.DONE and r.closed_at]
        return [int((r.closed_at - r.opened_at).total_seconds() // 60) for r in done]

    def alert_times(self, since: datetime, until: datetime) -> Sequence[AlertTimes]:
        rows = [a for a in self._t.all("alert") if since <= a.raised_at < until]
        return [AlertTimes(a.tier, a.raised_at, a.taken_at) for a in rows]
