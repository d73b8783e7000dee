"""The stores of settings, audit, leases, clock, reports, in SQL. They decide nothing."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from sqlalchemy import (
    Select,
    and_,
    bindparam,
    delete,
    func,
    literal_column,
    or_,
    select,
    union_all,
    update,
)

from bot.app.records.alerts import AlertState, AlertTimes
from bot.app.records.messages import Lane
from bot.app.records.operations import Audit, WeekReport
from bot.core.protocol import Tier
from bot.db import tables as t
from bot.db import tables_concerns as concern_tables
from bot.db import tables_team as team_tables
from bot.db.rows import (
    Section,
    Shape,
    insert_or_skip,
    insert_or_update,
)
from bot.db.types import UTCDateTime

_A = t.alert.c
_C = t.checkin.c
_L = t.lease.c
_O = t.outbox.c

PLANNED = t.checkin.c.kind.in_([literal_column(f"'{kind}'") for kind in ("scheduled", "follow_up", "extra")])
_COMPLETION = select(
    func.count().label("asked"),
    func.count().filter(t.checkin.c.state == literal_column("'done'")).label("done"),
).where(t.checkin.c.opened_at >= bindparam("since"), t.checkin.c.opened_at < bindparam("until"), PLANNED)
WEEK = Shape(team_tables.week_report, WeekReport)
_SAVE_WEEK = insert_or_update(team_tables.week_report, "week")
_WEEKS = select(team_tables.week_report).order_by(team_tables.week_report.c.week.desc()).limit(bindparam("top"))
_MINUTES = select(_C.opened_at, _C.closed_at).where(
    _C.opened_at >= bindparam("since"),
    _C.opened_at < bindparam("until"),
    PLANNED,
    _C.state == literal_column("'done'"),
    _C.closed_at.is_not(None),
)
# An alert that was reopened, or that a higher finding took from its owner, waits from then on.
_TIMES = select(_A.tier, func.coalesce(_A.clock_from, _A.raised_at).label("raised_at"), _A.acknowledged_at).where(
    _A.raised_at >= bindparam("since"), _A.raised_at < bindparam("until")
)
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
_HURRY = (
    update(t.outbox).where(t.is_waiting(t.outbox), _O.not_before > bindparam("at")).values(not_before=bindparam("at"))
)
_AHEAD = (
    select(_A.id, _A.raised_at, _A.named_at, _A.clock_from, _A.next_patient_prompt_at, _A.next_escalation_at)
    .where(
        or_(
            # The age of a message counts from when its alert was raised: also if that was closed.
            _A.raised_at > bindparam("at"),
            and_(
                _A.state != AlertState.CLOSED.value,
                or_(
                    *(
                        column > bindparam("at")
                        for column in (_A.next_patient_prompt_at, _A.next_escalation_at, _A.named_at, _A.clock_from)
                    )
                ),
            ),
        ),
    )
    .order_by(_A.id)
    .with_for_update(key_share=True)
)
_MOVE = (
    update(t.alert)
    .where(_A.id == bindparam("of_row"))
    .values(
        next_patient_prompt_at=bindparam("next_at"),
        next_escalation_at=bindparam("staff_at"),
        raised_at=bindparam("raised"),
        named_at=bindparam("named"),
        clock_from=bindparam("since"),
        version=_A.version + 1,
    )
)
_OPENED_AHEAD = (
    select(_C.id, _C.opened_at, _C.next_action_at)
    .where(t.IS_OPEN, or_(_C.opened_at > bindparam("at"), _C.next_action_at > bindparam("at")))
    .order_by(_C.id)
    .with_for_update(key_share=True)
)
_MOVE_CHECKIN = (
    update(t.checkin)
    .where(_C.id == bindparam("of_row"))
    .values(opened_at=bindparam("opened"), next_action_at=bindparam("next_at"), version=_C.version + 1)
)


def _earlier(timestamp: datetime | None, at: datetime, by: timedelta) -> datetime | None:
    """Return a time to come, earlier by that much, but not in the past."""
    return timestamp if timestamp is None or timestamp <= at else max(at, timestamp - by)


def _past(timestamp: datetime | None, at: datetime, by: timedelta) -> datetime | None:
    """Return a time that has passed, although the clock that was ahead wrote it."""
    return timestamp if timestamp is None or timestamp <= at else min(at, timestamp - by)


AUDIT = Shape(t.audit, Audit)
_SEEN = insert_or_skip(t.seen_update, "update_id", returning="update_id")
_FORGET_UPDATES = delete(t.seen_update).where(t.seen_update.c.at < bindparam("before"))
_SETTING = select(t.setting.c.value).where(t.setting.c.name == bindparam("of_name"))
_SET_SETTING = insert_or_update(t.setting, "name")
_LINES = select(t.audit).order_by(t.audit.c.id.desc()).limit(bindparam("top"))
_LINES_OF = _LINES.where(t.audit.c.subject == bindparam("of_subject"))


def _next_event() -> Select[tuple[datetime | None]]:
    """Return the statement for the earliest entry of the indexes that sweeps and senders read, lane by lane."""
    lanes = (
        select(func.min(t.outbox.c.not_before).label("at")).where(
            # Buttons that are taken away are nothing to look at.
            t.is_waiting(t.outbox),
            t.outbox.c.lane == literal_column(str(lane.value)),
            t.outbox.c.mode != "buttons",
        )
        for lane in Lane
    )
    timestamps = union_all(
        select(func.min(t.patient.c.next_due_at).label("at")).where(t.IS_ACTIVE),
        select(func.min(t.patient.c.ask_home_at)),
        select(func.min(t.patient.c.goodbye_at)).where(t.IS_ACTIVE),
        select(func.min(t.checkin.c.next_action_at)).where(t.IS_OPEN),
        select(func.min(t.alert.c.next_patient_prompt_at)),
        select(func.min(t.alert.c.next_escalation_at)),
        select(func.min(concern_tables.memory.c.ends_at)),
        *lanes,
    ).subquery()
    return select(func.min(timestamps.c.at).label("at"))


NEXT_EVENT = _next_event()


_NOW = select(func.clock_timestamp(type_=UTCDateTime()).label("at"))


class SqlReports(Section):
    """See `bot.app.ports.operations.ReportStore`."""

    def completion(self, since: datetime, until: datetime) -> tuple[int, int]:
        row = self._first(_COMPLETION, since=since, until=until)
        return (int(row["asked"]), int(row["done"])) if row is not None else (0, 0)

    def save_week(self, row: WeekReport) -> None:
        self._run(_SAVE_WEEK[self._dialect], **WEEK.values(row, self._keyring))

    def weeks(self, limit: int) -> Sequence[WeekReport]:
        return self._records(WEEK, _WEEKS, top=limit)

    def answer_minutes(self, since: datetime, until: datetime) -> Sequence[int]:
        rows = self._all(_MINUTES, since=since, until=until)
        return [int((row["closed_at"] - row["opened_at"]).total_seconds() // 60) for row in rows]

    def alert_times(self, since: datetime, until: datetime) -> Sequence[AlertTimes]:
        rows = self._all(_TIMES, since=since, until=until)
        return [AlertTimes(Tier(row["tier"]), row["raised_at"], row["acknowledged_at"]) for row in rows]


class SqlUpdates(Section):
    """See `bot.app.ports.operations.UpdateStore`."""

    def mark_processed(self, update_id: int, at: datetime) -> bool:
        return self._first(_SEEN[self._dialect], update_id=update_id, at=at) is not None

    def purge(self, before: datetime) -> int:
        return self._run(_FORGET_UPDATES, before=before)


class SqlSettings(Section):
    """See `bot.app.ports.operations.SettingStore`."""

    def get(self, name: str) -> str | None:
        row = self._first(_SETTING, of_name=name)
        return row["value"] if row is not None else None

    def set(self, name: str, value: str) -> None:
        self._run(_SET_SETTING[self._dialect], name=name, value=value)


class SqlAudit(Section):
    """See `bot.app.ports.operations.AuditStore`."""

    def add(self, line: Audit) -> None:
        self._connection.execute(AUDIT.insert, AUDIT.values(line, self._keyring))

    def lines(self, subject: str | None = None, limit: int = 100) -> Sequence[Audit]:
        if subject is None:
            return self._records(AUDIT, _LINES, top=limit)
        return self._records(AUDIT, _LINES_OF, of_subject=subject, top=limit)


class SqlLeases(Section):
    """See `bot.app.ports.operations.LeaseStore`."""

    def take(self, name: str, *, owner: str, at: datetime, until: datetime) -> bool:
        latest = until + (until - at)
        if self._run(_KEEP_LEASE, of_name=name, me=owner, at=at, latest=latest, until=until):
            return True
        new = _NEW_LEASE[self._dialect]
        return self._first(new, name=name, owner=owner, held_until=until) is not None

    def drop(self, name: str, *, owner: str) -> None:
        self._run(_DROP_LEASE, of_name=name, me=owner)


class SqlClock(Section):
    """See `bot.app.ports.operations.ClockStore`."""

    def shift_back(self, at: datetime, by: timedelta) -> None:
        self._run(_HURRY, at=at)
        for row in self._all(_AHEAD, at=at):
            self._run(
                _MOVE,
                of_row=row["id"],
                next_at=_earlier(row["next_patient_prompt_at"], at, by),
                staff_at=_earlier(row["next_escalation_at"], at, by),
                raised=_past(row["raised_at"], at, by),
                named=_past(row["named_at"], at, by),
                since=_past(row["clock_from"], at, by),
            )
        for row in self._all(_OPENED_AHEAD, at=at):
            # Processed now, it finds its next time itself.
            opened = _past(row["opened_at"], at, by)
            next_at = _earlier(row["next_action_at"], at, by)
            self._run(_MOVE_CHECKIN, of_row=row["id"], opened=opened, next_at=next_at)

    def shared_now(self) -> datetime | None:
        row = self._first(_NOW) if self._keeps_time else None
        return row["at"].astimezone(UTC) if row is not None else None

    def next_event_at(self) -> datetime | None:
        row = self._first(NEXT_EVENT)
        return row["at"] if row is not None else None
