"""Puts screens into the outbox: who gets it, in which lane, into which message. Sends nothing itself."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from bot.app.store import Lane, Outbox, Patient, Store
from bot.core.screen import Screen, Text

ONE_WAITING = frozenset({"said", "menu", "oops", "tip", "team-contact", "keyboard", "answers", "trend"})
"""Slots of answers to words and menus: however often they are asked for, one message of each waits to be sent."""


def post(
    store: Store,
    patient: Patient,
    screen: Screen,
    *,
    at: datetime,
    slot: str,
    lane: Lane = Lane.REPLY,
    edit: bool = False,
    revision: int = 0,
    lasts: timedelta | None = None,
    everyone: bool = False,
) -> None:
    """Queue a screen for the chat that asked; one who has no chat gets nothing.

    `everyone`: for the patient and for a caregiver who answers with them. `lasts`: after it the message is pointless.
    """
    for chat_id, language, shown in _readers(store, patient, screen, everyone=everyone):
        if slot in ONE_WAITING:
            store.drop_unsent(chat_id, slot)
        store.enqueue(
            Outbox(
                patient_id=patient.id,
                chat_id=chat_id,
                language=language,
                lane=lane,
                slot=slot,
                mode="edit" if edit else "new",
                revision=revision,
                screen=shown,
                created_at=at,
                not_before=at,
                not_after=at + lasts if lasts is not None else None,
            )
        )


def _readers(store: Store, patient: Patient, screen: Screen, *, everyone: bool) -> Iterator[tuple[int, str, Screen]]:
    """Yield chat, language and screen of each who gets it: the patient's own first."""
    if not everyone:
        if patient.answering_chat is not None:
            shown = screen if patient.helper is None else _for_caregiver(screen)
            yield patient.answering_chat, patient.speaks, shown
        return
    if patient.chat_id is not None:
        yield patient.chat_id, patient.language, screen
    for caregiver in store.caregivers(patient.id):
        if caregiver.state == "active" and caregiver.chat_id is not None:
            yield caregiver.chat_id, caregiver.language, _for_caregiver(screen)


def _for_caregiver(screen: Screen) -> Screen:
    """Say whom it is about: a caregiver must not answer for themselves."""
    if screen.contact is not None or screen.keyboard is not None or screen.name.startswith("care."):
        return screen
    return screen.model_copy(update={"lines": (Text(key="caregiver.head"), *screen.lines)})


def drop_unsent(store: Store, patient: Patient, slot: str) -> None:
    """Take back what was not sent yet, from everyone."""
    chats = [patient.chat_id, *(c.chat_id for c in store.caregivers(patient.id))]
    for chat_id in chats:
        if chat_id is not None:
            store.drop_unsent(chat_id, slot)


def post_stranger(store: Store, chat_id: int, language: str, screen: Screen, at: datetime) -> None:
    """Queue a screen for a chat that belongs to no patient: one at a time, and behind all patients."""
    store.drop_unsent(chat_id, "stranger")
    store.enqueue(
        Outbox(
            patient_id=None,
            chat_id=chat_id,
            language=language,
            lane=Lane.DIGEST,
            slot="stranger",
            mode="new",
            revision=0,
            screen=screen,
            created_at=at,
            not_before=at,
        )
    )
