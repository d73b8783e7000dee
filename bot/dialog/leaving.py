"""Handles how a patient leaves: pause, stop and undo it, delete what is stored. One tap never deletes.

Only the patient's own chat may: not a caregiver's. A patient who has left gets the numbers for each red button.
"""

from bot.app.concerns.follow_up import local_day
from bot.app.concerns.memory import tier_to_call_about
from bot.app.patients import participation, returning
from bot.app.patients.leaving import outlives_data
from bot.app.records.messages import Lane
from bot.app.records.patients import Patient, PatientState
from bot.app.work import Work
from bot.core.screen import Action, Screen, Text
from bot.dialog import enrolment
from bot.dialog import leaving_screens as screens
from bot.dialog.farewells import last
from bot.dialog.former_chats import is_red
from bot.dialog.leaving_screens import ASK_AGAIN, ASK_DELETE, DELETE, EXPORT, KEEP, PAUSE, SLOT, UNDO, WITHDRAW
from bot.dialog.post import post
from bot.dialog.replies import TapResult
from bot.dialog.widgets import next_checkin_text

KIND = screens.KIND
"""The kind of action this module handles."""
GET_DATA = Action(kind=KIND, choice=EXPORT)
"""The button that sends the patient their own data."""
_TAKING_PART = frozenset({PatientState.ACTIVE, PatientState.PAUSED})
_LEFT = frozenset({PatientState.WITHDRAWN, PatientState.DECLINED})
_DELETE_WITHIN = 10
"""For how many minutes the second screen on deleting can be tapped; later the first one comes again."""


def stop(work: Work, patient: Patient) -> TapResult:
    """Ask whether to pause, stop or go on; deleting is a small button that leads to a screen of its own."""
    if patient.state in _LEFT:
        return stopped(work, patient)
    if patient.phone_move == "moved":
        return _unconfirmed(work, patient)
    return _show(work, patient, screens.stop_screen(patient, work.clinic, tier_to_call_about(work, patient)))


def delete(work: Work, patient: Patient) -> TapResult | None:
    """Show what would be deleted, and ask; None while a chat, perhaps a new phone, is still enrolling."""
    if patient.state is PatientState.ENROLLING or patient.is_second:
        return None
    if patient.phone_move == "moved":
        return _unconfirmed(work, patient)
    tier = tier_to_call_about(work, patient)
    is_kept = outlives_data(work, patient)
    return _show(work, patient, screens.delete_screen(work.clinic, tier, is_kept=is_kept))


def stopped(work: Work, patient: Patient) -> TapResult:
    """Show somebody who has left how to undo that, or how to join again."""
    tier = tier_to_call_about(work, patient)
    screen = screens.stopped_screen(patient, work.clinic, tier, work.at)
    return _show(work, patient, last(work, screen, patient.answering_chat, patient))


def export(work: Work, patient: Patient) -> TapResult | None:
    """Send what is stored about the patient as files; None if they neither take part nor can undo that they left.

    A chat that is still enrolling gets nothing, and a new phone that nobody has confirmed gets a message instead.
    """
    if patient.state not in _TAKING_PART and not returning.can_undo(patient, work.at):
        return None
    if patient.history_from is not None:
        return _show(work, patient, screens.unconfirmed_screen(work.clinic))
    work.acting(patient.actor).record("own_data_sent", patient.code)
    # Not in the slot of the other screens: who wants the data before deleting it still has the screen that asks.
    post(work, patient, screens.export_screen(work.clinic, tier_to_call_about(work, patient)), slot="own")
    for screen, slot in screens.files():
        # After replies, and red flags wait for neither: they pass what is in flight.
        post(work, patient, screen, slot=slot, lane=Lane.REMINDER)
    return TapResult(language=patient.chat_language)


def tapped(work: Work, patient: Patient, action: Action) -> TapResult | None:
    """Handle a tap of these screens, or any tap of somebody who has left; return None if it means nothing (now)."""
    if action.kind != KIND:
        return red_tap(work, patient, action) if patient.state in _LEFT else None
    if action.choice == EXPORT:
        return export(work, patient)
    if patient.phone_move == "moved" and action.choice != KEEP:
        return _unconfirmed(work, patient)
    if action.choice == ASK_DELETE:
        return delete(work, patient)
    if action.choice in {ASK_AGAIN, DELETE}:
        return _delete(work, patient, action)
    if action.choice == UNDO:
        return _undo(work, patient)
    return _stop_or_go_on(work, patient, action.choice) if patient.state not in _LEFT else None


def _stop_or_go_on(work: Work, patient: Patient, word: str) -> TapResult | None:
    by_patient = work.acting(patient.actor)
    if word == PAUSE and patient.state in _TAKING_PART:
        participation.pause(by_patient, patient.code, local_day(patient, work.clinic, work.at) + participation.STOP_FOR)
    elif word == WITHDRAW:
        participation.withdraw(by_patient, patient.code)
    elif word == KEEP and patient.state is PatientState.ENROLLING:
        # Without a keyboard yet, they go on where they were.
        enrolment.show(work, patient, edit=False)
    elif word == KEEP:
        return _show(work, patient, screens.kept_screen(work.clinic, tier_to_call_about(work, patient)))
    else:
        return None
    return TapResult(language=patient.chat_language)


def _delete(work: Work, patient: Patient, action: Action) -> TapResult | None:
    age = screens.minute_of(work.at) - action.subject
    if patient.state is PatientState.ENROLLING or patient.is_second:
        return None
    if action.choice == DELETE and 0 <= age <= _DELETE_WITHIN:
        participation.erase(work.acting(patient.actor), patient.code)
        return TapResult(language=patient.chat_language)
    if action.choice == DELETE:
        return delete(work, patient)
    tier = tier_to_call_about(work, patient)
    return _show(work, patient, screens.delete_again_screen(work.clinic, tier, work.at))


def _undo(work: Work, patient: Patient) -> TapResult | None:
    stopped_at = patient.undo_until - returning.UNDO_FOR if patient.undo_until is not None else None
    back = returning.undo_stop(work.acting(patient.actor), patient)
    if back is None:
        now = work.patients.get(patient.id) or patient
        return _show(work, patient, screens.stopped_screen(now, work.clinic, tier_to_call_about(work, now), work.at))
    ends = [helper.ended_at for helper in work.caregivers.of_patient(patient.id) if helper.agreed_at is not None]
    following = next_checkin_text(back.next_due_at, back.timezone or work.clinic.timezone)
    tier = tier_to_call_about(work, back)
    return _show(work, back, screens.undone_screen(work.clinic, tier, following, helper_ended=stopped_at in ends))


def _unconfirmed(work: Work, patient: Patient) -> TapResult:
    """Refuse to end anything on a phone that the old chat can still object to: a stranger may have found the link."""
    return _show(work, patient, screens.stop_unconfirmed_screen(work.clinic, tier_to_call_about(work, patient)))


def red_tap(work: Work, patient: Patient, action: Action) -> TapResult | None:
    """Answer a red button of somebody who has left; return None if it is no such button."""
    return numbers_to_call(work, patient) if is_red(work, action) else None


def numbers_to_call(work: Work, patient: Patient) -> TapResult:
    """Show somebody who has left both numbers, in their language, before everything else."""
    screen = screens.numbers_screen(patient, work.clinic, work.at)
    post(work, patient, screen, slot="stop-numbers", lane=Lane.RED_FLAG)
    return TapResult(toast=Text(key="toast.call_now"), language=patient.chat_language)


def _show(work: Work, patient: Patient, screen: Screen) -> TapResult:
    post(work, patient, screen, slot=SLOT)
    return TapResult(language=patient.chat_language)
