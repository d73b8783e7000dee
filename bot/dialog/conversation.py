"""Routes each kind of update from a chat to its use case. Sends nothing: screens go to the outbox.

Every function shows the sender something: a late, repeated or foreign tap changes nothing and shows the current screen.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Literal

from bot.app.alerts import escalation
from bot.app.checkins.answering import current
from bot.app.concerns.assessments import as_stored
from bot.app.patients import participation, registry
from bot.app.ports.clinic import Clinic
from bot.app.records.alerts import AlertState
from bot.app.records.patients import Patient, PatientState
from bot.app.work import Work
from bot.core.protocol import Tier
from bot.core.screen import Action, Screen, Text
from bot.dialog import alerts, answers, caregivers, checkins, enrolment, learn, menus, postpone, settings, staff_chat
from bot.dialog.post import post, post_stranger
from bot.dialog.replies import Meaning, TapResult
from bot.dialog.roles import role_of, writing_role
from bot.dialog.widgets import copy_button, keyboard_screen, numbers, rows

Command = Literal[
    "menu", "help", "privacy", "stop", "worse", "tips", "team", "language", "learn", "answers", "settings", "staff"
]
HINT_INTERVAL = timedelta(hours=1)
"""The hint that the bot can't read messages is sent once per interval."""
FRESH_FOR = timedelta(hours=1)
"""How long words of a red flag show the call screen of an EMERGENCY again, before they start the questions again."""

_CAREGIVERS_COMMANDS = frozenset({"menu", "help", "worse", "tips", "team", "language", "learn"})
_LEFT = frozenset({PatientState.DECLINED, PatientState.WITHDRAWN})
_ENROLLED = frozenset({PatientState.ACTIVE, PatientState.PAUSED})


def start(work: Work, chat_id: int, payload: str, language_hint: str | None) -> TapResult:
    """Answer /start. `payload`: the token of an invite, or ""."""
    role = writing_role(work, chat_id)
    present = role.patient
    if payload and (present is None or present.state in _LEFT or _is_own(work, payload, present)):
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
        return _stranger(work, chat_id, "stranger.bad_invite" if payload else "stranger.hello", language_hint)
    if present.caregiver is not None and present.caregiver.state == "asked":
        return caregivers.ask(work, present)
    if present.state in _ENROLLED:
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
    enrolment.begin(work, opened)
    return TapResult(language=opened.language)


def _has_default_language(invited: Patient, clinic: Clinic) -> bool:
    """Return whether nobody has chosen a language yet, so that the phone's is the better guess."""
    return invited.chat_id is None and invited.language == clinic.languages[0]


def tap(work: Work, chat_id: int, action: Action) -> TapResult:
    """Answer a tap on a button whose signature is valid for this chat."""
    role = writing_role(work, chat_id)
    if role.staff is not None:
        return staff_chat.tapped(work, role.staff, action)
    patient = role.patient
    if patient is None:
        return _stranger(work, chat_id, "stranger.hello", None)
    outcome = _tapped(work, patient, action) if patient.state not in _LEFT else None
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
    if patient.state not in _ENROLLED:
        return None
    handle = _HANDLERS.get(action.kind)
    if handle is not None:
        return handle(work, patient, action)
    if action.kind == "menu":
        return menus.tapped(work, patient, action.choice)
    return menus.stop_tapped(work, patient, action.choice) if action.kind == "stop" else None


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
        return action.choice in _CAREGIVERS_COMMANDS
    return action.kind not in {enrolment.KIND, "stop"}


def stale_tap(work: Work, chat_id: int) -> TapResult:
    """Answer a tap that can't be decoded (old format, foreign, forged): show the current screen."""
    role = writing_role(work, chat_id)
    if role.staff is not None:
        return staff_chat.menu(work, role.staff)
    patient = role.patient
    if patient is None:
        return _stranger(work, chat_id, "stranger.hello", None)
    return _closed(work, patient)


def _closed(work: Work, patient: Patient) -> TapResult:
    menus.show_current_screen(work, patient)
    return TapResult(toast=Text(key="toast.closed"), language=patient.chat_language)


def command(work: Work, chat_id: int, name: Command) -> TapResult:
    """Answer a command or a button of the reply keyboard."""
    role = writing_role(work, chat_id)
    if role.staff is not None:
        return staff_chat.menu(work, role.staff)
    patient = role.patient
    if patient is None:
        return _stranger(work, chat_id, f"stranger.{name if name in {'help', 'privacy'} else 'hello'}", None)
    if patient.caregiver is not None:
        return _caregiver_command(work, patient, name)
    if name in {"help", "privacy", "team"} or (name == "stop" and patient.state not in _LEFT):
        handlers = {"help": menus.help_, "privacy": menus.privacy, "team": menus.team, "stop": menus.stop}
        return handlers[name](work, patient)
    if patient.state not in _ENROLLED:
        menus.show_current_screen(work, patient)
        return TapResult(language=patient.chat_language)
    return (menus.tapped if name != "menu" else _menu)(work, patient, name) or _menu(work, patient, name)


def _caregiver_command(work: Work, patient: Patient, name: Command) -> TapResult:
    if patient.caregiver is not None and patient.caregiver.state == "asked":
        return caregivers.ask(work, patient)
    if name in _CAREGIVERS_COMMANDS - {"menu"} and patient.state in _ENROLLED:
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
        return _stranger(work, chat_id, "stranger.hello", None)
    may_answer = patient.state in _ENROLLED and (patient.caregiver is None or patient.caregiver.state == "active")
    if meaning.kind == "red_flag":
        return _typed_red_flag(work, patient, may_answer=may_answer)
    if meaning.kind == "choice" and may_answer:
        outcome = _typed_choice(work, patient, meaning.number)
        if outcome is not None:
            return outcome
    return _cannot_read(work, patient)


def _typed_red_flag(work: Work, patient: Patient, *, may_answer: bool) -> TapResult:
    """Ask the quick check at once, or show a recent EMERGENCY's call screen again; to others, show the numbers."""
    if not may_answer:
        return menus.help_(work, patient)
    calls = [
        a
        for a in work.alerts.of_patient(patient.id)
        if a.tier is Tier.EMERGENCY and a.state is not AlertState.CLOSED and work.at - a.raised_at < FRESH_FOR
    ]
    if calls:
        work.notices.call_now(patient, calls[0])
        return TapResult(language=patient.chat_language)
    return checkins.feel_worse(work, patient)


def _typed_choice(work: Work, patient: Patient, number: int) -> TapResult | None:
    """Handle a typed number as a tap on that answer of the current question; None if there is no such answer."""
    row = current(work, patient)
    question = work.clinic.protocol.questions.get((row.value.cursor if row is not None else None) or "")
    if row is None or question is None or not 1 <= number <= len(question.choices):
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


def _stranger(work: Work, chat_id: int, key: str, language_hint: str | None) -> TapResult:
    hinted = (language_hint or "").split("-")[0]
    language = hinted if hinted in work.clinic.languages else work.clinic.languages[0]
    screen = Screen(name=key, lines=(Text(key=key, values=numbers(work.clinic)),))
    post_stranger(work, chat_id, language, screen)
    return TapResult(language=language)
