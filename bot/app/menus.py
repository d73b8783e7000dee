"""The always-there screens: menu, help, privacy, stop, tips, my team. Information only; nothing here assesses."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from bot.app import answers, caregivers, checkins, enrolment, learn, patients, settings
from bot.app.plans import is_paused
from bot.app.ports import Clinic, Outcome
from bot.app.post import post
from bot.app.screens import button, contact_screen, copy_button, numbers, rows, tip_buttons
from bot.app.store import Lane, Patient, PatientState, Store, TipShown
from bot.core.protocol import Answers
from bot.core.screen import Action, Screen, Style, Text
from bot.core.tips import choose_tip

SLOT = "menu"
STOP_FOR = timedelta(days=7)
""" "Pause for a week" in /stop."""


def menu(store: Store, clinic: Clinic, patient: Patient, at: datetime) -> Outcome:
    """Everything there is to tap."""
    made = [
        button("keyboard.worse", Action(kind="menu", choice="worse"), style=Style.DANGER),
        button("keyboard.tips", Action(kind="menu", choice="tips")),
        button("keyboard.team", Action(kind="menu", choice="team")),
        button("menu.answers", Action(kind="menu", choice="answers")),
        button("menu.learn", Action(kind="menu", choice="learn")),
        button("menu.settings", Action(kind="menu", choice="settings")),
        button("menu.care", Action(kind="care")),
        button("menu.help", Action(kind="menu", choice="help")),
        button("menu.privacy", Action(kind="menu", choice="privacy")),
        button("menu.stop", Action(kind="menu", choice="stop")),
    ]
    if is_paused(patient, clinic, at):
        made.insert(0, button("menu.resume", Action(kind="menu", choice="resume"), style=Style.SUCCESS))
    return _show(store, patient, Screen(name="menu", lines=(Text(key="menu.title"),), rows=rows(made)), at)


def help_(store: Store, clinic: Clinic, patient: Patient, at: datetime) -> Outcome:
    """What this chat does, and the numbers."""
    screen = Screen(
        name="help", lines=(Text(key="help.body", values=numbers(clinic)),), rows=rows((copy_button(clinic),))
    )
    return _show(store, patient, screen, at)


def privacy(store: Store, clinic: Clinic, patient: Patient, at: datetime) -> Outcome:
    """What is kept, who sees it, how to leave."""
    made = (button("menu.stop", Action(kind="menu", choice="stop")),)
    lines = (Text(key="privacy.body", values={**numbers(clinic), "version": clinic.consent_version}),)
    return _show(store, patient, Screen(name="privacy", lines=lines, rows=rows(made)), at)


def team(store: Store, clinic: Clinic, patient: Patient, at: datetime) -> Outcome:
    """The team's numbers, with the contact card."""
    screen = Screen(
        name="team", lines=(Text(key="team.body", values=numbers(clinic)),), rows=rows((copy_button(clinic),))
    )
    _show(store, patient, screen, at)
    post(store, patient, contact_screen(clinic), at=at, slot="team-contact")
    return Outcome(language=patient.speaks)


def stop(store: Store, clinic: Clinic, patient: Patient, at: datetime) -> Outcome:
    """Pause, stop, or stop and delete: one tap more to be sure."""
    made = (
        button("stop.pause", Action(kind="stop", choice="pause")),
        button("stop.withdraw", Action(kind="stop", choice="withdraw")),
        button("stop.erase", Action(kind="stop", choice="erase"), style=Style.DANGER),
        button("stop.keep", Action(kind="stop", choice="keep"), style=Style.SUCCESS),
    )
    lines = (Text(key="stop.ask", values=numbers(clinic)),)
    return _show(store, patient, Screen(name="stop", lines=lines, rows=rows(made)), at)


def stop_tapped(store: Store, clinic: Clinic, patient: Patient, word: str, at: datetime) -> Outcome | None:
    """Work off a button of the stop screen; None when there is no such word."""
    actor = f"patient:{patient.code}"
    if word == "pause" and patient.state in {PatientState.ACTIVE, PatientState.PAUSED}:
        patients.pause(store, clinic, patient.code, _today(patient, clinic, at) + STOP_FOR, at)
    elif word == "withdraw":
        patients.withdraw(store, clinic, patient.code, at, actor=actor)
    elif word == "erase":
        patients.erase(store, clinic, patient.code, at, actor=actor)
    elif word == "keep":
        post(store, patient, Screen(name="stop.kept", lines=(Text(key="stop.kept"),)), at=at, slot=SLOT, edit=True)
    else:
        return None
    return Outcome(language=patient.speaks)


def tapped(store: Store, clinic: Clinic, patient: Patient, word: str, at: datetime) -> Outcome | None:
    """Work off a button of the menu; None when there is no such word."""
    if word == "resume":
        active = patients.resume(store, clinic, patient, at)
        post(store, active, Screen(name="resumed", lines=(Text(key="pause.over"),)), at=at, slot=SLOT)
        return Outcome(language=patient.speaks)
    door = _DOORS.get(word)
    return door(store, clinic, patient, at) if door else None


def tip(store: Store, clinic: Clinic, patient: Patient, at: datetime, *, edit: bool = False) -> Outcome:
    """A tip that fits the last answers."""
    chosen = choose_tip(_last_answers(store, patient), checkins.shown_tips(store, patient.id), clinic.protocol, at)
    if chosen is None:
        return menu(store, clinic, patient, at)
    store.add_tip_shown(TipShown(patient_id=patient.id, tip=chosen.id, shown_at=at))
    screen = Screen(name="tip", lines=(Text(key=f"tip.{chosen.id}"),), rows=rows(tip_buttons(chosen)))
    return _show(store, patient, screen, at, slot="tip", edit=edit)


def tip_tapped(store: Store, clinic: Clinic, patient: Patient, action: Action, at: datetime) -> Outcome | None:
    """Rate a tip, or show another one; None when the protocol has no such tip."""
    if action.choice == "more":
        return tip(store, clinic, patient, at)
    if action.choice == "source":
        return learn.tip_source(store, clinic, patient, action.question, at)
    if action.choice not in {"helpful", "not_for_me"} or action.question not in {t.id for t in clinic.protocol.tips}:
        return None
    store.rate_tip(patient.id, action.question, "helpful" if action.choice == "helpful" else "not_for_me")
    return Outcome(toast=Text(key="toast.rated"), language=patient.speaks)


def _last_answers(store: Store, patient: Patient) -> Answers:
    return next((row.value.answers for row in store.checkins(patient.id) if row.value.answers), {})


def _today(patient: Patient, clinic: Clinic, at: datetime) -> date:
    return at.astimezone(ZoneInfo(patient.timezone or clinic.timezone)).date()


def _show(
    store: Store, patient: Patient, screen: Screen, at: datetime, *, slot: str = SLOT, edit: bool = False
) -> Outcome:
    post(store, patient, screen, at=at, slot=slot, edit=edit)
    return Outcome(language=patient.speaks)


def where_they_are(store: Store, clinic: Clinic, patient: Patient, at: datetime) -> None:
    """Show again, as a new message, what the patient stands before."""
    row = checkins.present(store, clinic, patient, at)
    if patient.helper is not None and row is None:
        caregivers.helper_menu(store, patient, at)
    elif patient.state is PatientState.ENROLLING:
        enrolment.show(store, clinic, patient, at, edit=False)
    elif patient.state in {PatientState.DECLINED, PatientState.WITHDRAWN, PatientState.INVITED}:
        lines = (Text(key="stopped.body", values=numbers(clinic)),)
        post(store, patient, Screen(name="stopped", lines=lines, keyboard="remove"), at=at, slot=SLOT)
    elif row is not None:
        checkins.show(store, clinic, patient, row, at, lane=Lane.REPLY, edit=False, everyone=False)
    else:
        menu(store, clinic, patient, at)


_DOORS = {
    "worse": checkins.feel_worse,
    "tips": tip,
    "team": team,
    "help": help_,
    "privacy": privacy,
    "stop": stop,
    "language": settings.language,
    "learn": learn.topics,
    "answers": answers.mine,
    "settings": settings.menu,
}
"""What the words of the menu, of commands and of the keyboard open."""
