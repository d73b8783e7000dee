"""Caregivers: invited by the patient, each in a chat of their own, ended by either. What they answer says so."""

from bot.app.checkins.steps import current
from bot.app.operations.installation import BOT_NAME
from bot.app.patients import caregivers
from bot.app.records.patients import Caregiver, Patient
from bot.app.work import Work
from bot.core.screen import Action, Screen, Style, Text
from bot.dialog.checkins import show_again
from bot.dialog.post import post
from bot.dialog.replies import TapResult
from bot.dialog.widgets import button, date_text, keyboard_screen, numbers, rows

KIND = "care"
"""The kind of action this module takes; `choice` is the word tapped."""
SLOT = "care"


# -- the patient's side


def menu(work: Work, patient: Patient) -> TapResult:
    """Who answers with the patient, and what can be done about it."""
    present = caregivers.present(work, patient)
    if present is None:
        made = [button("care.make", _tap("make"), style=Style.SUCCESS)]
        screen = Screen(name="care.none", lines=(Text(key="care.explain"),), rows=rows(made))
    else:
        since = date_text((present.agreed_at or present.invited_at).date())
        made = [button("care.end", _tap("end"), style=Style.DANGER)]
        screen = Screen(name="care.one", lines=(Text(key="care.one", values={"date": since}),), rows=rows(made))
    post(work, patient, screen, slot=SLOT)
    return TapResult(language=patient.speaks)


def tapped(work: Work, patient: Patient, action: Action) -> TapResult | None:
    """Handle a tap of the patient or of the caregiver; None when there is no such word for them."""
    word = action.choice
    if patient.helper is not None:
        return _helper_tapped(work, patient, patient.helper, word)
    if word == "make" and caregivers.can_invite(patient):
        return _invite(work, patient)
    if word == "end":
        caregivers.end_all(work, patient)
        post(work, patient, Screen(name="care.ended", lines=(Text(key="care.ended"),)), slot=SLOT)
        return TapResult(language=patient.speaks)
    return menu(work, patient) if not word else None


def _invite(work: Work, patient: Patient) -> TapResult:
    token = caregivers.invite(work, patient)
    link = f"https://t.me/{work.settings.get(BOT_NAME) or ''}?start={token}"
    screen = Screen(name="care.link", lines=(Text(key="care.link", values={"link": link}),))
    post(work, patient, screen, slot=SLOT)
    return TapResult(language=patient.speaks)


# -- the caregiver's side


def opened(work: Work, token: str, chat_id: int, language_hint: str | None) -> TapResult | None:
    """A caregiver's link is opened: ask whether they agree. None when it is no such link, or works no more."""
    patient = caregivers.open_link(work, token, chat_id, language_hint)
    return ask(work, patient) if patient is not None else None


def ask(work: Work, patient: Patient) -> TapResult:
    """What a caregiver agrees to."""
    made = [button("button.agree", _tap("agree"), style=Style.SUCCESS), button("button.no_thanks", _tap("no"))]
    screen = Screen(name="care.ask", lines=(Text(key="care.ask", values=numbers(work.clinic)),), rows=rows(made))
    post(work, patient, screen, slot=SLOT)
    return TapResult(language=patient.speaks)


def _helper_tapped(work: Work, patient: Patient, helper: Caregiver, word: str) -> TapResult | None:
    if word == "agree" and helper.state == "asked":
        return _agree(work, patient, helper)
    if word in {"no", "leave"}:
        left(work, patient, helper, notify=True)
        return TapResult(language=helper.language)
    return None


def left(work: Work, patient: Patient, helper: Caregiver, *, notify: bool) -> None:
    """A caregiver has left: the patient is notified, so that nobody counts on them."""
    caregivers.end(work, patient, helper, notify=notify)
    _notify_patient(work, patient, "care.left")


def _agree(work: Work, patient: Patient, helper: Caregiver) -> TapResult:
    joined = caregivers.agree(work, patient, helper)
    post(work, joined, keyboard_screen(), slot="keyboard")
    _notify_patient(work, patient, "care.joined")
    row = current(work, joined)
    if row is not None:
        show_again(work, joined, row)
    return TapResult(language=joined.speaks)


def helper_menu(work: Work, patient: Patient) -> TapResult:
    """All a caregiver can do."""
    made = [
        button("keyboard.worse", Action(kind="menu", choice="worse"), style=Style.DANGER),
        button("keyboard.tips", Action(kind="menu", choice="tips")),
        button("keyboard.team", Action(kind="menu", choice="team")),
        button("menu.learn", Action(kind="menu", choice="learn")),
        button("menu.language", Action(kind="menu", choice="language")),
        button("menu.help", Action(kind="menu", choice="help")),
        button("care.leave", _tap("leave"), style=Style.DANGER),
    ]
    post(work, patient, Screen(name="care.menu", lines=(Text(key="menu.title"),), rows=rows(made)), slot="menu")
    return TapResult(language=patient.speaks)


def _notify_patient(work: Work, patient: Patient, key: str) -> None:
    own = patient.model_copy(update={"helper": None})
    post(work, own, Screen(name=key, lines=(Text(key=key),)), slot=SLOT)


def _tap(word: str) -> Action:
    return Action(kind=KIND, choice=word)
