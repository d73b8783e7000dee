"""The contents of the database at the end of a run, read once for the auditor. Makes no findings."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select

from bot.app.ports.clinic import Clinic
from bot.app.records.alerts import AlertRow
from bot.app.records.checkins import AnswerRow, AssessmentRow, CheckInRow
from bot.app.records.operations import Audit
from bot.app.records.patients import Patient
from bot.app.work import Stores
from bot.core.protocol import Tier
from bot.db import tables as t
from bot.delivery.lanes import URGENT
from bot.sandbox.journal import Call
from tests.chaos.evidence import Evidence, carried_out, chat_of, place_of
from tests.chaos.robots import Tapped

ALL = 1_000_000


@dataclass(frozen=True)
class ProcessedTap:
    """A tap and the timestamp of its transaction, which all its results carry."""

    at: datetime
    tap: Tapped


@dataclass
class Stored:
    """Rows by what they belong to. `sent`: each outbox row's calls that Telegram executed."""

    stores: Stores
    clinic: Clinic
    patients: Sequence[Patient]
    checkins: dict[int, list[CheckInRow]]
    """By patient, oldest first."""
    answers: dict[int, list[AnswerRow]]
    """By check-in, in the order they were stored."""
    assessments: dict[int, list[AssessmentRow]]
    """By patient, oldest first."""
    alerts: list[AlertRow]
    raised: list[AlertRow]
    """Each time that an alert was raised, or joined with a call screen: the alert with that time, tier and check-in."""
    joined: list[AlertRow]
    """The same for what joined it without a call screen."""
    lines: dict[str, list[Audit]]
    """The record, by study code."""
    rows: list[Any]
    slots: dict[str, list[Any]]
    updates: dict[int, datetime]
    sent: dict[int, list[Call]]
    taps: dict[int, list[ProcessedTap]]
    """The processed taps by chat, in the order of their updates."""

    def patient(self, number: int) -> Patient:
        return next(patient for patient in self.patients if patient.id == number)

    def of_checkin(self, number: int) -> list[AlertRow]:
        return [alert for alert in (*self.raised, *self.joined) if alert.checkin_id == number]

    def arrived(self, slot: str, chat: int | None = None, *, at: datetime | None = None) -> list[Call]:
        """Return the calls that delivered a slot's messages to a chat, of rows created at a time; oldest first."""
        rows = [row for row in self.slots.get(slot, []) if at is None or row.created_at == at]
        calls = [call for row in rows for call in self.sent.get(row.id, [])]
        return sorted((c for c in calls if chat is None or chat_of(c) == chat), key=lambda call: call.at)


def read(stores: Any, clinic: Clinic, seen: Evidence) -> Stored:
    """Read all of it."""
    patients = stores.patients.page(limit=ALL)
    checkins = {p.id: sorted(stores.checkins.of_patient(p.id, limit=ALL), key=lambda row: row.id) for p in patients}
    rows = outbox(stores)
    lines = {p.code: list(stores.audit.lines(p.code, limit=ALL)) for p in patients}
    alerts = [
        _as_raised(alert, lines[p.code])
        for p in patients
        for alert in sorted(stores.alerts.of_patient(p.id, limit=ALL), key=_number)
    ]
    codes = {p.id: p.code for p in patients}
    updates = {row.update_id: row.at for row in stores.outbox._connection.execute(select(t.seen_update))}
    return Stored(
        stores=stores,
        clinic=clinic,
        patients=patients,
        checkins=checkins,
        answers={
            row.id: sorted(stores.answers.of_checkin(row.id), key=_number) for mine in checkins.values() for row in mine
        },
        assessments={p.id: sorted(stores.assessments.of_patient(p.id, limit=ALL), key=_number) for p in patients},
        alerts=alerts,
        raised=[e for a in alerts for e in _each_time(a, lines[codes[a.patient_id]], call_screen=True) or [a]],
        joined=[e for a in alerts for e in _each_time(a, lines[codes[a.patient_id]], call_screen=False)],
        lines=lines,
        rows=rows,
        slots=_by_slot(rows),
        updates=updates,
        sent=carried_out(seen.calls),
        taps=_processed(seen.taps, updates),
    )


def outbox(stores: Any) -> list[Any]:
    """Every message there was, without its body, and without what changes the buttons of a message alone."""
    o = t.outbox.c
    columns = (o.id, o.patient_id, o.chat_hash, o.lane, o.slot, o.mode, o.revision, o.state, o.created_at, o.not_before)
    return list(stores.outbox._connection.execute(select(*columns).where(o.mode != "buttons").order_by(o.id)))


def is_sending_urgently(stores: Any) -> bool:
    """Return whether an urgent message that waits has been claimed, or was sent in vain already."""
    o = t.outbox.c
    tried = select(o.id).where(o.state == "waiting", o.lane.in_(URGENT), o.attempt > 0).limit(1)
    return stores.outbox._connection.execute(tried).first() is not None


def _as_raised(alert: AlertRow, lines: Iterable[Audit]) -> AlertRow:
    """Return the alert with the time at which it was raised: a clock that was set back moves the stored one."""
    raised = [x.at for x in lines if x.action == "alert_raised" and dict(x.detail).get("alert") == alert.id]
    return alert.model_copy(update={"raised_at": min(raised, default=alert.raised_at)})


def _each_time(alert: AlertRow, lines: Iterable[Audit], *, call_screen: bool) -> list[AlertRow]:
    return [
        alert.model_copy(
            update={"raised_at": x.at, "tier": Tier[str(x.detail["tier"])], "checkin_id": x.detail.get("checkin")}
        )
        for x in lines
        if x.detail.get("alert") == alert.id
        and x.action in {"alert_raised", "alert_joined"}
        and bool(x.action == "alert_raised" or x.detail.get("call_screen")) is call_screen
    ]


def _number(row: Any) -> int:
    return int(row.id)


def _by_slot(rows: Iterable[Any]) -> dict[str, list[Any]]:
    found: defaultdict[str, list[Any]] = defaultdict(list)
    for row in rows:
        found[place_of(row.slot)].append(row)
    return found


def _processed(taps: Iterable[Tapped], updates: dict[int, datetime]) -> dict[int, list[ProcessedTap]]:
    found: defaultdict[int, list[ProcessedTap]] = defaultdict(list)
    for tap in sorted(taps, key=lambda tap: tap.update_id):
        if tap.update_id in updates:
            found[tap.chat_id].append(ProcessedTap(updates[tap.update_id], tap))
    return found
