"""Pages of patients, the queue's state and a week's figures, from the tables. Decides nothing."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime

from sqlalchemy import and_, bindparam, func, literal_column, or_, select

from bot.app.desk_store import AlertTimes, Started
from bot.app.store import AlertRow, Patient
from bot.core.protocol import Tier
from bot.db import tables as t
from bot.db.rows import Section
from bot.db.store_alerts import ALERT
from bot.db.store_checkins import PLANNED
from bot.db.store_patients import PATIENT

_P, _A, _C = t.patient.c, t.alert.c, t.checkin.c
_BY_IDS = select(t.patient).where(_P.id.in_(bindparam("of_ids", expanding=True)))
_LIKE = (
    select(t.patient)
    .where(_P.code >= bindparam("begin"), _P.code < bindparam("end"))
    .order_by(_P.code)
    .limit(bindparam("top"))
)
_STARTED = (
    select(t.patient)
    .where(_P.ici_start >= bindparam("first"), _P.ici_start <= bindparam("last"))
    .order_by(_P.ici_start.desc(), _P.id.desc())
    .limit(bindparam("top"))
)
_STARTED_AFTER = _STARTED.where(
    or_(
        _P.ici_start < bindparam("after_start"),
        and_(_P.ici_start == bindparam("after_start"), _P.id < bindparam("after_id")),
    )
)
_OPEN_OF = (
    select(t.alert)
    .where(_A.patient_id.in_(bindparam("of_ids", expanding=True)), _A.closed_at.is_(None))
    .order_by(_A.id)
)
_STATE = select(
    func.count().label("rows"), func.max(_A.id).label("newest"), func.sum(_A.work_revision).label("changes"),
    func.sum(_A.loop_backs).label("asked"), func.max(_A.replied_at).label("replied"),
).where(_A.closed_at.is_(None))  # fmt: skip
_MINUTES = select(_C.opened_at, _C.closed_at).where(
    _C.opened_at >= bindparam("since"),
    _C.opened_at < bindparam("until"),
    PLANNED,
    _C.state == literal_column("'done'"),
    _C.closed_at.is_not(None),
)
_TIMES = select(_A.tier, _A.raised_at, _A.taken_at).where(
    _A.raised_at >= bindparam("since"), _A.raised_at < bindparam("until")
)


class Desk(Section):
    """See `bot.app.desk_store.DeskStore`."""

    def patients_by_ids(self, ids: Collection[int]) -> Mapping[int, Patient]:
        rows = self._records(PATIENT, _BY_IDS, of_ids=list(ids)) if ids else []
        return {row.id: row for row in rows}

    def patients_like(self, prefix: str, limit: int) -> Sequence[Patient]:
        return self._records(PATIENT, _LIKE, begin=prefix, end=prefix + "\U0010ffff", top=limit)

    def patients_started(self, first: date, last: date, after: Started | None, limit: int) -> Sequence[Patient]:
        values = {"first": first, "last": last, "top": limit}
        if after is None:
            return self._records(PATIENT, _STARTED, **values)
        return self._records(PATIENT, _STARTED_AFTER, **values, after_start=after.ici_start, after_id=after.id)

    def newest_alerts(self, patient_ids: Collection[int]) -> Mapping[int, Sequence[AlertRow]]:
        found: dict[int, list[AlertRow]] = defaultdict(list)
        for row in self._records(ALERT, _OPEN_OF, of_ids=list(patient_ids)) if patient_ids else []:
            found[row.patient_id].append(row)
        return found

    def queue_state(self) -> str:
        row = self._first(_STATE)
        return "-".join(str(value) for value in row.values()) if row is not None else ""

    def answer_minutes(self, since: datetime, until: datetime) -> Sequence[int]:
        rows = self._all(_MINUTES, since=since, until=until)
        return [int((row["closed_at"] - row["opened_at"]).total_seconds() // 60) for row in rows]

    def alert_times(self, since: datetime, until: datetime) -> Sequence[AlertTimes]:
        rows = self._all(_TIMES, since=since, until=until)
        return [AlertTimes(Tier(row["tier"]), row["raised_at"], row["taken_at"]) for row in rows]
