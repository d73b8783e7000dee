"""The screens that are always available: menu, help, privacy, tips, my team. Assesses nothing."""

from bot.app.chat_roles import ChatRoles, roles_of
from bot.app.checkins.answering import current
from bot.app.checkins.skips import SEARCHED_CHECKINS
from bot.app.checkins.tips import shown_tips
from bot.app.patients import participation
from bot.app.records.checkins import TipShown
from bot.app.records.patients import Patient, PatientState
from bot.app.schedules.plans import is_paused
from bot.app.work import Stores, Work
from bot.core.protocol import Answers, Tip
from bot.core.screen import Action, Button, Screen, Style, Text
from bot.core.tips import choose_tip
from bot.dialog import answers, caregivers, checkins, enrolment, feel_worse, learn, leaving, settings
from bot.dialog.call_screens import contact_screen
from bot.dialog.checkin_screens import tip_buttons
from bot.dialog.pauses import call_first
from bot.dialog.post import post
from bot.dialog.replies import TapResult
from bot.dialog.widgets import button, copy_button, numbers, rows

SLOT = "menu"


def menu(work: Work, patient: Patient) -> TapResult:
    """Show the menu."""
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
    if is_paused(patient, work.clinic, work.at):
        made.insert(0, button("menu.resume", Action(kind="menu", choice="resume"), style=Style.SUCCESS))
    made += _other_roles(work, patient)
    return _show(work, patient, Screen(name="menu", lines=(Text(key="menu.title"),), rows=rows(made)))


def _other_roles(work: Work, patient: Patient) -> list[Button]:
    """Return the ways to what else the patient's chat is for: the person they help, the team."""
    roles = roles_of(work, patient.chat_id) if patient.chat_id is not None else ChatRoles()
    helped = Action(kind="care", choice="menu", subject=roles.helped.id if roles.helped is not None else 0)
    made = [button("menu.helped", helped)] if helped.subject else []
    return [*made, *([button("menu.staff", Action(kind="team", choice="menu"))] if roles.staff is not None else [])]


def help_(work: Work, patient: Patient) -> TapResult:
    """Show what this chat does, and the numbers to call."""
    lines = (Text(key="help.body", values=numbers(work.clinic)), *learn.when_to_call(work.clinic))
    return _show(work, patient, Screen(name="help", lines=lines, rows=rows((copy_button(work.clinic),))))


def privacy(work: Work, patient: Patient) -> TapResult:
    """Show what is stored, who sees it, and how to leave."""
    made = (button("own.get", leaving.GET_DATA), button("menu.stop", Action(kind="menu", choice="stop")))
    lines = (Text(key="privacy.body", values={**numbers(work.clinic), "version": work.clinic.consent_version}),)
    return _show(work, patient, Screen(name="privacy", lines=lines, rows=rows(made)))


def team(work: Work, patient: Patient) -> TapResult:
    """Show the team's number, with the contact."""
    screen = Screen(
        name="team", lines=(Text(key="team.body", values=numbers(work.clinic)),), rows=rows((copy_button(work.clinic),))
    )
    _show(work, patient, screen)
    post(work, patient, contact_screen(work.clinic), slot="team-contact")
    return TapResult(language=patient.chat_language)


def tapped(work: Work, patient: Patient, word: str) -> TapResult | None:
    """Handle a tap on the menu, a command or a keyboard button; return None if there is no such entry."""
    if word == "resume":
        active = participation.resume(work.acting(patient.actor), patient)
        post(work, active, Screen(name="resumed", lines=(*call_first(work, active), Text(key="pause.over"))), slot=SLOT)
        return TapResult(language=patient.chat_language)
    handler = _HANDLERS.get(word)
    return handler(work, patient) if handler else None


def tip(work: Work, patient: Patient, *, edit: bool = False) -> TapResult:
    """Show a tip that fits the last answers, or the menu if there is none."""
    chosen = choose_tip(_last_answers(work, patient), shown_tips(work, patient.id), work.clinic.protocol, work.at)
    if chosen is None:
        return menu(work, patient)
    work.tips.add(TipShown(patient_id=patient.id, tip=chosen.id, shown_at=work.at))
    return _show(work, patient, _tip_screen(chosen), slot="tip", edit=edit)


def _tip_screen(shown: Tip) -> Screen:
    return Screen(name="tip", lines=(Text(key=f"tip.{shown.id}"),), rows=rows(tip_buttons(shown)))


def tip_tapped(work: Work, patient: Patient, action: Action) -> TapResult | None:
    """Rate a tip, show what can be done with it, its source or another one; None if the protocol has no such tip."""
    if action.choice == "more":
        return tip(work, patient)
    if action.choice == "source":
        return learn.tip_source(work, patient, action.question)
    known = next((t for t in work.clinic.protocol.tips if t.id == action.question), None)
    if known is not None and action.choice == "about":
        return _show(work, patient, _tip_screen(known), slot="tip")
    if known is None or action.choice not in {"helpful", "not_for_me"}:
        return None
    work.tips.rate(patient.id, action.question, "helpful" if action.choice == "helpful" else "not_for_me")
    return TapResult(toast=Text(key="toast.rated"), language=patient.chat_language)


def _last_answers(stores: Stores, patient: Patient) -> Answers:
    return next(
        (
            row.value.answers
            for row in stores.checkins.of_patient(patient.id, limit=SEARCHED_CHECKINS)
            if row.value.answers
        ),
        {},
    )


def _show(work: Work, patient: Patient, screen: Screen, *, slot: str = SLOT, edit: bool = False) -> TapResult:
    post(work, patient, screen, slot=slot, edit=edit)
    return TapResult(language=patient.chat_language)


def show_current_screen(work: Work, patient: Patient) -> None:
    """Show the screen that the patient has to deal with now, as a new message."""
    row = current(work, patient)
    if patient.caregiver is not None and row is None:
        caregivers.caregiver_menu(work, patient)
    elif patient.state is PatientState.ENROLLING:
        enrolment.show(work, patient, edit=False)
    elif patient.state in {PatientState.DECLINED, PatientState.WITHDRAWN, PatientState.INVITED}:
        leaving.stopped(work, patient)
    elif row is not None:
        checkins.show_again(work, patient, row)
    else:
        menu(work, patient)


def checkin(work: Work, patient: Patient) -> TapResult:
    """Show what the patient has to deal with now: the open check-in, or the menu."""
    show_current_screen(work, patient)
    return TapResult(language=patient.chat_language)


_HANDLERS = {
    "worse": feel_worse.feel_worse,
    "checkin": checkin,
    "tips": tip,
    "team": team,
    "help": help_,
    "privacy": privacy,
    "stop": leaving.stop,
    "language": settings.language,
    "learn": learn.topics,
    "answers": answers.show,
    "settings": settings.menu,
}
"""The handlers of menu entries, commands and keyboard buttons, by name."""
