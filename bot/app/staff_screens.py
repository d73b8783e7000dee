"""What the team sees in its chats: code and tier, never answers unless the clinic switched that on. Decides nothing."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from bot.app import queue, snoozes
from bot.app.plans import is_paused, plan_of
from bot.app.ports import Clinic
from bot.app.screens import button, next_checkin_text, rows
from bot.app.store import AlertRow, AlertState, Patient, Store, WorkItem
from bot.app.team_store import Staff
from bot.core.escalation import Stage
from bot.core.protocol import Tier
from bot.core.schedule import week_of
from bot.core.screen import Action, Button, Screen, Style, Text

KIND = "staff"
"""The kind of action of an alert's buttons; `subject` its number, `choice` the word tapped."""
PLAN_KIND = "plan"
"""The kind of action about a patient; `subject` their number, `question` "yes" once it was confirmed."""
MENU_KIND = "team"
"""The kind of action of the team's menu."""
OUTCOMES: tuple[str, ...] = (
    *("spoke_to_patient", "sent_to_ed", "told_oncologist"),
    *("drug_held", "no_action", "not_reached"),
)
LISTED = 12
"""Alerts, or things beside them, that a message lists: a phone's screen; the console has all."""
EDITS = ("send", "pause7", "pause", "resume", "stop_today", "restart_today", "morning", "noon", "evening")
"""What can be changed in a patient's plan by menu."""


def clock(clinic: Clinic, at: datetime) -> str:
    """ "10:42", in the clinic's own time."""
    return f"{at.astimezone(ZoneInfo(clinic.timezone)):%H:%M}"


def head(clinic: Clinic, patient: Patient, alert: AlertRow) -> Text:
    """ "🔴 EMERGENCY · P-0017 · 10:42 · week 5": all that a lock screen may show."""
    return Text(
        key="staff.head",
        values={
            "tier": Text(key=f"staff.tier.{alert.tier.name}"),
            "code": patient.code,
            "time": clock(clinic, alert.raised_at),
            "week": week_of(plan_of(patient, clinic), alert.raised_at),
        },
    )


def alert_screen(
    store: Store, clinic: Clinic, patient: Patient, alert: AlertRow, reader: Staff, at: datetime
) -> Screen:
    """An alert as it stands for one reader: whose it is, what the patient said of a call, and what can be done."""
    lines = [head(clinic, patient, alert), *_facts(store, clinic, patient, alert, at), _whose(clinic, alert, reader)]
    made = [*_buttons(alert, reader), *_to_console(clinic, patient, reader)]
    return Screen(name="staff.alert", lines=tuple(lines), rows=rows(made))


def _facts(store: Store, clinic: Clinic, patient: Patient, alert: AlertRow, at: datetime) -> Iterator[Text]:
    before = sum(1 for other in store.alerts(patient.id, limit=queue.LOOKED_BACK) if other.id < alert.id)
    yield Text(key="staff.before", values={"n": before}) if before else Text(key="staff.first")
    if clinic.staff_answers:
        said = queue.line(store, clinic, alert, at).said
        yield Text(key="staff.said", values={"said": said})
    yield from _expecting(store, clinic, alert, at)
    yield Text(key=_call(alert))
    if alert.declared is not None:
        yield Text(key=f"staff.{alert.declared}")
    if alert.mistake_at is not None:
        yield Text(key="staff.mistake")


def _expecting(store: Store, clinic: Clinic, alert: AlertRow, at: datetime) -> Iterator[Text]:
    """That something is expected stands on each alert; what, only where the clinic lets answers be said."""
    found = snoozes.active(store, alert.patient_id, at)
    if alert.expected:
        yield Text(key="staff.expected")
    elif found and not clinic.staff_answers:
        yield Text(key="staff.expecting", values={"n": len(found)})
    if clinic.staff_answers:
        yield from (Text(key="staff.expecting_what", values={"what": snoozes.said(row)}) for row in found)


def _call(alert: AlertRow) -> str:
    if alert.last_reply in {"called", "reached"}:
        return "staff.call.confirmed"
    if alert.last_reply in {"cannot_reach", "cannot_call"}:
        return f"staff.call.{alert.last_reply}"
    return "staff.call.unconfirmed" if alert.state is AlertState.UNCONFIRMED else "staff.call.open"


def _whose(clinic: Clinic, alert: AlertRow, reader: Staff) -> Text:
    if alert.closed_at is not None:
        outcome = Text(key=f"staff.outcome.{alert.outcome}")
        return Text(key="staff.closed", values={"who": alert.closed_by or "", "outcome": outcome})
    if alert.taken_by is not None:
        since = clock(clinic, alert.taken_at or alert.raised_at)
        mine = alert.taken_by == reader.name
        noted: dict[str, str | int | Text] = {"time": since}
        if not mine:
            noted["who"] = alert.taken_by
        if mine and alert.outcome is not None:
            return Text(key="staff.noted", values={"outcome": Text(key=f"staff.outcome.{alert.outcome}")})
        return Text(key="staff.yours" if mine else "staff.taken", values=noted)
    if alert.staff_step_at is None or alert.stages > Stage.EVERYONE:
        return Text(key="staff.anyones")
    return Text(key="staff.until", values={"time": _when(clinic, alert.raised_at, alert.staff_step_at)})


def _when(clinic: Clinic, since: datetime, moment: datetime) -> str:
    """The time of day; with the date once that is another one."""
    zone = ZoneInfo(clinic.timezone)
    local = moment.astimezone(zone)
    same_day = local.date() == since.astimezone(zone).date()
    return f"{local:%H:%M}" if same_day else f"{local:%Y-%m-%d %H:%M}"


def tap(alert: AlertRow, word: str) -> Action:
    """A button of an alert in a chat of the team."""
    return Action(kind=KIND, subject=alert.id, revision=alert.work_revision, choice=word)


def _to_console(clinic: Clinic, patient: Patient, reader: Staff) -> Iterator[Button]:
    """The way into the console, where it can be reached from a phone."""
    if clinic.console_url is not None:
        page = f"/patients/{patient.code}" if may_change(reader) else ""
        yield Button(label=Text(key="staff.do.console"), url=f"{clinic.console_url}/console{page}")


def _buttons(alert: AlertRow, reader: Staff) -> Iterator[Button]:
    if alert.closed_at is not None:
        if alert.closed_by == reader.name:
            yield button("staff.do.reopen", tap(alert, "reopen"))
        return
    if alert.taken_by is None:
        yield button("staff.do.take", tap(alert, "take"), style=Style.SUCCESS)
    elif alert.taken_by != reader.name:
        return
    if alert.outcome is not None and alert.taken_by is not None:
        yield button("staff.do.close", tap(alert, "close"), style=Style.SUCCESS)
        yield button("staff.do.outcome", tap(alert, "outcome"))
    else:
        yield button("staff.do.reached", tap(alert, "reached"))
        if alert.taken_by is not None:
            yield button("staff.do.outcome", tap(alert, "outcome"))
    yield button("staff.do.hand_over", tap(alert, "hand_over"))


def outcome_screen(clinic: Clinic, patient: Patient, alert: AlertRow) -> Screen:
    """What came of it: the fixed list."""
    made = [button(f"staff.outcome.{word}", tap(alert, word)) for word in OUTCOMES]
    made.append(button("staff.back", tap(alert, "back")))
    lines = (head(clinic, patient, alert), Text(key="staff.which_outcome"))
    return Screen(name="staff.outcomes", lines=lines, rows=rows(made))


def hand_over_screen(clinic: Clinic, patient: Patient, alert: AlertRow, others: Sequence[Staff]) -> Screen:
    """Who has it from now on."""
    made = [
        Button(label=Text(key="staff.name", values={"who": person.name}), action=tap(alert, f"to{person.id}"))
        for person in others
    ]
    made.append(button("staff.back", tap(alert, "back")))
    key = "staff.to_whom" if others else "staff.nobody_else"
    return Screen(name="staff.hand_over", lines=(head(clinic, patient, alert), Text(key=key)), rows=rows(made))


def notice_screen(clinic: Clinic, patient: Patient, alert: AlertRow, key: str) -> Screen:
    """What the patient has just said about the call."""
    lines = (head(clinic, patient, alert), Text(key=f"staff.call.{key}"))
    return Screen(name="staff.notice", lines=lines)


# -- the menu, the digest, a patient


def menu_screen(lines: Sequence[queue.AlertLine], number: int, others: int, clinic: Clinic) -> Screen:
    """The open alerts as buttons, worst first; what else waits; how to look a patient up."""
    text = [Text(key="staff.menu", values={"n": number})]
    if others:
        text.append(Text(key="staff.others", values={"n": others}))
    text.append(Text(key="staff.type_code"))
    made = [
        Button(label=_alert_label(line, clinic), action=Action(kind=KIND, subject=line.id, choice="open"))
        for line in lines[:LISTED]
    ]
    made.append(button("staff.do.digest", Action(kind=MENU_KIND, choice="digest")))
    return Screen(name="staff.menu", lines=tuple(text), rows=rows(made))


def _alert_label(line: queue.AlertLine, clinic: Clinic) -> Text:
    values: dict[str, str | int | Text] = {
        "tier": Text(key=f"staff.tier.{line.tier}"),
        "code": line.code,
        "time": clock(clinic, line.raised_at),
    }
    if line.taken_by is None:
        return Text(key="staff.row.late" if line.overdue else "staff.row.open", values=values)
    return Text(key="staff.row.taken", values=values | {"who": line.taken_by})


def digest_screen(
    lines: Sequence[queue.AlertLine],
    number: int,
    items: Sequence[WorkItem],
    clinic: Clinic,
    *,
    answered: int,
    asked: int,
) -> Screen:
    """The morning's list: open alerts, who was not heard from, who can't be reached, how many answered this week."""
    text = [Text(key="staff.digest", values={"n": number})]
    text += [_alert_label(line, clinic) for line in lines[:LISTED]]
    if number > LISTED:
        text.append(Text(key="staff.more", values={"n": number - LISTED}))
    text += [Text(key=f"staff.item.{item.kind}", values={"subject": item.subject}) for item in items[:LISTED]]
    if len(items) > LISTED:
        text.append(Text(key="staff.more", values={"n": len(items) - LISTED}))
    if asked:
        text.append(Text(key="staff.completion", values={"answered": answered, "asked": asked}))
    return Screen(name="staff.digest", lines=tuple(text))


def patient_screen(store: Store, clinic: Clinic, patient: Patient, at: datetime) -> Screen:
    """One patient in a few lines, by study code, and what can be changed."""
    waiting = [a for a in store.alerts(patient.id, limit=queue.LOOKED_BACK) if a.closed_at is None]
    state = "paused" if is_paused(patient, clinic, at) else str(patient.state)
    lines = [
        Text(
            key="staff.patient",
            values={
                "code": patient.code,
                "week": week_of(plan_of(patient, clinic), at),
                "state": Text(key=f"staff.state.{state}"),
                "plan": patient.plan,
            },
        ),
        Text(key="staff.open_alerts", values={"n": len(waiting)}),
    ]
    if patient.unreachable_at is not None:
        lines.append(Text(key="staff.unreachable"))
    following = next_checkin_text(patient.next_due_at, patient.timezone or clinic.timezone)
    lines.append(following or Text(key="staff.no_next"))
    made = [
        Button(
            label=Text(
                key="staff.row.open",
                values={
                    "tier": Text(key=f"staff.tier.{Tier(a.tier).name}"),
                    "code": patient.code,
                    "time": clock(clinic, a.raised_at),
                },
            ),
            action=Action(kind=KIND, subject=a.id, choice="open"),
        )
        for a in waiting[:LISTED]
    ]
    made += [button(f"staff.plan.{word}", Action(kind=PLAN_KIND, subject=patient.id, choice=word)) for word in EDITS]
    return Screen(name="staff.patient", lines=tuple(lines), rows=rows(made))


def may_change(reader: Staff) -> bool:
    """Coordinators and leads see patients and change plans; an operator keeps the bot running."""
    return reader.role in {"coordinator", "lead"}


def confirm_screen(patient: Patient, word: str, effect: Text | None) -> Screen:
    """What is about to change, before it does."""
    asked = Text(key=f"staff.plan.{word}")
    lines = (Text(key="staff.sure", values={"code": patient.code, "what": asked}), *((effect,) if effect else ()))
    made = [
        button(
            "staff.yes", Action(kind=PLAN_KIND, subject=patient.id, question="yes", choice=word), style=Style.SUCCESS
        ),
        button("staff.no", Action(kind=PLAN_KIND, subject=patient.id, choice="open")),
    ]
    return Screen(name="staff.sure", lines=lines, rows=rows(made))
