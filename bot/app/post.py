"""Puts screens into the outbox: who gets it, in which lane, into which message. Sends nothing itself."""

from datetime import datetime, timedelta

from bot.app.store import Lane, Outbox, Patient, Store
from bot.core.screen import Screen

ONE_WAITING = frozenset({"said", "menu", "oops", "tip", "team-contact", "keyboard"})
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
) -> None:
    """Queue a screen for a patient; one without a chat gets nothing. `lasts`: after it the message is pointless."""
    if patient.chat_id is None:
        return
    if slot in ONE_WAITING:
        store.drop_unsent(patient.chat_id, slot)
    store.enqueue(
        Outbox(
            patient_id=patient.id,
            chat_id=patient.chat_id,
            language=patient.language,
            lane=lane,
            slot=slot,
            mode="edit" if edit else "new",
            revision=revision,
            screen=screen,
            created_at=at,
            not_before=at,
            not_after=at + lasts if lasts is not None else None,
        )
    )


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
