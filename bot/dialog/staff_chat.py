"""Handles updates from the team's chats: alerts, patients by study code, plan changes. Makes no rules of its own.

The shell and the console call the same use cases, so the same rules apply there.
"""

from collections.abc import Callable
from datetime import datetime, time, timedelta
from typing import Literal, cast, get_args
from zoneinfo import ZoneInfo

from bot.app.alerts import escalation, ownership, queue
from bot.app.alerts.writer import act_on, team_side
from bot.app.chat_roles import answers_for_another
from bot.app.checkins import opening
from bot.app.patients import participation
from bot.app.ports.clinic import Clinic
from bot.app.ports.errors import NeedsContactError, RefusedError
from bot.app.records.alerts import CONTACT, FORMER_OUTCOMES, NO_ACTION, AlertOutcome, AlertRow, outcomes_for
from bot.app.records.messages import Lane
from bot.app.records.patients import Patient
from bot.app.records.team import Staff
from bot.app.schedules import plan_edits
from bot.app.schedules.plan_edits import PlanEdit
from bot.app.team import members
from bot.app.work import Work
from bot.core.alert import Follow, Refused, may_act
from bot.core.rota import on_call
from bot.core.screen import Action, Screen, Text
from bot.dialog import former_chats, staff_levels
from bot.dialog.notices import show_alert
from bot.dialog.post import post_staff
from bot.dialog.replies import Meaning, TapResult
from bot.dialog.staff_alert_menus import (
    CONFIRMED,
    NO_ACTION_WORDS,
    hand_over_screen,
    no_action_screen,
    out_of_care_screen,
    outcome_screen,
)
from bot.dialog.staff_alerts import KIND, may_change
from bot.dialog.staff_levels import LEVEL_KIND, levels_button
from bot.dialog.staff_screens import (
    EDITS,
    LISTED,
    MENU_KIND,
    PLAN_KIND,
    STOPS,
    confirm_screen,
    digest_today,
    menu_screen,
    patient_screen,
)
from bot.dialog.staff_times import shown_time
from bot.dialog.widgets import numbers

KINDS = frozenset({KIND, PLAN_KIND, MENU_KIND, LEVEL_KIND})
"""The kinds of action that `tapped` handles: they are the team's, also in a chat that is a patient's, too."""
_OUTCOMES = frozenset(get_args(AlertOutcome))
_OTHER_WORDS = {"reached": "spoke_to_patient", CONFIRMED: "out_of_care", **dict.fromkeys(NO_ACTION_WORDS, NO_ACTION)}
"""Words of buttons that note an outcome."""
_TIMES = {"morning": time(10), "noon": time(13), "evening": time(18)}


def opened(work: Work, token: str, chat_id: int) -> TapResult | None:
    """Welcome a member who opens their link, and resume waiting alerts; return None if the link is not valid there."""
    person = members.join(work, token, chat_id)
    if person is None:
        return None
    lines = (Text(key="staff.welcome", values={"who": person.name, "clinic": work.clinic.team_name}),)
    keyboard: Literal["remove"] | None = None if answers_for_another(work, chat_id) else "remove"
    _post_screen(work, person, Screen(name="staff.welcome", lines=lines, keyboard=keyboard))
    escalation.resume_open(work)
    return menu(work, person)


def menu(work: Work, person: Staff, *below: Text) -> TapResult:
    """Show the open alerts, most urgent first, and the number of open tasks; lines `below` them."""
    screen = menu_screen(
        queue.queue(work, limit=LISTED), queue.count_open(work), len(work.tasks.open()), work.clinic, work.at
    )
    _post_screen(work, person, screen.model_copy(update={"lines": (*screen.lines, *below)}))
    return TapResult(language=person.language)


def message(work: Work, person: Staff, meaning: Meaning) -> TapResult:
    """Answer a typed study code with that patient, if the member may see patients; anything else with the menu.

    Both come with the numbers to call, which the member may need. For words that name a sign they come first.
    """
    shown = Text(key="said.staff", values=numbers(work.clinic))
    if meaning.kind in {"red_flag", "despair"}:
        post_staff(work, person, Screen(name="said", lines=(shown,)), slot="said", lane=Lane.REPLY)
        return menu(work, person)
    if not may_change(person):
        return menu(work, person, shown)
    patient = work.patients.by_code(meaning.code) if meaning.kind == "code" else None
    if patient is not None:
        return _patient(work, person, patient)
    if meaning.kind == "code":
        _post_line(work, person, Text(key="staff.no_patient", values={"code": meaning.code}))
        return TapResult(language=person.language)
    return menu(work, person, shown)


def tapped(work: Work, person: Staff, action: Action) -> TapResult:
    """Handle a tap; show the menu if the button has no effect any more, or the numbers if it is a patient's red one."""
    handlers: dict[str, Callable[[Work, Staff, Action], TapResult | None]] = {
        KIND: _alert_tapped,
        PLAN_KIND: _plan_tapped,
        MENU_KIND: _menu_tapped,
        LEVEL_KIND: staff_levels.tapped,
    }
    handler = handlers.get(action.kind)
    try:
        outcome = handler(work, person, action) if handler is not None else None
    except NeedsContactError:
        outcome = _show_again(work, person, action)
    except RefusedError:
        outcome = None
    if handler is None and person.chat_id is not None:
        outcome = former_chats.tapped(work, person.chat_id, action, person.language)
    if outcome is not None:
        return outcome
    menu(work, person)
    return TapResult(toast=Text(key="staff.toast.gone"), language=person.language)


def _show_again(work: Work, person: Staff, action: Action) -> TapResult | None:
    """Say that an alert needs contact with the patient before it can be closed, and show it again."""
    alert = work.alerts.get(action.subject)
    patient = work.patients.get(alert.patient_id) if alert is not None else None
    if alert is None or patient is None:
        return None
    show_alert(work, patient, alert, person, edit=True)
    return TapResult(toast=Text(key="staff.toast.needs_contact"), language=person.language, urgent=True)


# -- alerts


def _alert_tapped(work: Work, person: Staff, action: Action) -> TapResult | None:
    found = work.alerts.get(action.subject)
    patient = work.patients.get(found.patient_id, lock=True) if found is not None else None
    alert = work.alerts.get(action.subject) if patient is not None else None
    if patient is None or alert is None:
        return None
    word = action.choice
    if word in {"open", "back"}:
        shown = _follow(work, alert, person)
        show_alert(work, patient, shown, person, edit=word == "back")
        return TapResult(language=person.language)
    if not may_act(team_side(alert), person.name):
        show_alert(work, patient, alert, person, edit=True)
        return TapResult(toast=_owner_toast(alert, work.clinic), language=person.language, urgent=True)
    if word in {"outcome", "hand_over", "out_of_care"} or (word == NO_ACTION and NO_ACTION in outcomes_for(alert.tier)):
        return _submenu(work, person, patient, alert, action)
    return _act(work, person, alert, action)


def _owner_toast(alert: AlertRow, clinic: Clinic) -> Text:
    timestamp = (alert.closed_at or alert.acknowledged_at or alert.raised_at).astimezone(ZoneInfo(clinic.timezone))
    values: dict[str, str | int | Text] = {
        "who": alert.closed_by or alert.owner or "",
        "time": f"{timestamp:%H:%M}",
    }
    return Text(key="staff.toast.closed" if alert.closed_at is not None else "staff.taken", values=values)


def _submenu(work: Work, person: Staff, patient: Patient, alert: AlertRow, action: Action) -> TapResult:
    moved = _follow(work, alert, person)
    if action.choice == "outcome":
        screen = outcome_screen(work.clinic, patient, moved, action.question)
    elif action.choice == "out_of_care":
        screen = out_of_care_screen(work.clinic, patient, moved, action.question)
    elif action.choice == NO_ACTION:
        screen = no_action_screen(work.clinic, patient, moved, action.question)
    else:
        first = on_call(members.rota_of(work), work.at)
        others = [p for p in work.staff.all() if p.can_be_notified and p.id != person.id]
        others.sort(key=lambda p: (p.name not in first, p.role == "operator", p.name))
        screen = hand_over_screen(work.clinic, patient, moved, others)
    post_staff(
        work, person, screen, slot=f"staff-alert:{alert.id}", edit=True, revision=moved.work_revision, lane=Lane.REPLY
    )
    return TapResult(language=person.language)


def _follow(work: Work, alert: AlertRow, person: Staff) -> AlertRow:
    """Return the alert with a new message revision, from which on this member's message is updated."""
    moved = act_on(work.alerts, alert, Follow(name=person.name), work.at)
    return alert if isinstance(moved, Refused) else moved


def _act(work: Work, person: Staff, alert: AlertRow, action: Action) -> TapResult | None:
    acting, word = work.acting(person.name), FORMER_OUTCOMES.get(action.choice, action.choice)
    if word == "take":
        ownership.acknowledge(acting, alert.id)
    elif word == "close":
        ownership.close(acting, alert.id)
    elif word == "reopen":
        ownership.reopen(acting, alert.id)
    elif word in _OTHER_WORDS or word in _OUTCOMES:
        outcome = _OTHER_WORDS.get(word, word)
        shown_at, reason = shown_time(action.question), NO_ACTION_WORDS.get(word)
        ownership.note(acting, alert.id, cast("AlertOutcome", outcome), shown_at=shown_at, reason=reason)
    elif word.startswith("to"):
        other = next((p for p in work.staff.all() if f"to{p.id}" == word and p.can_be_notified), None)
        if other is None:
            return None
        ownership.hand_over(acting, alert.id, other.name)
    else:
        return None
    is_contact = _OTHER_WORDS.get(word, word) in CONTACT and may_change(person)
    return TapResult(toast=Text(key="staff.toast.remain" if is_contact else "toast.noted"), language=person.language)


# -- patients and their plans


def _menu_tapped(work: Work, person: Staff, action: Action) -> TapResult | None:
    if action.choice == "menu":
        return menu(work, person)
    if action.choice != "digest":
        return None
    post_staff(work, person, digest_today(work), slot="staff-digest", lane=Lane.REPLY)
    return TapResult(language=person.language)


def _patient(work: Work, person: Staff, patient: Patient) -> TapResult:
    work.acting(person.name).record("patient_looked_up", patient.code)
    screen = patient_screen(work, patient)
    _post_screen(work, person, screen.model_copy(update={"rows": (*screen.rows, (levels_button(patient),))}))
    return TapResult(language=person.language)


def _plan_tapped(work: Work, person: Staff, action: Action) -> TapResult | None:
    patient = work.patients.get(action.subject, lock=True)
    if patient is None or not may_change(person):
        return None
    if action.choice == "open":
        return _patient(work, person, patient)
    if action.choice not in {*EDITS, *STOPS}:
        return None
    try:
        if action.question == "yes":
            _change(work, person, patient, action.choice)
            _post_line(work, person, Text(key="staff.changed", values={"code": patient.code}))
            return TapResult(toast=Text(key="toast.noted"), language=person.language)
        effect = _effect(work, patient, action.choice)
    except RefusedError as error:
        _post_line(work, person, Text(key="staff.refused", values={"why": str(error)}))
        return TapResult(language=person.language)
    _post_screen(work, person, confirm_screen(patient, action.choice, effect))
    return TapResult(language=person.language)


def _edit(clinic: Clinic, patient: Patient, word: str, at: datetime) -> PlanEdit | None:
    today = at.astimezone(ZoneInfo(patient.timezone or clinic.timezone)).date()
    if word == "stop_today" or word in STOPS:
        # A "yes" without a reason comes from a button of the previous version.
        return PlanEdit(ici_stop=today, stop_reason=STOPS.get(word))
    if word == "restart_today":
        return PlanEdit(ici_restart=today)
    return PlanEdit(send_time=_TIMES[word]) if word in _TIMES else None


def _effect(work: Work, patient: Patient, word: str) -> Text | None:
    """Return how many of the next 14 days' messages change; None without a preview. Raise RefusedError if refused."""
    edit = _edit(work.clinic, patient, word, work.at)
    if edit is None:
        return None
    marks = [message.mark for message in plan_edits.preview(work, patient.code, edit).messages]
    values: dict[str, str | int | Text] = {mark: marks.count(mark) for mark in ("new", "moved", "gone")}
    return Text(key="staff.effect", values=values)


def _change(work: Work, person: Staff, patient: Patient, word: str) -> None:
    edit = _edit(work.clinic, patient, word, work.at)
    if edit is not None:
        plan_edits.apply(work.acting(person.name), patient.code, edit)
    elif word == "send":
        if opening.send_now(work.acting(person.name), patient) is None:
            raise RefusedError(f"{patient.code} is {patient.state} or has no chat: nothing was sent")
    elif word == "resume":
        participation.resume_for(work.acting(person.name), patient.code)
    else:
        today = work.at.astimezone(ZoneInfo(patient.timezone or work.clinic.timezone)).date()
        until = today + timedelta(days=6) if word == "pause7" else None
        participation.pause(work.acting(person.name), patient.code, until)


def _post_screen(work: Work, person: Staff, screen: Screen) -> None:
    post_staff(work, person, screen, slot=screen.name, lane=Lane.REPLY)


def _post_line(work: Work, person: Staff, line: Text) -> None:
    _post_screen(work, person, Screen(name="staff.line", lines=(line,)))
