"""The screens about caregivers, in the patient's chat and in theirs. Decides nothing itself."""

from bot.app.chat_roles import answers_for_another
from bot.app.checkins.answering import current
from bot.app.operations.installation import BOT_NAME
from bot.app.patients import caregivers
from bot.app.records.patients import Caregiver, Patient
from bot.app.work import Work
from bot.core.screen import Action, Button, Screen, Style, Text
from bot.dialog.checkins import show_again
from bot.dialog.post import post
from bot.dialog.replies import TapResult
from bot.dialog.widgets import button, date_text, keyboard_screen, numbers, rows

KIND = "care"
"""The kind of action this module handles; `choice` names the button."""
SLOT = "care"
COMMANDS = frozenset({"menu", "help", "worse", "tips", "team", "language", "learn", "checkin"})
"""The commands, and the entries of the menu, that a caregiver has."""
_SETTINGS = frozenset({"set", "page", "city"})


# -- the patient's side


def menu(work: Work, patient: Patient) -> TapResult:
    """Show the patient their caregiver, or how to invite one."""
    caregiver = caregivers.current_caregiver(work, patient)
    if caregiver is None:
        made = [button("care.make", _tap("make"), style=Style.SUCCESS)]
        screen = Screen(name="care.none", lines=(Text(key="care.explain"),), rows=rows(made))
    else:
        since = date_text((caregiver.agreed_at or caregiver.invited_at).date())
        made = [button("care.end", _tap("end"), style=Style.DANGER)]
        screen = Screen(name="care.one", lines=(Text(key="care.one", values={"date": since}),), rows=rows(made))
    post(work, patient, screen, slot=SLOT)
    return TapResult(language=patient.chat_language)


def tapped(work: Work, patient: Patient, action: Action) -> TapResult | None:
    """Handle a tap by the patient or the caregiver; return None if they have no such button."""
    word = action.choice
    if patient.caregiver is not None:
        return _caregiver_tapped(work, patient, patient.caregiver, word)
    # An old button must not end the help of somebody who came since.
    if word == "make" and caregivers.can_invite(patient) and caregivers.current_caregiver(work, patient) is None:
        return _invite(work, patient)
    if word == "end":
        caregivers.end_all(work, patient)
        post(work, patient, Screen(name="care.ended", lines=(Text(key="care.ended"),)), slot=SLOT)
        return TapResult(language=patient.chat_language)
    return menu(work, patient) if word in {"", "make"} else None


def _invite(work: Work, patient: Patient) -> TapResult:
    token = caregivers.invite(work, patient)
    link = f"https://t.me/{work.settings.get(BOT_NAME) or ''}?start={token}"
    screen = Screen(name="care.link", lines=(Text(key="care.link", values={"link": link}),))
    post(work, patient, screen, slot=SLOT)
    return TapResult(language=patient.chat_language)


# -- the caregiver's side


def opened(work: Work, token: str, chat_id: int, language_hint: str | None) -> TapResult | None:
    """Ask someone who opened a caregiver's link whether they agree; return None if the link is not valid there."""
    patient = caregivers.open_link(work, token, chat_id, language_hint)
    return ask(work, patient) if patient is not None else None


def ask(work: Work, patient: Patient) -> TapResult:
    """Show what a caregiver has to agree to."""
    made = [button("button.agree", _tap("agree"), style=Style.SUCCESS), button("button.no_thanks", _tap("no"))]
    screen = Screen(name="care.ask", lines=(Text(key="care.ask", values=numbers(work.clinic)),), rows=rows(made))
    post(work, patient, screen, slot=SLOT)
    return TapResult(language=patient.chat_language)


def _caregiver_tapped(work: Work, patient: Patient, caregiver: Caregiver, word: str) -> TapResult | None:
    if word == "agree" and caregiver.state == "asked":
        return _agree(work, patient, caregiver)
    if word in {"no", "leave"}:
        left(work, patient, caregiver, notify=True)
        return TapResult(language=caregiver.language)
    return caregiver_menu(work, patient) if word == "menu" and caregiver.state == "active" else None


def may(action: Action) -> bool:
    """Return whether a caregiver may do that: answer and read, but decide nothing for the patient."""
    if action.kind in _SETTINGS:
        return action.question == "language"
    if action.kind == "menu":
        return action.choice in COMMANDS
    return action.kind not in {"enrol", "stop", "phone"}


def left(work: Work, patient: Patient, caregiver: Caregiver, *, notify: bool) -> None:
    """End a caregiver's participation and notify the patient, so that nobody relies on them."""
    caregivers.end(work, patient, caregiver, notify=notify)
    _notify_patient(work, patient, "care.left")


def _agree(work: Work, patient: Patient, caregiver: Caregiver) -> TapResult:
    joined = caregivers.agree(work, patient, caregiver)
    has_own = caregiver.chat_id is not None and answers_for_another(work, caregiver.chat_id, patient.id)
    # The keyboard of a patient who helps somebody stays their own.
    both = Screen(name="care.both", lines=(Text(key="care.both"),))
    post(work, joined, both if has_own else keyboard_screen(), slot="keyboard")
    _notify_patient(work, patient, "care.joined")
    row = current(work, joined)
    if row is not None:
        show_again(work, joined, row)
    return TapResult(language=joined.chat_language)


def caregiver_menu(work: Work, patient: Patient) -> TapResult:
    """Show everything that a caregiver can do."""
    made = [
        button("keyboard.worse", Action(kind="menu", choice="worse"), style=Style.DANGER),
        button("keyboard.tips", Action(kind="menu", choice="tips")),
        button("keyboard.team", Action(kind="menu", choice="team")),
        button("menu.learn", Action(kind="menu", choice="learn")),
        button("menu.language", Action(kind="menu", choice="language")),
        button("menu.help", Action(kind="menu", choice="help")),
        _leave_button(),
    ]
    post(work, patient, Screen(name="menu.helper", lines=(Text(key="menu.title"),), rows=rows(made)), slot="menu")
    return TapResult(language=patient.chat_language)


def patient_decides(work: Work, patient: Patient) -> TapResult:
    """Say that only the patient, in their own chat, stops the check-ins, and gets or deletes what is stored."""
    lines = (Text(key="care.patient_decides"),)
    post(work, patient, Screen(name="care.patient_decides", lines=lines, rows=rows((_leave_button(),))), slot=SLOT)
    return TapResult(language=patient.chat_language)


def _leave_button() -> Button:
    return button("care.leave", _tap("leave"), style=Style.DANGER)


def _notify_patient(work: Work, patient: Patient, key: str) -> None:
    own = patient.model_copy(update={"caregiver": None})
    post(work, own, Screen(name=key, lines=(Text(key=key),)), slot=SLOT)


def _tap(word: str) -> Action:
    return Action(kind=KIND, choice=word)
