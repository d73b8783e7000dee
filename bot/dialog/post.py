"""Puts screens into the outbox: recipients, lane, slot. Sends nothing itself."""

from collections.abc import Iterator
from datetime import timedelta

from bot.app.records.messages import Lane, Mode, Outbox
from bot.app.records.patients import Patient
from bot.app.records.team import Staff
from bot.app.work import Stores, Work
from bot.core.screen import Screen
from bot.dialog.two_patients import for_caregiver

STRANGERS = "stranger"
"""The slot of messages to chats that belong to nobody."""
SINGLE_PENDING = frozenset(
    ("said menu oops tip team-contact keyboard answers trend stop own own-page own-json " + STRANGERS).split()
)
"""Slots of replies that can be asked for repeatedly: at most one message of each waits to be sent."""


def enqueue(
    work: Work,
    chat_id: int,
    language: str,
    screen: Screen,
    *,
    slot: str,
    lane: Lane,
    edit: bool = False,
    mode: Mode | None = None,
    revision: int = 0,
    valid_for: timedelta | None = None,
    patient_id: int | None = None,
) -> None:
    """Queue one screen for one chat: the only way into the outbox. After `valid_for` an unsent message expires."""
    if slot in SINGLE_PENDING:
        work.outbox.drop_unsent(chat_id, slot)
    work.outbox.enqueue(
        Outbox(
            patient_id=patient_id,
            chat_id=chat_id,
            language=language,
            lane=lane,
            slot=slot,
            mode=mode or ("edit" if edit else "new"),
            revision=revision,
            screen=screen,
            created_at=work.at,
            not_before=work.sends_from or work.at,
            not_after=work.at + valid_for if valid_for is not None else None,
        )
    )


def post(
    work: Work,
    patient: Patient,
    screen: Screen,
    *,
    slot: str,
    lane: Lane = Lane.REPLY,
    edit: bool = False,
    revision: int = 0,
    valid_for: timedelta | None = None,
    everyone: bool = False,
) -> None:
    """Queue a screen for the acting chat, or for `everyone`: the patient and their active caregivers.

    Queue nothing for someone without a chat.
    """
    for chat_id, language, shown in _recipients(work, patient, screen, lane if everyone else None):
        enqueue(
            work,
            chat_id,
            language,
            shown,
            slot=slot,
            lane=lane,
            edit=edit,
            revision=revision,
            valid_for=valid_for,
            patient_id=patient.id,
        )


def _recipients(
    stores: Stores, patient: Patient, screen: Screen, lane: Lane | None
) -> Iterator[tuple[int, str, Screen]]:
    """Yield chat, language and screen of each recipient, the patient first; the acting chat alone if `lane` is None."""
    if lane is None:
        if patient.answering_chat is not None:
            shown = screen if patient.caregiver is None else for_caregiver(screen, patient)
            yield patient.answering_chat, patient.chat_language, shown
        return
    if patient.chat_id is not None:
        yield patient.chat_id, patient.language, screen
    is_urgent = lane is Lane.RED_FLAG and patient.phone_move == "moved"
    if patient.second_chat_id is not None and (patient.is_second or is_urgent):
        yield patient.second_chat_id, patient.language, screen
    for caregiver in stores.caregivers.of_patient(patient.id):
        if caregiver.state == "active" and caregiver.chat_id is not None:
            yield caregiver.chat_id, caregiver.language, for_caregiver(screen, patient)


def drop_unsent(stores: Stores, patient: Patient, slot: str) -> None:
    """Drop the unsent messages of a slot, for the patient and their caregivers."""
    chats = [patient.chat_id, patient.second_chat_id, *(c.chat_id for c in stores.caregivers.of_patient(patient.id))]
    for chat_id in chats:
        if chat_id is not None:
            stores.outbox.drop_unsent(chat_id, slot)


def post_staff(
    work: Work,
    person: Staff,
    screen: Screen,
    *,
    slot: str,
    edit: bool = False,
    revision: int = 0,
    lane: Lane = Lane.REMINDER,
) -> None:
    """Queue a screen for a team member; nothing for one who has no chat or is not active."""
    if person.chat_id is not None and person.state == "active":
        enqueue(work, person.chat_id, person.language, screen, slot=slot, lane=lane, edit=edit, revision=revision)


def post_stranger(work: Work, chat_id: int, language: str, screen: Screen) -> None:
    """Queue a screen for a chat that belongs to nobody: one at a time, and in the last lane."""
    enqueue(work, chat_id, language, screen, slot=STRANGERS, lane=Lane.DIGEST)
