"""Routes each kind of update from a chat to its use case. Sends nothing: screens go to the outbox.

Every function shows the sender something. Taps are routed in taps.py, what is typed in typed.py.
"""

from collections.abc import Callable
from typing import Literal

from bot.app.alerts import escalation
from bot.app.chat_roles import role_of
from bot.app.patients import participation, registry
from bot.app.patients.leaving import hand_to_team
from bot.app.ports.clinic import Clinic
from bot.app.records.patients import Patient, PatientState
from bot.app.work import Work
from bot.dialog import caregivers, enrolment, leaving, menus, staff_chat
from bot.dialog.post import post
from bot.dialog.replies import TapResult
from bot.dialog.taps import CAREGIVERS_COMMANDS, ENROLLED, LEFT, answer_stranger, stale_tap, tap, writing_role
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
    present = role.patient
    if payload and (present is None or present.state in LEFT or _is_own(work, payload, present)):
        invited = registry.accept_invite(work, payload, chat_id)
        if invited is not None:
            return _welcome(work, invited, present, chat_id, language_hint)
    if payload and present is None:
        outcome = caregivers.opened(work, payload, chat_id, language_hint)
        if outcome is not None:
            return outcome
        outcome = staff_chat.opened(work, payload, chat_id)
        if outcome is not None:
            return outcome
    if role.staff is not None:
        return staff_chat.menu(work, role.staff)
    if present is None:
        return answer_stranger(work, chat_id, "stranger.bad_invite" if payload else "stranger.hello", language_hint)
    if present.caregiver is not None and present.caregiver.state == "asked":
        return caregivers.ask(work, present)
    if present.state in ENROLLED:
        post(work, present, keyboard_screen(), slot="keyboard")
    menus.show_current_screen(work, present)
    return TapResult(language=present.language)


def _is_own(work: Work, token: str, present: Patient) -> bool:
    """Return whether a patient who is enrolling opens their own link again; only that may restart their enrolment."""
    return present.state is PatientState.ENROLLING and registry.is_invite_of(work, token, present)


def _welcome(
    work: Work, invited: Patient, present: Patient | None, chat_id: int, language_hint: str | None
) -> TapResult:
    if present is not None and present.id != invited.id:
        # A chat belongs to one patient at most; the earlier patient has left.
        work.patients.save(present.model_copy(update={"chat_id": None}))
    hinted = (language_hint or "").split("-")[0]
    opened = invited.model_copy(
        update={
            "chat_id": chat_id,
            "state": PatientState.ENROLLING,
            "unreachable_at": None,
            "language": hinted
            if _has_default_language(invited, work.clinic) and hinted in work.clinic.languages
            else invited.language,
        }
    )
    # Reachable again, on whichever phone: nobody has to find out why they were not.
    work.tasks.close_of_patient(opened.id, ("unreachable",), work.at)
    if invited.state in ENROLLED:
        hand_to_team(work, invited, "new_phone")
    enrolment.begin(work, opened)
    return TapResult(language=opened.language)


def _has_default_language(invited: Patient, clinic: Clinic) -> bool:
    """Return whether nobody has chosen a language yet, so that the phone's is the better guess."""
    return invited.chat_id is None and invited.language == clinic.languages[0]


def command(work: Work, chat_id: int, name: Command) -> TapResult:
    """Answer a command or a button of the reply keyboard."""
    role = writing_role(work, chat_id)
    if role.staff is not None:
        return staff_chat.menu(work, role.staff)
    patient = role.patient
    if patient is None:
        return answer_stranger(work, chat_id, f"stranger.{name if name in {'help', 'privacy'} else 'hello'}", None)
    if patient.caregiver is not None:
        return _caregiver_command(work, patient, name)
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
    if name in CAREGIVERS_COMMANDS - {"menu"} and patient.state in ENROLLED:
        outcome = menus.tapped(work, patient, name)
        if outcome is not None:
            return outcome
    return caregivers.caregiver_menu(work, patient)


def _menu(work: Work, patient: Patient, _word: str) -> TapResult:
    return menus.menu(work, patient)


def membership(work: Work, chat_id: int, *, reachable: bool) -> TapResult:
    """Handle a chat that blocked or unblocked the bot, or in which sending failed permanently."""
    role = role_of(work, chat_id)
    if role.staff is not None:
        escalation.set_reachable(work, role.staff, reachable=reachable)
        return TapResult(language=role.staff.language)
    patient = role.patient
    if patient is None:
        return TapResult(language=work.clinic.languages[0])
    if patient.caregiver is None:
        participation.set_reachable(work, patient, reachable=reachable)
    elif not reachable:
        # A caregiver who blocks the bot has stopped helping.
        caregivers.left(work, patient, patient.caregiver, notify=False)
    return TapResult(language=patient.chat_language)
