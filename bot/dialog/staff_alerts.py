"""Builds an alert's screens for the team's chats. Shows code and tier, and answers only if the clinic enabled that."""

from collections.abc import Iterator
from datetime import datetime
from zoneinfo import ZoneInfo

from bot.app.alerts import queue
from bot.app.alerts.writer import team_side
from bot.app.concerns import agreed_levels
from bot.app.ports.clinic import Clinic
from bot.app.records.alerts import ATTEMPT, AlertRow, AlertState
from bot.app.records.patients import Patient
from bot.app.records.team import Staff
from bot.app.schedules.plans import plan_of
from bot.app.work import Work
from bot.core.alert import may_act
from bot.core.escalation import EscalationLevel
from bot.core.findings import DESPAIR
from bot.core.safety_follow_up import CONFIRMS
from bot.core.schedule import week_of
from bot.core.screen import Action, Button, Screen, Style, Text
from bot.dialog.staff_times import local_time, shown_word
from bot.dialog.widgets import button, rows

KIND = "staff"
"""The kind of action of an alert's buttons; `subject` is its number, `choice` names the button."""


def clock(clinic: Clinic, at: datetime) -> str:
    """Return the time of day in the clinic's time zone, such as "10:42"."""
    return f"{at.astimezone(ZoneInfo(clinic.timezone)):%H:%M}"


def head(clinic: Clinic, patient: Patient, alert: AlertRow) -> Text:
    """Return the first line, such as "🔴 EMERGENCY · P-0017 · 10:42 · week 5": all that a lock screen may show."""
    return Text(
        key="staff.head",
        values={
            "tier": Text(key=f"staff.tier.{alert.tier.name}"),
            "code": patient.code,
            "time": clock(clinic, alert.raised_at),
            "week": week_of(plan_of(patient, clinic), alert.raised_at),
        },
    )


def alert_screen(work: Work, patient: Patient, alert: AlertRow, reader: Staff) -> Screen:
    """Return an alert's current state for one reader: owner, the patient's reply, and the buttons they may use."""
    lines = [head(work.clinic, patient, alert), *_facts(work, patient, alert), _ownership(work.clinic, alert, reader)]
    made = [*_buttons(alert, reader, work.at), *_to_console(work.clinic, patient, reader)]
    return Screen(name="staff.alert", lines=tuple(lines), rows=rows(made))


def _facts(work: Work, patient: Patient, alert: AlertRow) -> Iterator[Text]:
    before = sum(1 for other in work.alerts.of_patient(patient.id, limit=queue.HISTORY_LIMIT) if other.id < alert.id)
    yield Text(key="staff.before", values={"n": before}) if before else Text(key="staff.first")
    if work.clinic.staff_answers:
        yield from (Text(key="staff.despair"),) if DESPAIR in alert.symptoms else ()
        yield Text(key="staff.said", values={"said": queue.alert_line(work, alert).summary})
    yield from _agreed_levels(work, alert)
    yield Text(key=_call(alert))
    if alert.declared is not None:
        yield Text(key=f"staff.{alert.declared}")
    if alert.mistake_at is not None:
        yield Text(key="staff.mistake")
    if (call_again := queue.next_attempt_at(work, alert)) is not None:
        yield Text(key="staff.call_again", values={"time": local_time(work.clinic, work.at, call_again)})


def _agreed_levels(work: Work, alert: AlertRow) -> Iterator[Text]:
    """Yield that agreed levels exist; which ones, only if the clinic lets messages contain answers."""
    found = agreed_levels.active(work, alert.patient_id)
    if alert.is_agreed:
        yield Text(key="staff.expected")
    elif found and not work.clinic.staff_answers:
        yield Text(key="staff.expecting", values={"n": len(found)})
    if work.clinic.staff_answers:
        yield from (Text(key="staff.expecting_what", values={"what": agreed_levels.describe(row)}) for row in found)


def _call(alert: AlertRow) -> str:
    known = alert.last_reply if alert.last_reply in CONFIRMS else "reached"
    reply = known if alert.state is AlertState.CONFIRMED else alert.last_reply
    # Who left before the first question was never asked.
    if alert.state is AlertState.UNCONFIRMED and alert.safety_follow_ups and reply in {None, "not_yet", "called"}:
        return "staff.call.unconfirmed"
    said = {"reached": "confirmed", "not_yet": "open", None: "open"}
    return f"staff.call.{said.get(reply, reply)}"


def _ownership(clinic: Clinic, alert: AlertRow, reader: Staff) -> Text:
    if alert.closed_at is not None:
        outcome = Text(key=f"staff.outcome.{alert.outcome}")
        return Text(key="staff.closed", values={"who": alert.closed_by or "", "outcome": outcome})
    if alert.owner is not None:
        since = clock(clinic, alert.acknowledged_at or alert.raised_at)
        mine = alert.owner == reader.name
        noted: dict[str, str | int | Text] = {"time": since}
        if not mine:
            noted["who"] = alert.owner
        if mine and alert.outcome not in {None, ATTEMPT}:
            return Text(key="staff.noted", values={"outcome": Text(key=f"staff.outcome.{alert.outcome}")})
        return Text(key="staff.yours" if mine else "staff.taken", values=noted)
    if alert.next_escalation_at is None or alert.escalation_level > EscalationLevel.EVERYONE:
        return Text(key="staff.anyones")
    return Text(key="staff.until", values={"time": local_time(clinic, alert.raised_at, alert.next_escalation_at)})


def tap(alert: AlertRow, word: str, shown: str = "") -> Action:
    """Return the action of an alert's button in a team chat. `shown`: when its message was made."""
    return Action(kind=KIND, subject=alert.id, revision=alert.work_revision, question=shown, choice=word)


def _to_console(clinic: Clinic, patient: Patient, reader: Staff) -> Iterator[Button]:
    """Yield the button that opens the console, if it can be reached from a phone."""
    if clinic.console_url is not None:
        page = f"/patients/{patient.code}" if may_change(reader) else ""
        yield Button(label=Text(key="staff.do.console"), url=f"{clinic.console_url}/console{page}")


def _buttons(alert: AlertRow, reader: Staff, at: datetime) -> Iterator[Button]:
    if not may_act(team_side(alert), reader.name):
        return
    shown = shown_word(at)
    if alert.closed_at is not None:
        yield button("staff.do.reopen", tap(alert, "reopen"))
        return
    if alert.owner is None:
        yield button("staff.do.take", tap(alert, "take"), style=Style.SUCCESS)
    if alert.outcome not in {None, ATTEMPT} and alert.owner is not None:
        yield button("staff.do.close", tap(alert, "close"), style=Style.SUCCESS)
        yield button("staff.do.outcome", tap(alert, "outcome", shown))
    else:
        yield button("staff.do.reached", tap(alert, "reached", shown))
        if alert.owner is not None:
            yield button("staff.do.outcome", tap(alert, "outcome", shown))
    yield button("staff.do.hand_over", tap(alert, "hand_over"))


def notice_screen(clinic: Clinic, patient: Patient, alert: AlertRow, key: str) -> Screen:
    """Return the notice of the patient's reply about the call."""
    lines = (head(clinic, patient, alert), Text(key=f"staff.call.{key}"))
    return Screen(name="staff.notice", lines=lines)


def may_change(reader: Staff) -> bool:
    """Return whether a member may see patients and change plans: coordinators and leads may, operators may not."""
    return reader.role in {"coordinator", "lead"}
