"""The door from the chat into the use cases: one function a kind of update. Each runs in one open transaction.

Every function leaves the patient with something on the screen: a stale, doubled or foreign tap changes nothing and
shows where they are now.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Literal

from bot.app import (
    alerts,
    answers,
    caregivers,
    checkins,
    enrolment,
    later,
    learn,
    menus,
    patients,
    settings,
    staff_chat,
)
from bot.app.assessments import as_stored
from bot.app.ports import Clinic, Meant, Outcome
from bot.app.post import post, post_stranger
from bot.app.screens import copy_button, keyboard_screen, numbers, rows
from bot.app.store import AlertState, Patient, PatientState, Store
from bot.app.team_store import Staff
from bot.core.protocol import Tier
from bot.core.screen import Action, Screen, Text

Command = Literal[
    "menu", "help", "privacy", "stop", "worse", "tips", "team", "language", "learn", "answers", "settings", "staff"
]
HUSHED_FOR = timedelta(hours=1)
"""Whoever writes on and on is told once in that time that words can't be read."""

_CAREGIVERS_COMMANDS = frozenset({"menu", "help", "worse", "tips", "team", "language", "learn"})
_LEFT = frozenset({PatientState.DECLINED, PatientState.WITHDRAWN})
_ENROLLED = frozenset({PatientState.ACTIVE, PatientState.PAUSED})


def start(store: Store, clinic: Clinic, chat_id: int, payload: str, language_hint: str | None, at: datetime) -> Outcome:
    """Answer /start: with an invite's token as payload, or without ("")."""
    present = _present(store, chat_id, at)
    if payload and (present is None or present.state in _LEFT or _is_own(store, clinic, payload, present)):
        invited = patients.invited_by(store, clinic, payload, chat_id, at)
        if invited is not None:
            return _welcome(store, clinic, invited, present, chat_id, language_hint, at)
    if payload and present is None:
        outcome = caregivers.opened(store, clinic, payload, chat_id, language_hint, at)
        if outcome is not None:
            return outcome
        outcome = staff_chat.opened(store, clinic, payload, chat_id, at)
        if outcome is not None:
            return outcome
    person = _of_the_team(store, chat_id, at) if present is None else None
    if person is not None:
        return staff_chat.menu(store, clinic, person, at)
    if present is None:
        return _stranger(
            store, clinic, chat_id, "stranger.bad_invite" if payload else "stranger.hello", language_hint, at
        )
    if present.helper is not None and present.helper.state == "asked":
        return caregivers.ask(store, clinic, present, at)
    if present.state in _ENROLLED:
        post(store, present, keyboard_screen(), at=at, slot="keyboard")
    menus.where_they_are(store, clinic, present, at)
    return Outcome(language=present.language)


def _is_own(store: Store, clinic: Clinic, token: str, present: Patient) -> bool:
    """Whether someone in mid-enrolment opens their own link again; another's would leave their own patient stranded."""
    return present.state is PatientState.ENROLLING and patients.is_for(store, clinic, token, present)


def _present(store: Store, chat_id: int, at: datetime) -> Patient | None:
    """Return the chat's patient, locked, or the one its caregiver answers for; a patient who writes is reachable."""
    patient = store.patient_by_chat(chat_id, lock=True)
    if patient is None:
        return _helped(store, chat_id)
    if patient.unreachable_at is None:
        return patient
    patients.set_reachable(store, patient, at, reachable=True)
    return store.patient(patient.id, lock=True)


def _of_the_team(store: Store, chat_id: int, at: datetime) -> Staff | None:
    """Return whoever of the team that chat is; who writes can be reached again."""
    person = store.staff_by_chat(chat_id)
    if person is None or person.state != "active":
        return None
    staff_chat.unreachable(store, person, at, reachable=True)
    return store.staff_by_chat(chat_id)


def _helped(store: Store, chat_id: int) -> Patient | None:
    helper = store.caregiver_by_chat(chat_id)
    patient = store.patient(helper.patient_id, lock=True) if helper is not None else None
    # Read again behind the lock: the patient may just have ended it.
    helper = store.caregiver_by_chat(chat_id)
    if patient is None or helper is None or helper.patient_id != patient.id:
        return None
    return patient.model_copy(update={"helper": helper})


def _welcome(
    store: Store,
    clinic: Clinic,
    invited: Patient,
    present: Patient | None,
    chat_id: int,
    language_hint: str | None,
    at: datetime,
) -> Outcome:
    if present is not None and present.id != invited.id:
        # A chat belongs to one patient at most; the earlier one had left.
        store.save_patient(present.model_copy(update={"chat_id": None}))
    hinted = (language_hint or "").split("-")[0]
    opened = invited.model_copy(
        update={
            "chat_id": chat_id,
            "state": PatientState.ENROLLING,
            "unreachable_at": None,
            "language": hinted if _undecided(invited, clinic) and hinted in clinic.languages else invited.language,
        }
    )
    enrolment.begin(store, clinic, opened, at)
    return Outcome(language=opened.language)


def _undecided(invited: Patient, clinic: Clinic) -> bool:
    """Whether neither the coordinator nor the patient chose a language yet: the phone's own is the better guess."""
    return invited.chat_id is None and invited.language == clinic.languages[0]


def tap(store: Store, clinic: Clinic, chat_id: int, action: Action, at: datetime) -> Outcome:
    """Answer a tapped button whose signature was good for this chat."""
    patient = _present(store, chat_id, at)
    if patient is None:
        person = _of_the_team(store, chat_id, at)
        if person is not None:
            return staff_chat.tapped(store, clinic, person, action, at)
        return _stranger(store, clinic, chat_id, "stranger.hello", None, at)
    outcome = _tapped(store, clinic, patient, action, at) if patient.state not in _LEFT else None
    return outcome or _closed(store, clinic, patient, at)


def _tapped(store: Store, clinic: Clinic, patient: Patient, action: Action, at: datetime) -> Outcome | None:
    if action.kind == caregivers.KIND:
        return caregivers.tapped(store, clinic, patient, action, at)
    if patient.helper is not None and (patient.helper.state != "active" or not _may(action)):
        return None
    if action.kind == enrolment.KIND:
        return enrolment.tap(store, clinic, patient, action, at)
    if action.kind == "alert":
        return _alert_tapped(store, clinic, patient, action, at)
    if patient.state not in _ENROLLED:
        return None
    door = _DOORS.get(action.kind)
    if door is not None:
        return door(store, clinic, patient, action, at)
    if action.kind == "menu":
        return menus.tapped(store, clinic, patient, action.choice, at)
    return menus.stop_tapped(store, clinic, patient, action.choice, at) if action.kind == "stop" else None


_DOORS: dict[str, Callable[[Store, Clinic, Patient, Action, datetime], Outcome | None]] = {
    **dict.fromkeys(checkins.KINDS, checkins.answer),
    **dict.fromkeys(settings.KINDS, settings.tapped),
    "later": later.put_off,
    "tip": menus.tip_tapped,
    learn.KIND: learn.tapped,
    answers.KIND: answers.change,
}
"""Where the taps of those who are enrolled go, by kind."""


def _may(action: Action) -> bool:
    """Whether a caregiver may do that: all that answers and informs, nothing that decides for the patient."""
    if action.kind in settings.KINDS:
        return action.question == "language"
    if action.kind == "menu":
        return action.choice in _CAREGIVERS_COMMANDS
    return action.kind not in {enrolment.KIND, "stop"}


def _alert_tapped(store: Store, clinic: Clinic, patient: Patient, action: Action, at: datetime) -> Outcome | None:
    outcome = alerts.reply(store, clinic, patient, action.subject, action.choice, at)
    if outcome is not None and action.choice == "mistake":
        alert = store.alert(action.subject)
        checkins.claim_mistake(store, clinic, patient, alert.checkin_id if alert else None, at)
    return outcome


def stale_tap(store: Store, clinic: Clinic, chat_id: int, at: datetime) -> Outcome:
    """Answer a tap that could not be read (old format, foreign, forged): show where they are now."""
    patient = _present(store, chat_id, at)
    if patient is None:
        person = _of_the_team(store, chat_id, at)
        if person is not None:
            return staff_chat.menu(store, clinic, person, at)
        return _stranger(store, clinic, chat_id, "stranger.hello", None, at)
    return _closed(store, clinic, patient, at)


def _closed(store: Store, clinic: Clinic, patient: Patient, at: datetime) -> Outcome:
    menus.where_they_are(store, clinic, patient, at)
    return Outcome(toast=Text(key="toast.closed"), language=patient.speaks)


def command(store: Store, clinic: Clinic, chat_id: int, name: Command, at: datetime) -> Outcome:
    """Answer a command or a button of the reply keyboard."""
    patient = _present(store, chat_id, at)
    if patient is None:
        person = _of_the_team(store, chat_id, at)
        if person is not None:
            return staff_chat.menu(store, clinic, person, at)
        return _stranger(
            store, clinic, chat_id, f"stranger.{name if name in {'help', 'privacy'} else 'hello'}", None, at
        )
    if patient.helper is not None:
        return _helper_command(store, clinic, patient, name, at)
    if name in {"help", "privacy", "team"} or (name == "stop" and patient.state not in _LEFT):
        doors = {"help": menus.help_, "privacy": menus.privacy, "team": menus.team, "stop": menus.stop}
        return doors[name](store, clinic, patient, at)
    if patient.state not in _ENROLLED:
        menus.where_they_are(store, clinic, patient, at)
        return Outcome(language=patient.speaks)
    return (menus.tapped if name != "menu" else _menu)(store, clinic, patient, name, at) or _menu(
        store, clinic, patient, name, at
    )


def _helper_command(store: Store, clinic: Clinic, patient: Patient, name: Command, at: datetime) -> Outcome:
    if patient.helper is not None and patient.helper.state == "asked":
        return caregivers.ask(store, clinic, patient, at)
    if name in _CAREGIVERS_COMMANDS - {"menu"} and patient.state in _ENROLLED:
        outcome = menus.tapped(store, clinic, patient, name, at)
        if outcome is not None:
            return outcome
    return caregivers.helper_menu(store, patient, at)


def _menu(store: Store, clinic: Clinic, patient: Patient, _word: str, at: datetime) -> Outcome:
    return menus.menu(store, clinic, patient, at)


def said(store: Store, clinic: Clinic, chat_id: int, meant: Meant, at: datetime) -> Outcome:
    """Answer words, pictures, voice. What was said never comes here, so it can't be kept."""
    patient = _present(store, chat_id, at)
    if patient is None:
        person = _of_the_team(store, chat_id, at)
        if person is not None:
            return staff_chat.said(store, clinic, person, meant, at)
        return _stranger(store, clinic, chat_id, "stranger.hello", None, at)
    able = patient.state in _ENROLLED and (patient.helper is None or patient.helper.state == "active")
    if meant.kind == "red_flag":
        return _named_red_flag(store, clinic, patient, at, able=able)
    if meant.kind == "choice" and able:
        outcome = _typed_choice(store, clinic, patient, meant.number, at)
        if outcome is not None:
            return outcome
    return _cannot_read(store, clinic, patient, at)


def _named_red_flag(store: Store, clinic: Clinic, patient: Patient, at: datetime, *, able: bool) -> Outcome:
    """The safety screen at once; the call screen again where one was shown within the hour; else the numbers."""
    if not able:
        return menus.help_(store, clinic, patient, at)
    calls = [
        a
        for a in store.alerts(patient.id)
        if a.tier is Tier.EMERGENCY and a.state is not AlertState.CLOSED and at - a.raised_at < HUSHED_FOR
    ]
    if calls:
        alerts.show_call(store, clinic, patient, calls[0], at)
        return Outcome(language=patient.speaks)
    return checkins.feel_worse(store, clinic, patient, at)


def _typed_choice(store: Store, clinic: Clinic, patient: Patient, number: int, at: datetime) -> Outcome | None:
    """ "2" is the second answer on the screen they are at; None when there is no such answer."""
    row = checkins.present(store, clinic, patient, at)
    question = clinic.protocol.questions.get((row.value.cursor if row is not None else None) or "")
    if row is None or question is None or not 1 <= number <= len(question.choices):
        return None
    choice = question.choices[number - 1]
    kind, word = "choose", choice.id
    if question.kind == "several":
        ticked = choice.id in row.value.answers.get(question.id, ())
        kind, word = "toggle", f"{'-' if ticked and not choice.exclusive else '+'}{choice.id}"
    tapped = Action(kind=kind, subject=row.id, revision=row.value.revision, question=question.id, choice=word)
    return checkins.answer(store, clinic, patient, tapped, at)


def _cannot_read(store: Store, clinic: Clinic, patient: Patient, at: datetime) -> Outcome:
    """ "I can't read messages", once an hour."""
    helper = patient.helper
    told_at = helper.said_at if helper is not None else patient.said_at
    if told_at is not None and timedelta(0) <= at - told_at < HUSHED_FOR:
        return Outcome(language=patient.speaks)
    if helper is not None:
        store.save_caregiver(helper.model_copy(update={"said_at": at}))
    else:
        # A check-in that no protocol asks any more may just have been closed.
        store.save_patient(as_stored(store, patient).model_copy(update={"said_at": at}))
    lines = (Text(key="said.cannot_read", values=numbers(clinic)),)
    post(store, patient, Screen(name="said", lines=lines, rows=rows((copy_button(clinic),))), at=at, slot="said")
    return Outcome(language=patient.speaks)


def membership(store: Store, clinic: Clinic, chat_id: int, *, reachable: bool, at: datetime) -> Outcome:
    """The patient blocked or unblocked the bot; also called when sending fails for good."""
    patient = store.patient_by_chat(chat_id, lock=True)
    if patient is None:
        person = store.staff_by_chat(chat_id)
        if person is not None:
            staff_chat.unreachable(store, person, at, reachable=reachable)
            return Outcome(language=person.language)
        return _caregiver_moved(store, clinic, chat_id, reachable=reachable, at=at)
    patients.set_reachable(store, patient, at, reachable=reachable)
    return Outcome(language=patient.speaks)


def _caregiver_moved(store: Store, clinic: Clinic, chat_id: int, *, reachable: bool, at: datetime) -> Outcome:
    """A caregiver who blocks the bot has left: the patient is told, so that nobody counts on them."""
    patient = _helped(store, chat_id)
    if patient is not None and patient.helper is not None and not reachable:
        caregivers.end(store, patient, patient.helper, at, told=False)
        caregivers.tell(store, patient, "care.left", at)
    return Outcome(language=clinic.languages[0])


def _stranger(store: Store, clinic: Clinic, chat_id: int, key: str, language_hint: str | None, at: datetime) -> Outcome:
    hinted = (language_hint or "").split("-")[0]
    language = hinted if hinted in clinic.languages else clinic.languages[0]
    screen = Screen(name=key, lines=(Text(key=key, values=numbers(clinic)),))
    post_stranger(store, chat_id, language, screen, at)
    return Outcome(language=language)
