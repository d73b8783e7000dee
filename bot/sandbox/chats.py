"""People, their chats and messages as plain records that can be saved. Contains no rules of sending."""

from dataclasses import asdict, dataclass, field
from typing import Any

Message = dict[str, Any]

FIRST_PERSON_ID = 700_000_001
FIRST_GROUP_ID = -100_200_000_001


@dataclass
class Person:
    """A person with a phone. `id` is also that of the private chat; `code`, `start` and `link` belong to an invite."""

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
    """A chat: private, group, supergroup or channel. `started`: someone has written, so the bot may write too.

    `keyboard` is the current reply keyboard. `locked` messages have a reply keyboard and therefore can't be edited.
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
        """Return the Chat object that messages contain."""
        return {"id": self.id, "type": self.type, "first_name" if self.is_private else "title": self.title}

    def add(self, message: Message) -> Message:
        """Store the message under the chat's next id and return it."""
        stored = {"message_id": self.next_id, "chat": self.head(), **message}
        self.messages[self.next_id] = stored
        self.next_id += 1
        return stored

    def dump(self) -> dict[str, Any]:
        return {**asdict(self), "messages": list(self.messages.values()), "locked": sorted(self.locked)}

    @classmethod
    def load(cls, saved: dict[str, Any]) -> "Chat":
        messages = {message["message_id"]: message for message in saved["messages"]}
        return cls(**{**saved, "messages": messages, "locked": set(saved["locked"])})


@dataclass
class CallbackQuery:
    """A tap on an inline button: the callback query and, once received, the bot's answer."""

    id: str
    chat_id: int
    message_id: int
    data: str
    answer: dict[str, Any] | None = None


@dataclass
class Webhook:
    """The webhook to which updates are posted, and the last error."""

    url: str
    secret: str = ""
    max_connections: int = 40
    last_error: str = ""
    last_error_date: int = 0
