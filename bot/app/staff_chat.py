"""The team's own chats with the bot: alerts with buttons, patients by study code, plan changes by menu.

The rules are those of the shell and the console: all three call the same use cases.
"""

from collections.abc import Callable
from datetime import datetime, time, timedelta
from typing import cast, get_args
from zoneinfo import ZoneInfo

from bot.app import alert_work, checkins, digest, duty, patients, plan_edits, queue, team
from bot.app.lookup import RefusedError
from bot.app.plan_edits import PlanEdit
from bot.app.ports import Clinic, Meant, Outcome
from bot.app.staff_screens import (
    EDITS,
    KIND,
    LISTED,
    MENU_KIND,
    PLAN_KIND,
    confirm_screen,
    hand_over_screen,
    may_change,
    menu_screen,
    outcome_screen,
    patient_screen,
)
from bot.app.store import AlertRow, Audit, Lane, Patient, Store
from bot.app.store import Outcome as AlertOutcome
from bot.app.team_store import Staff
from bot.core.rota import on_duty
from bot.core.screen import Action, Screen, Text

_OUTCOMES = frozenset(get_args(AlertOutcome))
_TIMES = {"morning": time(10), "noon": time(13), "evening": time(18)}


def opened(store: Store, clinic: Clinic, token: str, chat_id: int, at: datetime) -> Outcome | None:
    """Someone of the team opens their link: welcome them, and set going what waited for someone. None: no such link."""
    person = team.joined(store, clinic, token, chat_id, at)
    if person is None:
        return None
    lines = (Text(key="staff.welcome", values={"who": person.name, "clinic": clinic.team_name}),)
    _say(store, person, Screen(name="staff.welcome", lines=lines, keyboard="remove"), at)
    duty.resume_open(store, at)
    return menu(store, clinic, person, at)


def menu(store: Store, clinic: Clinic, person: Staff, at: datetime) -> Outcome:
    """The open alerts, worst first, and what else waits."""
    screen = menu_screen(
        queue.queue(store, clinic, at, limit=LISTED), queue.count(store), len(store.work_items()), clinic
    )
    _say(store, person, screen, at)
    return Outcome(language=person.language)


def said(store: Store, clinic: Clinic, person: Staff, meant: Meant, at: datetime) -> Outcome:
    """A study code shows that patient to those who care for them; anything else the menu."""
    if not may_change(person):
        return menu(store, clinic, person, at)
    patient = store.patient_by_code(meant.code) if meant.kind == "code" else None
    if patient is not None:
        return _patient(store, clinic, person, patient, at)
    if meant.kind == "code":
        _say_line(store, person, Text(key="staff.no_patient", values={"code": meant.code}), at)
        return Outcome(language=person.language)
    return menu(store, clinic, person, at)


def tapped(store: Store, clinic: Clinic, person: Staff, action: Action, at: datetime) -> Outcome:
    """Work off a tapped button; one that means nothing any more shows the menu."""
    doors: dict[str, Callable[[Store, Clinic, Staff, Action, datetime], Outcome | None]] = {
        KIND: _alert_tapped,
        PLAN_KIND: _plan_tapped,
        MENU_KIND: _menu_tapped,
    }
    door = doors.get(action.kind)
    try:
        outcome = door(store, clinic, person, action, at) if door is not None else None
    except RefusedError:
        outcome = None
    if outcome is not None:
        return outcome
    menu(store, clinic, person, at)
    return Outcome(toast=Text(key="staff.toast.gone"), language=person.language)


def unreachable(store: Store, person: Staff, at: datetime, *, reachable: bool) -> None:
    """Someone of the team blocked the bot, or is back: who can't be told is passed over."""
    if reachable == (person.unreachable_at is None):
        return
    store.save_staff(person.model_copy(update={"unreachable_at": None if reachable else at}))
    action = "staff_reachable" if reachable else "staff_unreachable"
    store.audit(Audit(at=at, actor="system", action=action, subject=person.name))
    if reachable:
        duty.resume_open(store, at)
    else:
        duty.passed_over(store, person.name, at)


# -- alerts


def _alert_tapped(store: Store, clinic: Clinic, person: Staff, action: Action, at: datetime) -> Outcome | None:
    found = store.alert(action.subject)
    patient = store.patient(found.patient_id, lock=True) if found is not None else None
    alert = store.alert(action.subject) if patient is not None else None
    if patient is None or alert is None:
        return None
    word = action.choice
    if word in {"open", "back"}:
        moved = _moved_on(store, alert, person)
        duty.show(store, clinic, patient, moved, person, at, edit=word == "back")
        return Outcome(language=person.language)
    if not _is_theirs(alert, person):
        duty.show(store, clinic, patient, alert, person, at)
        return Outcome(toast=_taken(alert, clinic), language=person.language, urgent=True)
    if word in {"outcome", "hand_over"}:
        return _submenu(store, clinic, person, patient, alert, word, at)
    return _worked(store, clinic, person, alert, word, at)


def _is_theirs(alert: AlertRow, person: Staff) -> bool:
    """Whether they may work on it: nobody has it, they have it, or they closed it."""
    return (alert.closed_by if alert.closed_at is not None else alert.taken_by) in {None, person.name}


def _taken(alert: AlertRow, clinic: Clinic) -> Text:
    moment = (alert.closed_at or alert.taken_at or alert.raised_at).astimezone(ZoneInfo(clinic.timezone))
    values: dict[str, str | int | Text] = {
        "who": alert.closed_by or alert.taken_by or "",
        "time": f"{moment:%H:%M}",
    }
    return Text(key="staff.toast.closed" if alert.closed_at is not None else "staff.taken", values=values)


def _submenu(
    store: Store, clinic: Clinic, person: Staff, patient: Patient, alert: AlertRow, word: str, at: datetime
) -> Outcome:
    moved = _moved_on(store, alert, person)
    if word == "outcome":
        screen = outcome_screen(clinic, patient, moved)
    else:
        first = on_duty(team.rota_of(store, clinic, at), at)
        others = [p for p in store.staff() if p.can_be_told and p.id != person.id]
        others.sort(key=lambda p: (p.name not in first, p.role == "operator", p.name))
        screen = hand_over_screen(clinic, patient, moved, others)
    duty.say(
        store,
        person,
        screen,
        at,
        slot=f"staff-alert:{alert.id}",
        edit=True,
        revision=moved.work_revision,
        lane=Lane.REPLY,
    )
    return Outcome(language=person.language)


def _moved_on(store: Store, alert: AlertRow, person: Staff) -> AlertRow:
    """The message shows something else now, and shows what comes of the alert from now on."""
    told = alert.told if person.name in alert.told else (*alert.told, person.name)
    moved = alert.model_copy(update={"work_revision": alert.work_revision + 1, "told": told})
    return store.save_alert(moved)


def _worked(store: Store, clinic: Clinic, person: Staff, alert: AlertRow, word: str, at: datetime) -> Outcome | None:
    by = person.name
    if word == "take":
        alert_work.take(store, clinic, alert.id, by, at)
    elif word == "close":
        alert_work.close(store, clinic, alert.id, by, at)
    elif word == "reopen":
        alert_work.reopen(store, clinic, alert.id, by, at)
    elif word == "reached" or word in _OUTCOMES:
        outcome = "spoke_to_patient" if word == "reached" else word
        alert_work.note(store, clinic, alert.id, cast("AlertOutcome", outcome), by, at)
    elif word.startswith("to"):
        other = next((p for p in store.staff() if f"to{p.id}" == word and p.can_be_told), None)
        if other is None:
            return None
        alert_work.assign(store, clinic, alert.id, other.name, by, at)
    else:
        return None
    return Outcome(toast=Text(key="toast.noted"), language=person.language)


# -- patients and their plans


def _menu_tapped(store: Store, clinic: Clinic, person: Staff, action: Action, at: datetime) -> Outcome | None:
    if action.choice != "digest":
        return None
    digest.show(store, clinic, person, at)
    return Outcome(language=person.language)


def _patient(store: Store, clinic: Clinic, person: Staff, patient: Patient, at: datetime) -> Outcome:
    store.audit(Audit(at=at, actor=person.name, action="patient_looked_up", subject=patient.code))
    _say(store, person, patient_screen(store, clinic, patient, at), at)
    return Outcome(language=person.language)


def _plan_tapped(store: Store, clinic: Clinic, person: Staff, action: Action, at: datetime) -> Outcome | None:
    patient = store.patient(action.subject, lock=True)
    if patient is None or not may_change(person):
        return None
    if action.choice == "open":
        return _patient(store, clinic, person, patient, at)
    if action.choice not in EDITS:
        return None
    try:
        if action.question == "yes":
            _change(store, clinic, person, patient, action.choice, at)
            _say_line(store, person, Text(key="staff.changed", values={"code": patient.code}), at)
            return Outcome(toast=Text(key="toast.noted"), language=person.language)
        effect = _effect(store, clinic, patient, action.choice, at)
    except RefusedError as error:
        _say_line(store, person, Text(key="staff.refused", values={"why": str(error)}), at)
        return Outcome(language=person.language)
    _say(store, person, confirm_screen(patient, action.choice, effect), at)
    return Outcome(language=person.language)


def _edit(clinic: Clinic, patient: Patient, word: str, at: datetime) -> PlanEdit | None:
    today = at.astimezone(ZoneInfo(patient.timezone or clinic.timezone)).date()
    if word == "stop_today":
        return PlanEdit(ici_stop=today)
    if word == "restart_today":
        return PlanEdit(ici_restart=today)
    return PlanEdit(send_time=_TIMES[word]) if word in _TIMES else None


def _effect(store: Store, clinic: Clinic, patient: Patient, word: str, at: datetime) -> Text | None:
    """How many messages of the next 14 days change; RefusedError when it can't be done."""
    edit = _edit(clinic, patient, word, at)
    if edit is None:
        return None
    marks = [message.mark for message in plan_edits.preview(store, clinic, patient.code, edit, at).messages]
    values: dict[str, str | int | Text] = {mark: marks.count(mark) for mark in ("new", "moved", "gone")}
    return Text(key="staff.effect", values=values)


def _change(store: Store, clinic: Clinic, person: Staff, patient: Patient, word: str, at: datetime) -> None:
    edit = _edit(clinic, patient, word, at)
    if edit is not None:
        plan_edits.apply(store, clinic, patient.code, edit, person.name, at)
    elif word == "send":
        if checkins.send_now(store, clinic, patient, at, by=person.name) is None:
            raise RefusedError(f"{patient.code} is {patient.state}: not active in a chat")
    elif word == "resume":
        patients.resume_for(store, clinic, patient.code, at, by=person.name)
    else:
        today = at.astimezone(ZoneInfo(patient.timezone or clinic.timezone)).date()
        until = today + timedelta(days=6) if word == "pause7" else None
        patients.pause(store, clinic, patient.code, until, at, by=person.name)


def _say(store: Store, person: Staff, screen: Screen, at: datetime) -> None:
    duty.say(store, person, screen, at, slot=screen.name, lane=Lane.REPLY)


def _say_line(store: Store, person: Staff, line: Text, at: datetime) -> None:
    _say(store, person, Screen(name="staff.line", lines=(line,)), at)
