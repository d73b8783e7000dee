"""Builds the team's other screens: menu, digest, one patient, confirmation of a change. Decides nothing."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from bot.app.alerts import queue
from bot.app.ports.clinic import Clinic
from bot.app.records.alerts import Task
from bot.app.records.patients import Patient
from bot.app.schedules.plans import is_paused, plan_of
from bot.app.work import Work
from bot.core.protocol import Tier
from bot.core.schedule import week_of
from bot.core.screen import Action, Button, Screen, Style, Text
from bot.core.treatment import StopReason
from bot.dialog.staff_alerts import KIND
from bot.dialog.staff_times import local_time
from bot.dialog.widgets import button, next_checkin_text, rows

PLAN_KIND = "plan"
"""The kind of action on a patient; `subject` is their number, `question` "yes" once confirmed."""
MENU_KIND = "team"
"""The kind of action of the team's menu."""
LISTED = 12
"""Alerts or tasks in one message at most, to fit a phone; the console has all."""
WEEK = timedelta(days=7)
EDITS = ("send", "pause7", "pause", "resume", "stop_today", "restart_today", "morning", "noon", "evening")
"""The changes of a patient's plan that the menu offers."""
STOPS = {f"stop_{reason}": reason for reason in StopReason}
"""The changes that "immunotherapy stopped today" offers, by reason."""


# -- the menu, the digest, a patient


def menu_screen(lines: Sequence[queue.AlertLine], number: int, tasks: int, clinic: Clinic, at: datetime) -> Screen:
    """Return the menu: open alerts as buttons, most urgent first, the number of tasks, and how to look up a patient."""
    text = [Text(key="staff.menu", values={"n": number})]
    if tasks:
        text.append(Text(key="staff.others", values={"n": tasks}))
    text.append(Text(key="staff.type_code"))
    made = [
        Button(label=_alert_label(line, clinic, at), action=Action(kind=KIND, subject=line.id, choice="open"))
        for line in lines[:LISTED]
    ]
    made.append(button("staff.do.digest", Action(kind=MENU_KIND, choice="digest")))
    return Screen(name="staff.menu", lines=tuple(text), rows=rows(made))


def _alert_label(line: queue.AlertLine, clinic: Clinic, at: datetime) -> Text:
    """Return an alert in one line; one of another day than `at` has its date."""
    values: dict[str, str | int | Text] = {
        "tier": Text(key=f"staff.tier.{line.tier}"),
        "code": line.code,
        "time": local_time(clinic, at, line.raised_at),
    }
    if line.owner is None:
        return Text(key="staff.row.late" if line.overdue else "staff.row.open", values=values)
    return Text(key="staff.row.taken", values=values | {"who": line.owner})


def digest_screen(
    lines: Sequence[queue.AlertLine],
    number: int,
    tasks: Sequence[Task],
    clinic: Clinic,
    at: datetime,
    *,
    answered: int,
    asked: int,
) -> Screen:
    """Return the digest: open alerts, open tasks, and how many check-ins were answered."""
    text = [Text(key="staff.digest", values={"n": number})]
    text += [_alert_label(line, clinic, at) for line in lines[:LISTED]]
    if number > LISTED:
        text.append(Text(key="staff.more", values={"n": number - LISTED}))
    text += [Text(key=f"staff.item.{task.kind}", values={"subject": task.subject}) for task in tasks[:LISTED]]
    if len(tasks) > LISTED:
        text.append(Text(key="staff.more", values={"n": len(tasks) - LISTED}))
    if asked:
        text.append(Text(key="staff.completion", values={"answered": answered, "asked": asked}))
    return Screen(name="staff.digest", lines=tuple(text))


def digest_today(work: Work) -> Screen:
    """Return the digest of `work.at`, with the check-ins of the last seven days."""
    asked, answered = work.reports.completion(work.at - WEEK, work.at)
    lines = queue.queue(work, limit=LISTED)
    return digest_screen(
        lines, queue.count_open(work), work.tasks.open(), work.clinic, work.at, answered=answered, asked=asked
    )


def patient_screen(work: Work, patient: Patient) -> Screen:
    """Return one patient in a few lines, by study code, with the changes that can be made."""
    waiting = work.alerts.open_of(patient.id)
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
                    "time": local_time(work.clinic, work.at, a.raised_at),
                },
            ),
            action=Action(kind=KIND, subject=a.id, choice="open"),
        )
        for a in waiting[:LISTED]
    ]
    made += [button(f"staff.plan.{word}", Action(kind=PLAN_KIND, subject=patient.id, choice=word)) for word in EDITS]
    return Screen(name="staff.patient", lines=tuple(lines), rows=rows(made))


def confirm_screen(patient: Patient, word: str, effect: Text | None) -> Screen:
    """Return the question whether to make a change, with its effect if known; of a stop, also for what reason."""
    asked = Text(key=f"staff.plan.{word}")
    lines = (Text(key="staff.sure", values={"code": patient.code, "what": asked}), *((effect,) if effect else ()))
    agreed = {f"staff.plan.{stop}": stop for stop in STOPS} if word == "stop_today" else {"staff.yes": word}
    made = [
        button(key, Action(kind=PLAN_KIND, subject=patient.id, question="yes", choice=choice), style=Style.SUCCESS)
        for key, choice in agreed.items()
    ]
    made.append(button("staff.no", Action(kind=PLAN_KIND, subject=patient.id, choice="open")))
    return Screen(name="staff.sure", lines=lines, rows=rows(made))
