"""The door from the chat into the use cases: one function a kind of update. Each runs in one open transaction.

Every function leaves the patient with something on the screen: a stale, doubled or foreign tap changes nothing and
shows where they are now.
"""

from datetime import datetime
from typing import Literal

from bot.app import alerts, checkins, enrolment, menus, patients
from bot.app.ports import Clinic, Outcome
from bot.app.post import post, post_stranger
from bot.app.screens import copy_button, numbers, rows
from bot.app.store import Patient, PatientState, Store
from bot.core.screen import Action, Screen, Text

Command = Literal["menu", "help", "privacy", "stop", "worse", "tips", "team"]

_LEFT = frozenset({PatientState.DECLINED, PatientState.WITHDRAWN})
_ENROLLED = frozenset({PatientState.ACTIVE, PatientState.PAUSED})


def start(store: Store, clinic: Clinic, chat_id: int, payload: str, language_hint: str | None, at: datetime) -> Outcome:
    """Answer /start: with an invite's token as payload, or without ("")."""
    present = _present(store, chat_id, at)
    if payload and (present is None or present.state in _LEFT or _is_own(store, clinic, payload, present)):
        invited = patients.invited_by(store, clinic, payload, chat_id, at)
        if invited is not None:
            return _welcome(store, clinic, invited, present, chat_id, language_hint, at)
    if present is None:
        return _stranger(
            store, clinic, chat_id, "stranger.bad_invite" if payload else "stranger.hello", language_hint, at
        )
    if present.state in _ENROLLED:
        post(store, present, enrolment.keyboard_screen(), at=at, slot="keyboard")
    menus.where_they_are(store, clinic, present, at)
    return Outcome(language=present.language)


def _is_own(store: Store, clinic: Clinic, token: str, present: Patient) -> bool:
    """Whether someone in mid-enrolment opens their own link again; another's would leave their own patient stranded."""
    return present.state is PatientState.ENROLLING and patients.is_for(store, clinic, token, present)


def _present(store: Store, chat_id: int, at: datetime) -> Patient | None:
    """Return the chat's patient, locked; one who writes is reachable again."""
    patient = store.patient_by_chat(chat_id, lock=True)
    if patient is None or patient.unreachable_at is None:
        return patient
    patients.set_reachable(store, patient, at, reachable=True)
    return store.patient(patient.id, lock=True)


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
        return _stranger(store, clinic, chat_id, "stranger.hello", None, at)
    outcome = _tapped(store, clinic, patient, action, at) if patient.state not in _LEFT else None
    return outcome or _closed(store, clinic, patient, at)


def _tapped(store: Store, clinic: Clinic, patient: Patient, action: Action, at: datetime) -> Outcome | None:
    if action.kind == enrolment.KIND:
        return enrolment.tap(store, clinic, patient, action, at)
    if action.kind == "alert":
        return _alert_tapped(store, clinic, patient, action, at)
    if patient.state not in _ENROLLED:
        return None
    if action.kind in checkins.KINDS:
        return checkins.answer(store, clinic, patient, action, at)
    if action.kind == "tip":
        return menus.tip_tapped(store, clinic, patient, action, at)
    if action.kind == "menu":
        return menus.tapped(store, clinic, patient, action.choice, at)
    return menus.stop_tapped(store, clinic, patient, action.choice, at) if action.kind == "stop" else None


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
        return _stranger(store, clinic, chat_id, "stranger.hello", None, at)
    return _closed(store, clinic, patient, at)


def _closed(store: Store, clinic: Clinic, patient: Patient, at: datetime) -> Outcome:
    menus.where_they_are(store, clinic, patient, at)
    return Outcome(toast=Text(key="toast.closed"), language=patient.language)


def command(store: Store, clinic: Clinic, chat_id: int, name: Command, at: datetime) -> Outcome:
    """Answer a command or a button of the reply keyboard."""
    patient = _present(store, chat_id, at)
    if patient is None:
        return _stranger(
            store, clinic, chat_id, f"stranger.{name if name in {'help', 'privacy'} else 'hello'}", None, at
        )
    if name in {"help", "privacy", "team"} or (name == "stop" and patient.state not in _LEFT):
        doors = {"help": menus.help_, "privacy": menus.privacy, "team": menus.team, "stop": menus.stop}
        return doors[name](store, clinic, patient, at)
    if patient.state not in _ENROLLED:
        menus.where_they_are(store, clinic, patient, at)
        return Outcome(language=patient.language)
    return (menus.tapped if name != "menu" else _menu)(store, clinic, patient, name, at) or _menu(
        store, clinic, patient, name, at
    )


def _menu(store: Store, clinic: Clinic, patient: Patient, _word: str, at: datetime) -> Outcome:
    return menus.menu(store, clinic, patient, at)


def said(store: Store, clinic: Clinic, chat_id: int, at: datetime) -> Outcome:
    """Answer words, pictures, voice: "I can't read messages". What was said never comes here, so it can't be kept."""
    patient = _present(store, chat_id, at)
    if patient is None:
        return _stranger(store, clinic, chat_id, "stranger.hello", None, at)
    lines = (Text(key="said.cannot_read", values=numbers(clinic)),)
    post(store, patient, Screen(name="said", lines=lines, rows=rows((copy_button(clinic),))), at=at, slot="said")
    return Outcome(language=patient.language)


def membership(store: Store, clinic: Clinic, chat_id: int, *, reachable: bool, at: datetime) -> Outcome:
    """The patient blocked or unblocked the bot; also called when sending fails for good."""
    patient = store.patient_by_chat(chat_id, lock=True)
    if patient is None:
        return Outcome(language=clinic.languages[0])
    patients.set_reachable(store, patient, at, reachable=reachable)
    return Outcome(language=patient.language)


def _stranger(store: Store, clinic: Clinic, chat_id: int, key: str, language_hint: str | None, at: datetime) -> Outcome:
    hinted = (language_hint or "").split("-")[0]
    language = hinted if hinted in clinic.languages else clinic.languages[0]
    screen = Screen(name=key, lines=(Text(key=key, values=numbers(clinic)),))
    post_stranger(store, chat_id, language, screen, at)
    return Outcome(language=language)
