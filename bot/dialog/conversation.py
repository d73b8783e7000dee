"""Routes each kind of update from a chat to its use case. Sends nothing: screens go to the outbox.

Every function shows the sender something. Taps are routed in taps.py, what is typed in typed.py, links in links.py.
"""

from collections.abc import Callable
from typing import Literal

from bot.app.chat_roles import team_member
from bot.app.records.patients import Patient
from bot.app.work import Work
from bot.dialog import caregivers, leaving, links, menus, new_phone, staff_chat
from bot.dialog.former_chats import answer_stranger
from bot.dialog.post import post
from bot.dialog.reachability import set_reachable
from bot.dialog.replies import TapResult
from bot.dialog.taps import ENROLLED, LEFT, closed, tap, writing_role
from bot.dialog.typed import message
from bot.dialog.widgets import keyboard_screen

__all__ = ["Command", "command", "membership", "message", "stale_tap", "start", "tap"]

Command = Literal[
    "menu", "help", "privacy", "stop", "export", "delete", "worse", "tips", "team", "language", "learn", "answers",
    "settings", "staff",
]  # fmt: skip

_PATIENTS_OWN = frozenset({"stop", "export", "delete"})
"""What only the patient's own chat may do."""


def start(work: Work, chat_id: int, payload: str, language_hint: str | None) -> TapResult:
    """Answer /start. `payload`: the token of an invite, or ""."""
    role = writing_role(work, chat_id)
    opened = links.opened(work, chat_id, payload, language_hint) if payload else None
    if opened is not None:
        return opened
    if role.staff is not None:
        return staff_chat.menu(work, role.staff)
    present = role.patient
    if present is None:
        return answer_stranger(work, chat_id, "stranger.bad_invite" if payload else "stranger.hello", language_hint)
    if present.caregiver is not None and present.caregiver.state == "asked":
        return caregivers.ask(work, present)
    if present.is_second:
        return new_phone.show(work, present)
    if present.state in ENROLLED:
        post(work, present, keyboard_screen(), slot="keyboard")
    menus.show_current_screen(work, present)
    return TapResult(language=present.language)


def command(work: Work, chat_id: int, name: Command) -> TapResult:
    """Answer a command or a button of the reply keyboard."""
    role = writing_role(work, chat_id)
    person = role.staff or (team_member(work, chat_id) if name == "staff" else None)
    if person is not None:
        return staff_chat.menu(work, person)
    patient = role.patient
    if patient is None:
        return answer_stranger(work, chat_id, f"stranger.{name if name in {'help', 'privacy'} else 'hello'}", None)
    if patient.caregiver is not None:
        return _caregiver_command(work, patient, name)
    if patient.is_second and name not in {"worse", "help", "team"}:
        return new_phone.show(work, patient)
    if name == "worse" and patient.state in LEFT:
        return leaving.numbers_to_call(work, patient)
    if name in _AT_ANY_TIME and (outcome := _AT_ANY_TIME[name](work, patient)) is not None:
        return outcome
    if patient.state not in ENROLLED:
        menus.show_current_screen(work, patient)
        return TapResult(language=patient.chat_language)
    return (menus.tapped if name != "menu" else _menu)(work, patient, name) or _menu(work, patient, name)


_AT_ANY_TIME: dict[Command, Callable[[Work, Patient], TapResult | None]] = {
    "help": menus.help_,
    "privacy": menus.privacy,
    "team": menus.team,
    "stop": leaving.stop,
    "export": leaving.export,
    "delete": leaving.delete,
}
"""The commands of patients that work before they are enrolled, and after they have left."""


def _caregiver_command(work: Work, patient: Patient, name: Command) -> TapResult:
    if patient.caregiver is not None and patient.caregiver.state == "asked":
        return caregivers.ask(work, patient)
    if name in _PATIENTS_OWN:
        return caregivers.patient_decides(work, patient)
    if name in caregivers.COMMANDS - {"menu"} and patient.state in ENROLLED:
        outcome = menus.tapped(work, patient, name)
        if outcome is not None:
            return outcome
    return caregivers.caregiver_menu(work, patient)


def _menu(work: Work, patient: Patient, _word: str) -> TapResult:
    return menus.menu(work, patient)


def stale_tap(work: Work, chat_id: int) -> TapResult:
    """Answer a tap that can't be decoded (old format, foreign, forged): show the current screen."""
    role = writing_role(work, chat_id)
    if role.staff is not None:
        return staff_chat.menu(work, role.staff)
    patient = role.patient
    if patient is None:
        return answer_stranger(work, chat_id, "stranger.hello", None)
    return closed(work, patient)


def membership(work: Work, chat_id: int, *, reachable: bool) -> TapResult:
    """Handle a chat that blocked or unblocked the bot, or in which sending failed permanently."""
    return set_reachable(work, chat_id, reachable=reachable)
