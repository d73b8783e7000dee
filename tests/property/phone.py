"""A phone: the messages of one chat as they stand there now, old ones too, and the keyboard below them."""

from dataclasses import dataclass, field

from bot.app.store import Claim, Outbox
from bot.core.screen import Action

KEPT = 400
"""Messages further up than that nobody scrolls to."""


@dataclass
class Phone:
    chat_id: int
    messages: dict[int, Outbox] = field(default_factory=dict)
    keyboard: bool = False
    blocked: bool = False
    tappable: set[int] = field(default_factory=set)
    """Messages that have buttons now."""
    last_id: int = 0
    tapped: Action | None = None
    answered: set[int] = field(default_factory=set)
    """Screens (their numbers in the outbox) that were tapped on already: who isn't fidgety leaves them alone."""

    def take(self, claim: Claim) -> int:
        """Show a message as Telegram would: in the place of the one it edits, or below all others."""
        row = claim.row
        number = claim.message_id if row.mode == "edit" and claim.message_id in self.messages else None
        if number is None:
            self.last_id += 1
            number = self.last_id
        self.messages[number] = row
        (self.tappable.add if actions(row) else self.tappable.discard)(number)
        if row.screen.keyboard is not None:
            self.keyboard = row.screen.keyboard == "show"
        if len(self.messages) > KEPT:
            oldest = next(iter(self.messages))
            del self.messages[oldest]
            self.tappable.discard(oldest)
        return number

    @property
    def last(self) -> Outbox | None:
        return self.messages.get(self.last_id)

    def with_buttons(self) -> list[int]:
        """Messages that can be tapped on, newest first."""
        return sorted(self.tappable, reverse=True)


def actions(row: Outbox) -> list[Action]:
    return [b.action for line in row.screen.rows for b in line if b.action is not None]


def leads_on(row: Outbox, words: str, numbers: tuple[str, ...]) -> bool:
    """Whether a message itself shows a way on: a button, a contact, the keyboard, or a number to call."""
    screen = row.screen
    if screen.contact is not None or screen.keyboard == "show" or any(screen.rows):
        return True
    return any(number in words for number in numbers)
