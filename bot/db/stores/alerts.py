"""The stores of alerts, tasks and agreed levels, in SQL. They decide nothing."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy import (
    Column,
    Select,
    bindparam,
    func,
    select,
    update,
)

from bot.app.records.alerts import AgreedLevel, AlertRow, Task
from bot.app.records.operations import BEGINNING, EVERY_ROW, Place
from bot.db import tables as t
from bot.db import tables_team as team_tables
from bot.db.rows import (
    STRINGS,
    TEXT,
    Section,
    Shape,
    due_page,
    insert_or_skip,
)

_A = t.alert.c

ALERT = Shape(t.alert, AlertRow, sealed={"rules": STRINGS, "symptoms": STRINGS})
TASK = Shape(t.task, Task)

_BY_ID = select(t.alert).where(t.alert.c.id == bindparam("of_alert"))
_NEWEST = (
    select(t.alert)
    .where(t.alert.c.patient_id == bindparam("of_patient"))
    .order_by(t.alert.c.id.desc())
    .limit(bindparam("top"))
)
_QUEUE = (
    select(t.alert)
    .where(t.alert.c.closed_at.is_(None))
    .order_by(t.alert.c.tier.desc(), t.alert.c.id)
    .limit(bindparam("top"))
)


def _due_by(timestamp: Column[Any]) -> Mapping[str, Select[Any]]:
    """Return, by dialect, the statement for the alerts that are due, each locked with its patient.

    The lock keeps a sweep from acting on an older snapshot of an alert that another sweep has just changed. SQLite has
    one writer and no locks.
    """
    due = due_page(select(t.alert), timestamp)
    locked = due.join(t.patient, t.patient.c.id == t.alert.c.patient_id).with_for_update(
        of=(t.patient, t.alert), skip_locked=True, key_share=True
    )
    return {"sqlite": due, "postgresql": locked}


PROMPTS_DUE = _due_by(t.alert.c.next_patient_prompt_at)
_TO_ESCALATE = _due_by(t.alert.c.next_escalation_at)

_ADD_TASK = insert_or_skip(t.task, "kind", "subject", where=t.NOT_CLOSED, returning="id")
_TASKS = select(t.task).where(t.NOT_CLOSED).order_by(t.task.c.raised_at, t.task.c.id)
_TASKS = _TASKS.limit(bindparam("top"))
_TASKS_OF = _TASKS.where(t.task.c.patient_id == bindparam("of_patient"))
_RAISED = (
    select(t.task.c.id)
    .where(
        t.task.c.patient_id == bindparam("of_patient"),
        t.task.c.kind == bindparam("of_kind"),
        t.task.c.raised_at >= bindparam("timestamp"),
    )
    .limit(1)
)
_CLOSE_TASKS = (
    update(t.task)
    .where(
        t.task.c.patient_id == bindparam("of_patient"),
        t.task.c.kind.in_(bindparam("of_kinds", expanding=True)),
        t.NOT_CLOSED,
    )
    .values(closed_at=bindparam("timestamp"))
)
_CLOSE_TASK = (
    update(t.task)
    .where(t.task.c.id == bindparam("of_task"), t.NOT_CLOSED)
    .values(closed_at=bindparam("timestamp"))
    .returning(t.task)
)
AGREED_LEVEL = Shape(team_tables.agreed_level, AgreedLevel, sealed={"level": TEXT})
_AGREED_LEVELS = (
    select(team_tables.agreed_level)
    .where(team_tables.agreed_level.c.patient_id == bindparam("of_patient"))
    .order_by(team_tables.agreed_level.c.id)
)
_OPEN_OF = (
    select(t.alert)
    .where(_A.patient_id.in_(bindparam("of_ids", expanding=True)), _A.closed_at.is_(None))
    .order_by(_A.id)
)
_STATE = select(
    func.count().label("rows"), func.max(_A.id).label("newest"), func.sum(_A.work_revision).label("changes"),
    func.sum(_A.safety_follow_ups).label("asked"), func.max(_A.replied_at).label("replied"),
).where(_A.closed_at.is_(None))  # fmt: skip


class SqlAlerts(Section):
    """See `bot.app.ports.alerts.AlertStore`."""

    def add(self, row: AlertRow) -> AlertRow:
        return self._add(ALERT, row)

    def save(self, row: AlertRow) -> AlertRow:
        return self._save(ALERT, row)

    def get(self, alert_id: int) -> AlertRow | None:
        return self._record(ALERT, _BY_ID, of_alert=alert_id)

    def of_patient(self, patient_id: int, limit: int = EVERY_ROW) -> Sequence[AlertRow]:
        return self._records(ALERT, _NEWEST, of_patient=patient_id, top=limit)

    def open_of(self, patient_id: int) -> Sequence[AlertRow]:
        return tuple(reversed(self._records(ALERT, _OPEN_OF, of_ids=[patient_id])))

    def in_queue(self, limit: int) -> Sequence[AlertRow]:
        return self._readable(self._all(_QUEUE, top=limit), partial(self._records_of, ALERT))

    def prompts_due(self, at: datetime, limit: int, after: Place = BEGINNING) -> Sequence[AlertRow]:
        return self._due(PROMPTS_DUE[self._dialect], "next_patient_prompt_at", after, at, limit)

    def escalations_due(self, at: datetime, limit: int, after: Place = BEGINNING) -> Sequence[AlertRow]:
        return self._due(_TO_ESCALATE[self._dialect], "next_escalation_at", after, at, limit)

    def _due(self, found: Select[Any], timestamp: str, after: Place, at: datetime, limit: int) -> Sequence[AlertRow]:
        return self._next(found, partial(self._records_of, ALERT), timestamp, after, at=at, top=limit)

    def not_closed_of(self, patient_ids: Collection[int]) -> Mapping[int, Sequence[AlertRow]]:
        found: dict[int, list[AlertRow]] = defaultdict(list)
        for row in self._records(ALERT, _OPEN_OF, of_ids=list(patient_ids)) if patient_ids else []:
            found[row.patient_id].append(row)
        return found

    def queue_state(self) -> str:
        row = self._first(_STATE)
        return "-".join(str(value) for value in row.values()) if row is not None else ""


class SqlTasks(Section):
    """See `bot.app.ports.alerts.TaskStore`."""

    def add(self, item: Task) -> Task | None:
        row = self._first(_ADD_TASK[self._dialect], **TASK.values(item, self._keyring))
        return item.model_copy(update={"id": row["id"]}) if row is not None else None

    def open(self, patient_id: int | None = None, limit: int = 500) -> Sequence[Task]:
        if patient_id is None:
            return self._records(TASK, _TASKS, top=limit)
        return self._records(TASK, _TASKS_OF, of_patient=patient_id, top=limit)

    def was_raised(self, patient_id: int, kind: str, since: datetime) -> bool:
        return self._first(_RAISED, of_patient=patient_id, of_kind=kind, timestamp=since) is not None

    def close_of_patient(self, patient_id: int, kinds: Sequence[str], at: datetime) -> None:
        self._run(_CLOSE_TASKS, of_patient=patient_id, of_kinds=list(kinds), timestamp=at)

    def close(self, task_id: int, at: datetime) -> Task | None:
        return self._record(TASK, _CLOSE_TASK, of_task=task_id, timestamp=at)


class SqlAgreedLevels(Section):
    """See `bot.app.ports.alerts.AgreedLevelStore`."""

    def add(self, row: AgreedLevel) -> AgreedLevel:
        return self._add(AGREED_LEVEL, row)

    def save(self, row: AgreedLevel) -> AgreedLevel:
        return self._save(AGREED_LEVEL, row)

    def of_patient(self, patient_id: int) -> Sequence[AgreedLevel]:
        return self._records(AGREED_LEVEL, _AGREED_LEVELS, of_patient=patient_id)
