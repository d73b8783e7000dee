"""Routes a tapped button to the handler of its kind: for patients, caregivers and the team. Sends nothing.

A late, repeated or foreign tap changes nothing and shows the current screen.
"""

from collections.abc import Callable
from functools import partial

from bot.app.chat_roles import ChatRole, role_of, team_member
from bot.app.checkins.silence import heard_from
from bot.app.records.patients import Patient, PatientState
from bot.app.work import Work
from bot.core.screen import Action, Text
from bot.dialog import (
    alerts,
    answers,
    caregivers,
    checkins,
    enrolment,
    former_chats,
    learn,
    leaving,
    links,
    menus,
    new_phone,
    postpone,
    settings,
    staff_chat,
)
from bot.dialog.former_chats import answer_stranger
from bot.dialog.reachability import set_reachable
from bot.dialog.replies import TapResult
from bot.dialog.two_patients import patient_of

LEFT = frozenset({PatientState.DECLINED, PatientState.WITHDRAWN})
ENROLLED = frozenset({PatientState.ACTIVE, PatientState.PAUSED})


def writing_role(work: Work, chat_id: int, action: Action | None = None) -> ChatRole:
    """Return the role in which a chat wrote or tapped `action`; mark a silent or unreachable sender as heard from."""
    role = _acting(work, chat_id, action)
    if role.patient is not None and role.patient.unanswered and not role.patient.is_second:
        heard_from(work, role.patient)
        role = _acting(work, chat_id, action)
    patient = role.patient if role.patient is not None and role.patient.caregiver is None else None
    person = role.staff or patient
    if person is not None and person.unreachable_at is not None:
        set_reachable(work, chat_id, reachable=True)
        return _acting(work, chat_id, action)
    return role


def _acting(work: Work, chat_id: int, action: Action | None) -> ChatRole:
    person = team_member(work, chat_id) if action is not None and action.kind in staff_chat.KINDS else None
    return ChatRole(staff=person) if person is not None else role_of(work, chat_id, partial(patient_of, work, action))


def tap(work: Work, chat_id: int, action: Action, language_hint: str | None = None) -> TapResult:
    """Answer a tap on a button signed for this chat, in the role that it is for. `language_hint`: of the phone."""
    if action.kind == links.KIND:
        return links.tapped(work, chat_id, action)
    role = writing_role(work, chat_id, action)
    if role.staff is not None:
        return staff_chat.tapped(work, role.staff, action)
    patient = role.patient
    if patient is None or former_chats.is_anothers(work, patient, action):
        former = former_chats.tapped(work, chat_id, action, language_hint)
        return former or (closed(work, patient) if patient else answer_stranger(work, chat_id, "stranger.hello", None))
    has_left = patient.state in LEFT and not patient.is_second
    return (leaving.tapped if has_left else _tapped)(work, patient, action) or closed(work, patient)


def _tapped(work: Work, patient: Patient, action: Action) -> TapResult | None:
    if patient.is_second:
        return new_phone.second_tapped(work, patient, action)
    if action.kind == caregivers.KIND:
        return caregivers.tapped(work, patient, action)
    if patient.caregiver is not None and (patient.caregiver.state != "active" or not caregivers.may(action)):
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
    new_phone.KIND: new_phone.tapped,
    "tip": menus.tip_tapped,
    learn.KIND: learn.tapped,
    answers.KIND: answers.change,
}
"""The handlers of enrolled patients' taps, by kind of action."""


def closed(work: Work, patient: Patient) -> TapResult:
    """Say that a button does nothing any more, and show the current screen."""
    menus.show_current_screen(work, patient)
    return TapResult(toast=Text(key="toast.closed"), language=patient.chat_language)
