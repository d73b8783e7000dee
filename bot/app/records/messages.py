"""Records of delivery: messages to send, claims, failed deliveries, the shared sending budget. They decide nothing."""

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


Mode = Literal["new", "edit", "buttons"]
"""What a message does to its slot."""


class Outbox(Frozen):
    """A message to send; the row *is* the job.

    `slot` names the message in the chat that this screen belongs to ("checkin:12"); `mode` "edit" edits the slot's
    message in place (or sends a new one if there is none), "new" sends a new one, which becomes the slot's message.
    "buttons" changes only the buttons of the slot's message, if there is one: such a row replaces, and is merged into,
    no other.

    A newer revision replaces an unsent row of the same chat, slot and mode "edit". An edit is merged into an unsent
    "new" row, which gets its screen, so that one message is sent. Of two unsent "new" rows in a slot only the later
    revision is sent, unless one of them is a red flag. A claimed row is not changed: newer ones wait behind it, and
    supersede it if it has to be retried. After `not_after` a row expires (a reminder of what is closed). Body columns
    are encrypted.
    """

    id: int = 0
    patient_id: int | None
    chat_id: int
    language: str
    lane: Lane
    slot: str
    mode: Mode
    revision: int
    screen: Screen
    created_at: datetime
    not_before: datetime
    not_after: datetime | None = None


class Claim(Frozen):
    """An outbox row leased to a sender. `message_id`: the slot's message to edit, if there is one."""

    row: Outbox
    attempt: int
    message_id: int | None

    @property
    def has_card(self) -> bool:
        """Whether a card goes ahead of this new message, in a call of its own: at the first attempt alone."""
        return self.row.screen.ahead is not None and self.row.mode == "new" and self.attempt == 1

    @property
    def calls(self) -> int:
        """The number of calls of the Bot API that it takes, if none is retried."""
        return 2 if self.has_card else 1


class OutboxState(StrEnum):
    """The status of an outbox row."""

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
    """A message that failed. `why`: the error's class and Telegram's description, never the message's text."""

    id: int
    patient_id: int | None
    lane: "Lane"
    slot: str
    attempts: int
    why: str
    created_at: datetime
    failed_at: datetime | None


class FailedDelivery(NamedTuple):
    """The facts that decide whether a failed message may be retried.

    `row`: None if it can't be decrypted. `superseded`: a later message of its slot waits or was sent.
    """

    row: "Outbox | None"
    superseded: bool
