"""A phone: the messages of one chat as they are now, old ones included, and the keyboard below them."""

from dataclasses import dataclass, field
from datetime import datetime

from bot.app.records.messages import Claim, Outbox
from bot.core.screen import Action

KEPT = 400
"""Nobody scrolls further up than this many messages."""


@dataclass
class Phone:
    chat_id: int
    messages: dict[int, Outbox] = field(default_factory=dict)
    keyboard: bool = False
    blocked: bool = False
    tappable: set[int] = field(default_factory=set)
    """The messages that have buttons now."""
    last_id: int = 0
    tapped: Action | None = None
    tapped_at: datetime | None = None
    """When the message was sent whose button was tapped last."""
    answered: set[int] = field(default_factory=set)
    """The screens (by outbox id) that were tapped already; most people don't tap them again."""

    def take(self, claim: Claim) -> int | None:
        """Show a message as Telegram would: in place of the one it edits, or below all others."""
        row = claim.row
        if row.mode == "buttons":
            self._change_buttons(claim)
            return claim.message_id
        number = claim.message_id if row.mode == "edit" and claim.message_id in self.messages else None
        if number is None:
            self.last_id += 1
            number = self.last_id
            if row.screen.replaces and claim.message_id is not None:
                self.messages.pop(claim.message_id, None)
                self.tappable.discard(claim.message_id)
        self.messages[number] = row
        (self.tappable.add if actions(row) else self.tappable.discard)(number)
        if row.screen.keyboard is not None:
            self.keyboard = row.screen.keyboard == "show"
        if len(self.messages) > KEPT:
            oldest = next(iter(self.messages))
            del self.messages[oldest]
            self.tappable.discard(oldest)
        return number

    def _change_buttons(self, claim: Claim) -> None:
        former = self.messages.get(claim.message_id or 0)
        if former is not None and claim.message_id is not None:
            screen = former.screen.model_copy(update={"rows": claim.row.screen.rows})
            changed = former.model_copy(update={"screen": screen})
            self.messages[claim.message_id] = changed
            (self.tappable.add if actions(changed) else self.tappable.discard)(claim.message_id)

    @property
    def last(self) -> Outbox | None:
        return self.messages.get(self.last_id)

    def with_buttons(self) -> list[int]:
        """Return the messages that can be tapped, newest first."""
        return sorted(self.tappable, reverse=True)


def actions(row: Outbox) -> list[Action]:
    return [b.action for line in row.screen.rows for b in line if b.action is not None]


def leads_on(row: Outbox, words: str, numbers: tuple[str, ...]) -> bool:
    """Return whether a message shows a way to continue: a button, a contact, the keyboard or a number to call."""
    screen = row.screen
    if screen.contact is not None or screen.keyboard == "show" or any(screen.rows):
        return True
    return any(number in words for number in numbers)
