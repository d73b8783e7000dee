"""Takes away the buttons of messages that do nothing any more. Their text stays, and red buttons act however old.

Each is one edit of the buttons alone, in the last lane. A patient who left is sent nothing, so it stays as it is.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta

from bot.app.records.alerts import AlertRow
from bot.app.records.checkins import CheckInRow
from bot.app.records.messages import Lane, Outbox
from bot.app.records.patients import Patient, PatientState
from bot.app.work import Stores, Work
from bot.core.checkin import State
from bot.core.screen import Button, Screen, Text
from bot.dialog.asked import KIND
from bot.dialog.post import enqueue
from bot.dialog.two_patients import HEAD
from bot.dialog.widgets import ButtonRow

NAME = "buttons"
"""The name of the screen that has only what is left of a message's buttons."""
RECENT = 4
"""How many of the newest check-ins are looked at for an end that is less than a day old."""
_STILL_ACTS = frozenset({"card"})
"""Buttons about an alert that do the same after it was closed."""


def of_closed_checkin(work: Work, patient: Patient, row: CheckInRow) -> None:
    """Take the buttons from a check-in that nobody finished: another one is asked, or none."""
    _leave(work, patient, f"checkin:{row.id}", ())


def of_finished_checkin(work: Work, patient: Patient, row: CheckInRow, shown: Screen) -> None:
    """Take the buttons from a finished check-in once its answers can't be changed any more, or another one is finished.

    What asks about an open alert stays until that is closed.
    """
    later = replace(work, sends_from=work.at + work.clinic.protocol.clocks.change_for)
    _leave(later, patient, f"checkin:{row.id}", _about_alert(shown))
    for former in work.checkins.of_patient(patient.id, limit=RECENT):
        if former.id != row.id and former.value.state is State.DONE and _can_be_changed(work, former):
            _of_former_end(work, patient, f"checkin:{former.id}")


def _can_be_changed(work: Work, row: CheckInRow) -> bool:
    closed = row.closed_at
    return closed is not None and timedelta(0) <= work.at - closed < work.clinic.protocol.clocks.change_for


def _of_former_end(work: Work, patient: Patient, slot: str) -> None:
    """Take the buttons from an end that a newer one follows: where check-ins are daily, they would pile up."""
    for chat_id, language in _chats(work, patient):
        ends = [end for end in work.outbox.shown(patient.id, chat_id, (slot,)) if end.slot == slot]
        for end in ends:
            _queue(work, patient, chat_id, language, slot, _about_alert(end.screen))


def _about_alert(shown: Screen) -> list[ButtonRow]:
    return [made for made in shown.rows if any(_alert_of(button) is not None for button in made)]


def of_answered_question(work: Work, patient: Patient, slot: str) -> None:
    """Take the buttons from a question that has its last answer."""
    _leave(work, patient, slot, ())


def of_closed_alert(work: Work, patient: Patient, alert: AlertRow) -> None:
    """Take the buttons that ask about a closed alert, and its tip, from its messages; numbers and the card stay."""
    slots = (f"alert:{alert.id}:", f"call-soon:{alert.id}", f"loopback:{alert.id}:", f"alert-reply:{alert.id}")
    for chat_id, language in _chats(work, patient):
        for row in work.outbox.shown(patient.id, chat_id, (*slots, "checkin:")):
            asks = [button for made in row.screen.rows for button in made if _asks_about(button, alert)]
            if asks:
                gone = [*asks, *_tips_of_call(row)]
                left = [made for made in row.screen.rows if not any(button in gone for button in made)]
                is_checkin = row.slot.startswith("checkin:")
                _queue(work, patient, chat_id, language, row.slot, _fresh(work, row, left) if is_checkin else left)


def _fresh(work: Work, row: Outbox, left: Sequence[ButtonRow]) -> Sequence[ButtonRow]:
    """Return what is left below the end of a check-in: nothing once its answers can't be changed any more."""
    age = work.at - row.created_at
    return left if timedelta(0) <= age < work.clinic.protocol.clocks.change_for else ()


def _alert_of(button: Button) -> int | None:
    return button.action.subject if button.action is not None and button.action.kind == KIND else None


def _asks_about(button: Button, alert: AlertRow) -> bool:
    return _alert_of(button) == alert.id and button.action is not None and button.action.choice not in _STILL_ACTS


def _tips_of_call(row: Outbox) -> Iterator[Button]:
    """Yield what a call within a day offers besides; the end of a check-in keeps its tip for as long as its answers."""
    if row.slot.startswith("call-soon:"):
        yield from (b for made in row.screen.rows for b in made if b.action is not None and b.action.kind == "tip")


def _leave(work: Work, patient: Patient, slot: str, left: Sequence[ButtonRow]) -> None:
    for chat_id, language in _chats(work, patient):
        _queue(work, patient, chat_id, language, slot, left)


def _queue(work: Work, patient: Patient, chat_id: int, language: str, slot: str, left: Sequence[ButtonRow]) -> None:
    own_chats = {patient.chat_id, patient.second_chat_id}
    # No line is shown; the one of a caregiver makes the labels speak of the patient in the third person.
    lines = () if chat_id in own_chats else (Text(key=HEAD),)
    screen = Screen(name=NAME, lines=lines, rows=tuple(left))
    enqueue(work, chat_id, language, screen, slot=slot, lane=Lane.DIGEST, mode="buttons", patient_id=patient.id)


def _chats(stores: Stores, patient: Patient) -> Iterator[tuple[int, str]]:
    """Yield chat and language of the patient, their old phone and the active caregivers; none of who left."""
    if patient.state in {PatientState.DECLINED, PatientState.WITHDRAWN}:
        return
    if patient.chat_id is not None:
        yield patient.chat_id, patient.language
    if patient.second_chat_id is not None and patient.phone_move == "moved":
        yield patient.second_chat_id, patient.language
    for helper in stores.caregivers.of_patient(patient.id):
        if helper.state == "active" and helper.chat_id is not None:
            yield helper.chat_id, helper.language
