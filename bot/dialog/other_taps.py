"""Shows what one person tapped about a call to the other who answers for the same patient. Changes nothing.

It is a message of its own, with the numbers: no call screen is edited or replaced, and none waits for it.
"""

from collections.abc import Iterator
from zoneinfo import ZoneInfo

from bot.app.records.alerts import AlertRow
from bot.app.records.messages import Lane
from bot.app.records.patients import Patient
from bot.app.work import Work
from bot.core.screen import Screen, Text
from bot.dialog.post import post
from bot.dialog.widgets import both_numbers, copy_button, copy_emergency_button, numbers, rows

WORDS = frozenset({"called", "reached", "team_knows", "at_hospital", "home", "cannot_call", "cannot_reach"})
"""The replies that the other person sees."""
_NEEDS_CALL = frozenset({"cannot_call", "cannot_reach"})
"""Replies after which the other person should call."""


def show(work: Work, patient: Patient, alert: AlertRow, word: str) -> None:
    """Queue one line on a reply for the other person, if there is one and the reply is one of WORDS.

    Without sound, unless the other person should call now.
    """
    if word not in WORDS:
        return
    needs_call = word in _NEEDS_CALL
    lane = Lane.RED_FLAG if needs_call else Lane.REPLY
    for other in _others(work, patient):
        post(work, other, _screen(work, patient, alert, word), slot=f"other:{alert.id}", lane=lane)


def _others(work: Work, patient: Patient) -> Iterator[Patient]:
    """Yield the patient as each other person answers for them."""
    if patient.caregiver is not None:
        yield patient.model_copy(update={"caregiver": None})
        return
    for helper in work.caregivers.of_patient(patient.id):
        if helper.state == "active":
            yield patient.model_copy(update={"caregiver": helper})


def _screen(work: Work, patient: Patient, alert: AlertRow, word: str) -> Screen:
    clinic, needs_call = work.clinic, word in _NEEDS_CALL
    zone = ZoneInfo(patient.timezone or clinic.timezone)
    tapped = Text(key=f"call.other.{word}", values={"time": f"{work.at.astimezone(zone):%H:%M}"})
    call = Text(key=f"call.reply.not_yet.{alert.call_tier.name.lower()}", values=numbers(clinic))
    return Screen(
        name="call.other",
        lines=(tapped, call if needs_call else both_numbers(clinic)),
        rows=rows((copy_emergency_button(clinic), copy_button(clinic))),
        silent=not needs_call,
        replaces=True,
    )
