"""Records of delivery: messages to send, claims on them, what became of them, the shared sending budget."""

from datetime import datetime
from enum import IntEnum, StrEnum
from typing import Literal, NamedTuple

from bot.core.frozen import Frozen
from bot.core.screen import Screen


class Lane(IntEnum):
    """The order of sending: lower first, strictly."""

    RED_FLAG = 0
    REPLY = 1
    REMINDER = 2
    CHECKIN = 3
    DIGEST = 4


class Outbox(Frozen):
    """A message to send; the row *is* the job.

    `slot` names the message in the chat that this screen belongs to ("checkin:12"); `mode` "edit" edits the slot's
    message in place (sending anew when there is none), "new" sends a new one and makes it the slot's message.
    An unsent row of the same chat, slot and mode "edit" is replaced by a newer revision; "new" rows are never replaced
    by an edit: the edit's screen takes the place of the unsent new one's body instead, so that one message goes out.
    Of two unsent new ones in a slot the later revision is sent alone, but both where one of them is a red flag.
    A row a sender has in hand is left alone: what is newer waits behind it, and goes instead if it has to be tried
    again. `not_after`: past this it is dropped as expired (a reminder for what is closed). Body columns are encrypted.
    """

    id: int = 0
    patient_id: int | None
    chat_id: int
    language: str
    lane: Lane
    slot: str
    mode: Literal["new", "edit"]
    revision: int
    screen: Screen
    created_at: datetime
    not_before: datetime
    not_after: datetime | None = None


class Claim(Frozen):
    """An outbox row leased to a sender. `message_id`: the slot's message to edit, where there is one."""

    row: Outbox
    attempt: int
    message_id: int | None


class OutboxState(StrEnum):
    """What became of an outbox row."""

    WAITING = "waiting"
    SENT = "sent"
    FAILED = "failed"
    REPLACED = "replaced"
    EXPIRED = "expired"


class LimiterRow(Frozen):
    """The bot's sending budget, one row shared by every replica (see delivery/limiter.py).

    `all_free_at` and `bulk_free_at` are GCRA arrival times of the whole budget and of the bulk lanes' share;
    `bulk_stopped_until` is set by a bot-wide retry_after.
    """

    all_free_at: datetime
    bulk_free_at: datetime
    bulk_stopped_until: datetime


class FailedMessage(NamedTuple):
    """A message that was given up. `why`: the error's class and Telegram's own words, never the message's."""

    id: int
    patient_id: int | None
    lane: "Lane"
    slot: str
    attempts: int
    why: str
    created_at: datetime
    failed_at: datetime | None


class FailedDelivery(NamedTuple):
    """What decides whether a message that was given up may still be sent.

    `row`: None where it can't be read. `superseded`: a later one of its slot waits or was sent.
    """

    row: "Outbox | None"
    superseded: bool
