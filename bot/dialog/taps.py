"""Routes a tapped button to the handler of its kind: for patients, caregivers and the team. Sends nothing.

A late, repeated or foreign tap changes nothing and shows the current screen.
"""

from collections.abc import Callable

from bot.app.alerts import escalation
from bot.app.chat_roles import ChatRole, role_of
from bot.app.checkins.silence import heard_from
from bot.app.patients import participation
from bot.app.records.patients import Patient, PatientState
from bot.app.work import Work
from bot.core.screen import Action, Screen, Text
from bot.dialog import (
    alerts,
    answers,
    caregivers,
    checkins,
    enrolment,
    former_chats,
    learn,
    leaving,
    menus,
    postpone,
    settings,
    staff_chat,
)
from bot.dialog.post import post_stranger
from bot.dialog.replies import TapResult
from bot.dialog.widgets import hinted_language, numbers

CAREGIVERS_COMMANDS = frozenset({"menu", "help", "worse", "tips", "team", "language", "learn", "checkin"})
LEFT = frozenset({PatientState.DECLINED, PatientState.WITHDRAWN})
ENROLLED = frozenset({PatientState.ACTIVE, PatientState.PAUSED})


def writing_role(work: Work, chat_id: int) -> ChatRole:
    """Return the role of a chat that an update came from; mark a silent or unreachable sender as heard from."""
    role = role_of(work, chat_id)
    if role.patient is not None and role.patient.unanswered:
        heard_from(work, role.patient)
        role = role_of(work, chat_id)
    if role.patient is not None and role.patient.caregiver is None and role.patient.unreachable_at is not None:
        participation.set_reachable(work, role.patient, reachable=True)
        return role_of(work, chat_id)
    if role.staff is not None and role.staff.unreachable_at is not None:
        escalation.set_reachable(work, role.staff, reachable=True)
        return role_of(work, chat_id)
    return role


def tap(work: Work, chat_id: int, action: Action, language_hint: str | None = None) -> TapResult:
    """Answer a tap on a button whose signature is valid for this chat. `language_hint`: of the phone."""
    role = writing_role(work, chat_id)
    if role.staff is not None:
        return staff_chat.tapped(work, role.staff, action)
    patient = role.patient
    if patient is None:
        numbers_shown = former_chats.tapped(work, chat_id, action, language_hint)
        return numbers_shown or answer_stranger(work, chat_id, "stranger.hello", language_hint)
    outcome = (_tapped if patient.state not in LEFT else leaving.tapped)(work, patient, action)
    return outcome or _closed(work, patient)


def _tapped(work: Work, patient: Patient, action: Action) -> TapResult | None:
    if action.kind == caregivers.KIND:
        return caregivers.tapped(work, patient, action)
    if patient.caregiver is not None and (patient.caregiver.state != "active" or not _caregiver_may(action)):
        return None
    if action.kind == enrolment.KIND:
        return enrolment.tap(work, patient, action)
    if action.kind == "alert":
        return alerts.tapped(work, patient, action)
    if action.kind == leaving.KIND:
        return leaving.tapped(work, patient, action)
    if patient.state not in ENROLLED:
        # A new link was opened in a chat that still has the old messages: their red buttons act.
        return checkins.red_tap(work, patient, action)
    handle = _HANDLERS.get(action.kind)
    if handle is not None:
        return handle(work, patient, action) or checkins.red_tap(work, patient, action)
    return menus.tapped(work, patient, action.choice) if action.kind == "menu" else None


_HANDLERS: dict[str, Callable[[Work, Patient, Action], TapResult | None]] = {
    **dict.fromkeys(checkins.KINDS, checkins.tapped),
    **dict.fromkeys(settings.KINDS, settings.tapped),
    "later": postpone.postpone,
    "tip": menus.tip_tapped,
    learn.KIND: learn.tapped,
    answers.KIND: answers.change,
}
"""The handlers of enrolled patients' taps, by kind of action."""


def _caregiver_may(action: Action) -> bool:
    """Return whether a caregiver may do that: answer and read, but decide nothing for the patient."""
    if action.kind in settings.KINDS:
        return action.question == "language"
    if action.kind == "menu":
        return action.choice in CAREGIVERS_COMMANDS
    return action.kind not in {enrolment.KIND, leaving.KIND}


def stale_tap(work: Work, chat_id: int) -> TapResult:
    """Answer a tap that can't be decoded (old format, foreign, forged): show the current screen."""
    role = writing_role(work, chat_id)
    if role.staff is not None:
        return staff_chat.menu(work, role.staff)
    patient = role.patient
    if patient is None:
        return answer_stranger(work, chat_id, "stranger.hello", None)
    return _closed(work, patient)


def _closed(work: Work, patient: Patient) -> TapResult:
    menus.show_current_screen(work, patient)
    return TapResult(toast=Text(key="toast.closed"), language=patient.chat_language)


def answer_stranger(work: Work, chat_id: int, key: str, language_hint: str | None) -> TapResult:
    """Answer a chat that belongs to nobody, in the language of the phone if the clinic has it."""
    language = hinted_language(work.clinic, language_hint)
    screen = Screen(name=key, lines=(Text(key=key, values=numbers(work.clinic)),))
    post_stranger(work, chat_id, language, screen)
    return TapResult(language=language)
