"""Caregivers: invited by the patient, each in a chat of their own, ended by either. What they answer says so."""

from datetime import datetime

from bot.app import checkins
from bot.app.installation import BOT_NAME
from bot.app.ports import Clinic, Outcome
from bot.app.post import post
from bot.app.screens import button, date_text, keyboard_screen, numbers, rows
from bot.app.store import Audit, Caregiver, Lane, Patient, PatientState, Store
from bot.core.screen import Action, Screen, Style, Text

KIND = "care"
"""The kind of action this module takes; `choice` is the word tapped."""
SLOT = "care"
_THERE = frozenset({PatientState.ACTIVE, PatientState.PAUSED})


# -- the patient's side


def menu(store: Store, patient: Patient, at: datetime) -> Outcome:
    """Who answers with the patient, and what can be done about it."""
    present = _of(store, patient, "asked", "active")
    if present is None:
        made = [button("care.make", _tap("make"), style=Style.SUCCESS)]
        screen = Screen(name="care.none", lines=(Text(key="care.explain"),), rows=rows(made))
    else:
        since = date_text((present.agreed_at or present.invited_at).date())
        made = [button("care.end", _tap("end"), style=Style.DANGER)]
        screen = Screen(name="care.one", lines=(Text(key="care.one", values={"date": since}),), rows=rows(made))
    post(store, patient, screen, at=at, slot=SLOT)
    return Outcome(language=patient.speaks)


def tapped(store: Store, clinic: Clinic, patient: Patient, action: Action, at: datetime) -> Outcome | None:
    """Work off a tap of the patient or of the caregiver; None when there is no such word for them."""
    word = action.choice
    if patient.helper is not None:
        return _helper_tapped(store, clinic, patient, patient.helper, word, at)
    if word == "make" and patient.state in _THERE:
        return _invite(store, clinic, patient, at)
    if word == "end":
        end_all(store, patient, at)
        post(store, patient, Screen(name="care.ended", lines=(Text(key="care.ended"),)), at=at, slot=SLOT)
        return Outcome(language=patient.speaks)
    return menu(store, patient, at) if not word else None


def _invite(store: Store, clinic: Clinic, patient: Patient, at: datetime) -> Outcome:
    """Make a single-use link to hand on; earlier ones, and whoever came by them, end."""
    end_all(store, patient, at)
    token = clinic.new_token()
    store.add_caregiver(
        Caregiver(
            patient_id=patient.id,
            token_hash=clinic.hash_token(token),
            expires_at=at + clinic.protocol.clocks.invite_valid,
            language=patient.language,
            invited_at=at,
        )
    )
    _audit(store, patient, "caregiver_invited", at)
    link = f"https://t.me/{store.setting(BOT_NAME) or ''}?start={token}"
    screen = Screen(name="care.link", lines=(Text(key="care.link", values={"link": link}),))
    post(store, patient, screen, at=at, slot=SLOT)
    return Outcome(language=patient.speaks)


def end_all(store: Store, patient: Patient, at: datetime) -> None:
    """End every caregiver of a patient: links stop working, and who was there is told."""
    for caregiver in store.caregivers(patient.id):
        if caregiver.state != "ended":
            end(store, patient, caregiver, at)


def end(store: Store, patient: Patient, caregiver: Caregiver, at: datetime, *, told: bool = True) -> None:
    """End one caregiver; not `told`: their chat is gone."""
    if caregiver.chat_id is not None and told:
        gone = patient.model_copy(update={"helper": caregiver})
        farewell = Screen(name="care.goodbye", lines=(Text(key="care.goodbye"),), keyboard="remove")
        post(store, gone, farewell, at=at, slot=SLOT)
    store.save_caregiver(caregiver.model_copy(update={"state": "ended", "chat_id": None, "ended_at": at}))
    _audit(store, patient, "caregiver_ended", at)


# -- the caregiver's side


def opened(
    store: Store, clinic: Clinic, token: str, chat_id: int, language_hint: str | None, at: datetime
) -> Outcome | None:
    """A caregiver's link is opened: ask whether they agree. None when it is no such link, or works no more."""
    found = store.caregiver_by_hash(clinic.hash_token(token))
    if found is None:
        return None
    patient = store.patient(found.patient_id, lock=True)
    # Read again behind the lock: two chats may open it at once, and one of them comes too late.
    found = store.caregiver_by_hash(clinic.hash_token(token))
    if found is None or patient is None or patient.state not in _THERE or patient.chat_id == chat_id:
        return None
    if found.state != "invited" or found.expires_at <= at:
        return None
    hinted = (language_hint or "").split("-")[0]
    language = hinted if hinted in clinic.languages else found.language
    asked = found.model_copy(update={"state": "asked", "chat_id": chat_id, "language": language})
    asked = store.save_caregiver(asked)
    return ask(store, clinic, patient.model_copy(update={"helper": asked}), at)


def ask(store: Store, clinic: Clinic, patient: Patient, at: datetime) -> Outcome:
    """What a caregiver agrees to."""
    made = [button("button.agree", _tap("agree"), style=Style.SUCCESS), button("button.no_thanks", _tap("no"))]
    screen = Screen(name="care.ask", lines=(Text(key="care.ask", values=numbers(clinic)),), rows=rows(made))
    post(store, patient, screen, at=at, slot=SLOT)
    return Outcome(language=patient.speaks)


def _helper_tapped(
    store: Store, clinic: Clinic, patient: Patient, helper: Caregiver, word: str, at: datetime
) -> Outcome | None:
    if word == "agree" and helper.state == "asked":
        return _agree(store, clinic, patient, helper, at)
    if word in {"no", "leave"}:
        end(store, patient, helper, at)
        tell(store, patient, "care.left", at)
        return Outcome(language=helper.language)
    return None


def _agree(store: Store, clinic: Clinic, patient: Patient, helper: Caregiver, at: datetime) -> Outcome:
    active = helper.model_copy(update={"state": "active", "agreed_at": at})
    active = store.save_caregiver(active)
    joined = patient.model_copy(update={"helper": active})
    _audit(store, joined, "caregiver_agreed", at)
    post(store, joined, keyboard_screen(), at=at, slot="keyboard")
    tell(store, patient, "care.joined", at)
    row = checkins.present(store, clinic, joined, at)
    if row is not None:
        checkins.show(store, clinic, joined, row, at, lane=Lane.REPLY, edit=False, everyone=False)
    return Outcome(language=active.language)


def helper_menu(store: Store, patient: Patient, at: datetime) -> Outcome:
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
    post(store, patient, Screen(name="care.menu", lines=(Text(key="menu.title"),), rows=rows(made)), at=at, slot="menu")
    return Outcome(language=patient.speaks)


def tell(store: Store, patient: Patient, key: str, at: datetime) -> None:
    """Tell the patient, in their own chat."""
    own = patient.model_copy(update={"helper": None})
    post(store, own, Screen(name=key, lines=(Text(key=key),)), at=at, slot=SLOT)


def _of(store: Store, patient: Patient, *states: str) -> Caregiver | None:
    return next((c for c in store.caregivers(patient.id) if c.state in states), None)


def _tap(word: str) -> Action:
    return Action(kind=KIND, choice=word)


def _audit(store: Store, patient: Patient, action: str, at: datetime) -> None:
    store.audit(Audit(at=at, actor=patient.actor, action=action, subject=patient.code))
