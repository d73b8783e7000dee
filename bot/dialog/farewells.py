"""The last screens of patients and caregivers. Ends nothing itself.

A chat that answers for another patient, too, keeps its reply keyboard.
"""

from collections.abc import Iterable

from bot.app.alerts.naming import open_alert
from bot.app.chat_roles import answers_for_another
from bot.app.records.messages import Lane
from bot.app.records.patients import Caregiver, Patient
from bot.app.work import Work
from bot.core.protocol import Tier
from bot.core.screen import Screen, Text
from bot.dialog import leaving_screens
from bot.dialog.post import drop_unsent, enqueue, post, post_stranger
from bot.dialog.widgets import both_numbers


def withdrawn(work: Work, patient: Patient, tier: Tier) -> None:
    """Queue the last screen of a patient; `tier`: of what they still have to call about, which it begins with."""
    drop_call_soon(work, patient)
    farewell = leaving_screens.farewell_screen(patient, work.clinic, tier, work.at)
    post(work, patient, last(work, farewell, patient.chat_id, patient), slot=leaving_screens.SLOT)


def drop_call_soon(work: Work, patient: Patient) -> None:
    """Drop the call within a day that the last, unfinished answers raised: it would come after the farewell."""
    if (alert := open_alert(work, patient)) is not None:
        drop_unsent(work, patient, f"call-soon:{alert.id}")


def caregiver_ended(work: Work, patient: Patient, caregiver: Caregiver) -> None:
    """Queue the last screen of a caregiver, who still has their chat."""
    gone = patient.model_copy(update={"caregiver": caregiver})
    post(work, gone, last(work, _goodbye(work), caregiver.chat_id, patient), slot="care")


def data_erased(work: Work, patient: Patient, caregivers: Iterable[Caregiver], tier: Tier) -> None:
    """Queue the last messages as to strangers: those of `withdrawn` were erased with the patient's messages."""
    for caregiver in caregivers:
        if caregiver.chat_id is not None:
            goodbye = last(work, _goodbye(work), caregiver.chat_id, patient)
            post_stranger(work, caregiver.chat_id, caregiver.language, goodbye)
    if patient.chat_id is not None:
        farewell = last(work, leaving_screens.erased_screen(work.clinic, tier), patient.chat_id, patient)
        enqueue(work, patient.chat_id, patient.language, farewell, slot=leaving_screens.SLOT, lane=Lane.REPLY)


def _goodbye(work: Work) -> Screen:
    return Screen(name="care.goodbye", lines=(Text(key="care.goodbye"), both_numbers(work.clinic)), keyboard="remove")


def last(work: Work, screen: Screen, chat_id: int | None, patient: Patient) -> Screen:
    is_last = chat_id is None or not answers_for_another(work, chat_id, patient.id)
    return screen if is_last else screen.model_copy(update={"keyboard": None})
