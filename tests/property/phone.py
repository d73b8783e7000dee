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
    last_id: int = 0
    tapped: Action | None = None
    news: list[Outbox] = field(default_factory=list)
    """What arrived and was not looked at yet."""

    def take(self, claim: Claim) -> int:
        """Show a message as Telegram would: in the place of the one it edits, or below all others."""
        row = claim.row
        number = claim.message_id if row.mode == "edit" and claim.message_id in self.messages else None
        if number is None:
            self.last_id += 1
            number = self.last_id
        self.messages[number] = row
        if row.screen.keyboard is not None:
            self.keyboard = row.screen.keyboard == "show"
        self.news.append(row)
        if len(self.messages) > KEPT:
            del self.messages[min(self.messages)]
        return number

    @property
    def last(self) -> Outbox | None:
        return self.messages[max(self.messages)] if self.messages else None

    def with_buttons(self) -> list[int]:
        """Messages that can be tapped on, newest first."""
        return [n for n in sorted(self.messages, reverse=True) if actions(self.messages[n])]


def actions(row: Outbox) -> list[Action]:
    return [b.action for line in row.screen.rows for b in line if b.action is not None]


def leads_on(row: Outbox, words: str, numbers: tuple[str, ...]) -> bool:
    """Whether a message itself shows a way on: a button, a contact, the keyboard, or a number to call."""
    screen = row.screen
    if screen.contact is not None or screen.keyboard == "show" or any(screen.rows):
        return True
    return any(number in words for number in numbers)
