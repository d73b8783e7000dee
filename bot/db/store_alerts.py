"""Alerts, work items and tips in their tables. Decides nothing about them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any, Literal

from sqlalchemy import Column, Select, bindparam, func, select, update

from bot.app.ops_store import BEGINNING, Place
from bot.app.store import AlertRow, TipShown, WorkItem
from bot.db import tables as t
from bot.db.rows import WORDS, Section, Shape, in_turn, insert_or_skip

ALERT = Shape(t.alert, AlertRow, sealed={"rules": WORDS})
WORK_ITEM = Shape(t.work_item, WorkItem)
TIP_SHOWN = Shape(t.tip_shown, TipShown)

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


def _due_by(moment: Column[Any]) -> Mapping[str, Select[Any]]:
    """By dialect: the alerts whose moment has come, each locked with its patient.

    What another sweep has just moved on must not be stepped again from an older snapshot. SQLite has one writer and no
    locks.
    """
    due = in_turn(select(t.alert), moment)
    locked = due.join(t.patient, t.patient.c.id == t.alert.c.patient_id).with_for_update(
        of=(t.patient, t.alert), skip_locked=True, key_share=True
    )
    return {"sqlite": due, "postgresql": locked}


TO_STEP = _due_by(t.alert.c.next_step_at)
_TO_ESCALATE = _due_by(t.alert.c.staff_step_at)

_ADD_WORK_ITEM = insert_or_skip(t.work_item, "kind", "subject", where=t.NOT_CLOSED, returning="id")
_WORK_ITEMS = select(t.work_item).where(t.NOT_CLOSED).order_by(t.work_item.c.raised_at, t.work_item.c.id)
_WORK_ITEMS = _WORK_ITEMS.limit(bindparam("top"))
_WORK_ITEMS_OF = _WORK_ITEMS.where(t.work_item.c.patient_id == bindparam("of_patient"))
_CLOSE_WORK_ITEMS = (
    update(t.work_item)
    .where(
        t.work_item.c.patient_id == bindparam("of_patient"),
        t.work_item.c.kind.in_(bindparam("of_kinds", expanding=True)),
        t.NOT_CLOSED,
    )
    .values(closed_at=bindparam("moment"))
)
_OPEN_ITEM = select(t.work_item).where(t.work_item.c.id == bindparam("of_item"), t.NOT_CLOSED)
_CLOSE_ITEM = update(t.work_item).where(t.work_item.c.id == bindparam("of_item")).values(closed_at=bindparam("moment"))

_TIPS_OF = t.tip_shown.c.patient_id == bindparam("of_patient")
_TIPS = select(t.tip_shown).where(_TIPS_OF).order_by(t.tip_shown.c.id.desc()).limit(bindparam("top"))
_RATE_TIP = (
    update(t.tip_shown)
    .where(
        t.tip_shown.c.id
        == select(func.max(t.tip_shown.c.id))
        .where(_TIPS_OF, t.tip_shown.c.tip == bindparam("of_tip"))
        .scalar_subquery()
    )
    .values(rating=bindparam("given"))
)


class Alerts(Section):
    """See `bot.app.store.Store`."""

    def add_alert(self, row: AlertRow) -> AlertRow:
        return self._add(ALERT, row)

    def save_alert(self, row: AlertRow) -> AlertRow:
        return self._save(ALERT, row)

    def alert(self, alert_id: int) -> AlertRow | None:
        return self._record(ALERT, _BY_ID, of_alert=alert_id)

    def alerts(self, patient_id: int, limit: int = 50) -> Sequence[AlertRow]:
        return self._records(ALERT, _NEWEST, of_patient=patient_id, top=limit)

    def alerts_in_queue(self, limit: int) -> Sequence[AlertRow]:
        return self._readable(self._all(_QUEUE, top=limit), partial(self._records_of, ALERT))

    def alerts_to_step(self, at: datetime, limit: int, after: Place = BEGINNING) -> Sequence[AlertRow]:
        return self._due(TO_STEP[self._dialect], "next_step_at", after, at, limit)

    def alerts_to_escalate(self, at: datetime, limit: int, after: Place = BEGINNING) -> Sequence[AlertRow]:
        return self._due(_TO_ESCALATE[self._dialect], "staff_step_at", after, at, limit)

    def _due(self, found: Select[Any], moment: str, after: Place, at: datetime, limit: int) -> Sequence[AlertRow]:
        return self._next(found, partial(self._records_of, ALERT), moment, after, at=at, top=limit)

    def add_work_item(self, item: WorkItem) -> WorkItem | None:
        row = self._first(_ADD_WORK_ITEM[self._dialect], **WORK_ITEM.values(item, self._keyring))
        return item.model_copy(update={"id": row["id"]}) if row is not None else None

    def work_items(self, patient_id: int | None = None, limit: int = 500) -> Sequence[WorkItem]:
        if patient_id is None:
            return self._records(WORK_ITEM, _WORK_ITEMS, top=limit)
        return self._records(WORK_ITEM, _WORK_ITEMS_OF, of_patient=patient_id, top=limit)

    def close_work_items(self, patient_id: int, kinds: Sequence[str], at: datetime) -> None:
        self._run(_CLOSE_WORK_ITEMS, of_patient=patient_id, of_kinds=list(kinds), moment=at)

    def close_work_item(self, item_id: int, at: datetime) -> WorkItem | None:
        item = self._record(WORK_ITEM, _OPEN_ITEM, of_item=item_id)
        if item is not None:
            self._run(_CLOSE_ITEM, of_item=item_id, moment=at)
        return item

    def add_tip_shown(self, row: TipShown) -> TipShown:
        return self._add(TIP_SHOWN, row)

    def rate_tip(self, patient_id: int, tip: str, rating: Literal["helpful", "not_for_me"]) -> None:
        self._run(_RATE_TIP, of_patient=patient_id, of_tip=tip, given=rating)

    def tips_shown(self, patient_id: int, limit: int = 50) -> Sequence[TipShown]:
        return self._records(TIP_SHOWN, _TIPS, of_patient=patient_id, top=limit)
