"""Routes each kind of update from a chat to its use case. Sends nothing: screens go to the outbox.

Every function shows the sender something. Taps are routed in taps.py.
"""

from datetime import timedelta
from typing import Literal

from bot.app.alerts import escalation
from bot.app.chat_roles import role_of
from bot.app.checkins.answering import current
from bot.app.concerns.assessments import as_stored
from bot.app.patients import participation, registry
from bot.app.patients.leaving import hand_to_team
from bot.app.ports.clinic import Clinic
from bot.app.records.patients import Patient, PatientState
from bot.app.work import Work
from bot.core.checkin import State
from bot.core.screen import Action, Screen, Text
from bot.dialog import caregivers, checkins, enrolment, feel_worse, menus, staff_chat
from bot.dialog.post import post
from bot.dialog.replies import Meaning, TapResult
from bot.dialog.taps import CAREGIVERS_COMMANDS, ENROLLED, LEFT, answer_stranger, stale_tap, tap, writing_role
from bot.dialog.widgets import copy_button, keyboard_screen, numbers, rows

__all__ = ["Command", "command", "membership", "message", "stale_tap", "start", "tap"]

Command = Literal[
    "menu", "help", "privacy", "stop", "worse", "tips", "team", "language", "learn", "answers", "settings", "staff"
]
HINT_INTERVAL = timedelta(hours=1)
"""The hint that the bot can't read messages is sent once per interval."""


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
    if name in {"help", "privacy", "team"} or (name == "stop" and patient.state not in LEFT):
        handlers = {"help": menus.help_, "privacy": menus.privacy, "team": menus.team, "stop": menus.stop}
        return handlers[name](work, patient)
    if patient.state not in ENROLLED:
        menus.show_current_screen(work, patient)
        return TapResult(language=patient.chat_language)
    return (menus.tapped if name != "menu" else _menu)(work, patient, name) or _menu(work, patient, name)


def _caregiver_command(work: Work, patient: Patient, name: Command) -> TapResult:
    if patient.caregiver is not None and patient.caregiver.state == "asked":
        return caregivers.ask(work, patient)
    if name in CAREGIVERS_COMMANDS - {"menu"} and patient.state in ENROLLED:
        outcome = menus.tapped(work, patient, name)
        if outcome is not None:
            return outcome
    return caregivers.caregiver_menu(work, patient)


def _menu(work: Work, patient: Patient, _word: str) -> TapResult:
    return menus.menu(work, patient)


def message(work: Work, chat_id: int, meaning: Meaning) -> TapResult:
    """Answer a message that is not a command: text, picture, voice. Its content never gets here."""
    role = writing_role(work, chat_id)
    if role.staff is not None:
        return staff_chat.message(work, role.staff, meaning)
    patient = role.patient
    if patient is None:
        return answer_stranger(work, chat_id, "stranger.hello", None)
    may_answer = patient.state in ENROLLED and (patient.caregiver is None or patient.caregiver.state == "active")
    if meaning.kind == "red_flag":
        return _typed_red_flag(work, patient, may_answer=may_answer)
    if meaning.kind == "choice" and may_answer:
        outcome = _typed_choice(work, patient, meaning.number)
        if outcome is not None:
            return outcome
    return _cannot_read(work, patient)


def _typed_red_flag(work: Work, patient: Patient, *, may_answer: bool) -> TapResult:
    """Ask the quick check at once, below the call screen of what is open; to others, show the numbers."""
    return feel_worse.feel_worse(work, patient) if may_answer else menus.help_(work, patient)


def _typed_choice(work: Work, patient: Patient, number: int) -> TapResult | None:
    """Handle a typed number as a tap on that answer of the current question; None if there is no such answer."""
    row = current(work, patient)
    question = work.clinic.protocol.questions.get((row.value.cursor if row is not None else None) or "")
    if row is None or question is None or not 1 <= number <= len(question.choices) or row.value.state is State.PAUSED:
        return None
    choice = question.choices[number - 1]
    kind, word = "choose", choice.id
    if question.kind == "several":
        ticked = choice.id in row.value.answers.get(question.id, ())
        kind, word = "toggle", f"{'-' if ticked and not choice.exclusive else '+'}{choice.id}"
    tapped = Action(kind=kind, subject=row.id, revision=row.value.revision, question=question.id, choice=word)
    return checkins.tapped(work, patient, tapped)


def _cannot_read(work: Work, patient: Patient) -> TapResult:
    """Send the hint "I can't read messages", once per `HINT_INTERVAL`."""
    caregiver = patient.caregiver
    hinted_at = caregiver.hint_sent_at if caregiver is not None else patient.hint_sent_at
    if hinted_at is not None and timedelta(0) <= work.at - hinted_at < HINT_INTERVAL:
        return TapResult(language=patient.chat_language)
    if caregiver is not None:
        work.caregivers.save(caregiver.model_copy(update={"hint_sent_at": work.at}))
    else:
        # The patient may have changed in this transaction: closing an outdated check-in updates the follow-up.
        work.patients.save(as_stored(work, patient).model_copy(update={"hint_sent_at": work.at}))
    lines = (Text(key="said.cannot_read", values=numbers(work.clinic)),)
    post(work, patient, Screen(name="said", lines=lines, rows=rows((copy_button(work.clinic),))), slot="said")
    return TapResult(language=patient.chat_language)


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
