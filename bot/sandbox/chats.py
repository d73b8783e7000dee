"""People, their chats and what stands in them, as plain records that can be saved. No rules of sending live here."""

from dataclasses import asdict, dataclass, field
from typing import Any

Message = dict[str, Any]

FIRST_PERSON_ID = 700_000_001
FIRST_GROUP_ID = -100_200_000_001


@dataclass
class Person:
    """Someone with a phone. `id` is the private chat's too; `code`, `start` and `link` come with an invite."""

    id: int
    name: str
    language_code: str = "en"
    blocked: bool = False
    deactivated: bool = False
    code: str | None = None
    start: str | None = None
    link: str | None = None
    opened: bool = False

    def user(self) -> dict[str, Any]:
        return {"id": self.id, "is_bot": False, "first_name": self.name, "language_code": self.language_code}


@dataclass
class Chat:
    """One chat: private, group, supergroup or channel. `started`: someone wrote, so that the bot may write too.

    `keyboard` is the reply keyboard shown now. `locked` messages carry a reply keyboard, so can't be edited.
    """

    id: int
    type: str
    title: str
    started: bool = False
    bot_is_member: bool = True
    next_id: int = 1
    messages: dict[int, Message] = field(default_factory=dict)
    keyboard: dict[str, Any] | None = None
    locked: set[int] = field(default_factory=set)

    @property
    def is_private(self) -> bool:
        return self.type == "private"

    def head(self) -> dict[str, Any]:
        """The Chat object inside messages."""
        return {"id": self.id, "type": self.type, "first_name" if self.is_private else "title": self.title}

    def add(self, message: Message) -> Message:
        """Give the message the chat's next id and keep it."""
        kept = {"message_id": self.next_id, "chat": self.head(), **message}
        self.messages[self.next_id] = kept
        self.next_id += 1
        return kept

    def dump(self) -> dict[str, Any]:
        return {**asdict(self), "messages": list(self.messages.values()), "locked": sorted(self.locked)}

    @classmethod
    def load(cls, saved: dict[str, Any]) -> "Chat":
        messages = {message["message_id"]: message for message in saved["messages"]}
        return cls(**{**saved, "messages": messages, "locked": set(saved["locked"])})


@dataclass
class Tap:
    """A tap on an inline button: the callback query and, once it came, the bot's answer to it."""

    id: str
    chat_id: int
    message_id: int
    data: str
    answer: dict[str, Any] | None = None


@dataclass
class Webhook:
    """Where updates are posted, and how that went last."""

    url: str
    secret: str = ""
    max_connections: int = 40
    last_error: str = ""
    last_error_date: int = 0
