"""The other screens of the team: menu, digest, one patient, a change to confirm. They decide nothing."""

from collections.abc import Sequence
from datetime import timedelta

from bot.app.alerts import queue
from bot.app.ports.clinic import Clinic
from bot.app.records.alerts import Task
from bot.app.records.patients import Patient
from bot.app.schedules.plans import is_paused, plan_of
from bot.app.work import Work
from bot.core.protocol import Tier
from bot.core.schedule import week_of
from bot.core.screen import Action, Button, Screen, Style, Text
from bot.dialog.staff_alerts import KIND, clock
from bot.dialog.widgets import button, next_checkin_text, rows

PLAN_KIND = "plan"
"""The kind of action about a patient; `subject` their number, `question` "yes" once it was confirmed."""
MENU_KIND = "team"
"""The kind of action of the team's menu."""
LISTED = 12
"""Alerts, or things beside them, that a message lists: a phone's screen; the console has all."""
WEEK = timedelta(days=7)
EDITS = ("send", "pause7", "pause", "resume", "stop_today", "restart_today", "morning", "noon", "evening")
"""What can be changed in a patient's plan by menu."""


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
    if line.owner is None:
        return Text(key="staff.row.late" if line.overdue else "staff.row.open", values=values)
    return Text(key="staff.row.taken", values=values | {"who": line.owner})


def digest_screen(
    lines: Sequence[queue.AlertLine],
    number: int,
    items: Sequence[Task],
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


def digest_today(work: Work) -> Screen:
    """Open alerts, what else waits, and how many check-ins of the last seven days were answered."""
    asked, answered = work.reports.completion(work.at - WEEK, work.at)
    lines = queue.queue(work, limit=LISTED)
    return digest_screen(lines, queue.count(work), work.tasks.open(), work.clinic, answered=answered, asked=asked)


def patient_screen(work: Work, patient: Patient) -> Screen:
    """One patient in a few lines, by study code, and what can be changed."""
    waiting = [a for a in work.alerts.of_patient(patient.id, limit=queue.LOOKED_BACK) if a.closed_at is None]
    state = "paused" if is_paused(patient, work.clinic, work.at) else str(patient.state)
    lines = [
        Text(
            key="staff.patient",
            values={
                "code": patient.code,
                "week": week_of(plan_of(patient, work.clinic), work.at),
                "state": Text(key=f"staff.state.{state}"),
                "plan": patient.plan,
            },
        ),
        Text(key="staff.open_alerts", values={"n": len(waiting)}),
    ]
    if patient.unreachable_at is not None:
        lines.append(Text(key="staff.unreachable"))
    following = next_checkin_text(patient.next_due_at, patient.timezone or work.clinic.timezone)
    lines.append(following or Text(key="staff.no_next"))
    made = [
        Button(
            label=Text(
                key="staff.row.open",
                values={
                    "tier": Text(key=f"staff.tier.{Tier(a.tier).name}"),
                    "code": patient.code,
                    "time": clock(work.clinic, a.raised_at),
                },
            ),
            action=Action(kind=KIND, subject=a.id, choice="open"),
        )
        for a in waiting[:LISTED]
    ]
    made += [button(f"staff.plan.{word}", Action(kind=PLAN_KIND, subject=patient.id, choice=word)) for word in EDITS]
    return Screen(name="staff.patient", lines=tuple(lines), rows=rows(made))


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
