"""A patient's phone, as data: the messages of one chat with their buttons, fed from the outbox. No Telegram, no HTTP."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from bot.app.store import Lane
from bot.core.screen import Action, Screen

EVERY_LANE = tuple(Lane)


@dataclass
class Shown:
    """One message as it stands in the chat now."""

    message_id: int
    screen: Screen
    lane: Lane
    new_at: datetime

    @property
    def actions(self) -> list[Action]:
        return [button.action for row in self.screen.rows for button in row if button.action is not None]


@dataclass
class Phone:
    """All messages of one chat, oldest first, and every tap made so far (for the story of a failure)."""

    chat_id: int
    messages: dict[int, Shown] = field(default_factory=dict)
    taps: list[str] = field(default_factory=list)
    keyboard: bool = False
    _number: int = 0

    def deliver(self, claim: Any, at: datetime) -> int:
        """Take a message in; return its number."""
        row = claim.row
        edits = row.mode == "edit" and claim.message_id in self.messages and row.screen.contact is None
        if edits and row.screen.keyboard is None and row.screen.trend is None:
            self.messages[claim.message_id].screen = row.screen
            return claim.message_id
        self._number += 1
        self.messages[self._number] = Shown(self._number, row.screen, row.lane, at)
        if row.screen.keyboard is not None:
            self.keyboard = row.screen.keyboard == "show"
        return self._number

    @property
    def last(self) -> Shown:
        return self.messages[max(self.messages)]

    def recent(self, count: int) -> list[Shown]:
        return [self.messages[n] for n in sorted(self.messages)[-count:]]


def take_in(store: Any, phones: dict[int, Phone], at: datetime) -> list[Shown]:
    """Send all that waits; return what came in, in order."""
    came: list[Shown] = []
    while claims := store.claim_outbox(
        at, lanes=EVERY_LANE, limit=50, owner="phone", lease_until=at + timedelta(minutes=1)
    ):
        for claim in claims:
            number = None
            if claim.row.chat_id in phones:
                phone = phones[claim.row.chat_id]
                number = phone.deliver(claim, at)
                came.append(phone.messages[number])
            store.mark_sent(claim.row.id, owner="phone", message_id=number, at=at)
    return came
