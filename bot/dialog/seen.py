"""Says on a call screen that the team has seen the alert, until something else opens. Never that someone is coming."""

from collections.abc import Iterator
from zoneinfo import ZoneInfo

from bot.app.alerts.messages import asked_at
from bot.app.records.alerts import AlertRow, AlertState
from bot.app.records.messages import Lane, Outbox
from bot.app.records.patients import Patient, PatientState
from bot.app.work import Work
from bot.core.screen import Screen, Text
from bot.dialog.post import enqueue

SEEN = "call.seen"
"""The key of the line."""


def slot_of(work: Work, alert: AlertRow) -> str:
    """Return the slot of a call screen that is made now. Each has its own, so that what is added to it stays there."""
    return f"alert:{alert.id}:{asked_at(alert, work.at).age:x}"


def show(work: Work, patient: Patient, alert: AlertRow) -> None:
    """Add the line to the newest call screen in each chat, unless somebody has spoken with the patient already."""
    if alert.state is AlertState.CONFIRMED:
        return
    zone = ZoneInfo(patient.timezone or work.clinic.timezone)
    line = Text(key=SEEN, values={"time": f"{work.at.astimezone(zone):%H:%M}"})
    for row in _call_screens(work, patient, alert):
        _edit(work, row, (*_without(row.screen), line))


def hide(work: Work, patient: Patient, alert: AlertRow) -> None:
    """Remove the line. A call screen that comes now waits for nothing: this is sent after it."""
    for row in _call_screens(work, patient, alert):
        lines = _without(row.screen)
        if lines != row.screen.lines:
            _edit(work, row, lines)


def _call_screens(work: Work, patient: Patient, alert: AlertRow) -> Iterator[Outbox]:
    """Yield the newest call screen of each chat; none for who left, who is sent nothing any more."""
    if patient.state in {PatientState.DECLINED, PatientState.WITHDRAWN}:
        return
    helpers = (helper for helper in work.caregivers.of_patient(patient.id) if helper.state == "active")
    for chat_id in (patient.chat_id, *(helper.chat_id for helper in helpers)):
        row = work.outbox.newest(patient.id, chat_id, f"alert:{alert.id}:") if chat_id is not None else None
        if row is not None:
            yield row


def _without(screen: Screen) -> tuple[Text, ...]:
    return tuple(line for line in screen.lines if line.key != SEEN)


def _edit(work: Work, row: Outbox, lines: tuple[Text, ...]) -> None:
    enqueue(
        work,
        row.chat_id,
        row.language,
        row.screen.model_copy(update={"lines": lines}),
        slot=row.slot,
        lane=Lane.REPLY,
        edit=True,
        revision=row.revision,
        patient_id=row.patient_id,
    )
