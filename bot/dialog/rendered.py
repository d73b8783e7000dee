"""The message that a screen becomes in one language. Renders nothing itself."""

from dataclasses import dataclass
from typing import Any, Protocol

from bot.core.screen import Screen


@dataclass(frozen=True)
class ContactCard:
    """A contact card in one language."""

    number: str
    name: str


@dataclass(frozen=True)
class File:
    """A file and its name."""

    name: str
    content: bytes


@dataclass(frozen=True)
class Rendered:
    """A screen in one language, as the Bot API takes it: HTML text, a reply markup (library object), flags."""

    text: str
    markup: Any | None = None
    protect: bool = False
    silent: bool = False
    contact: ContactCard | None = None
    ahead: ContactCard | None = None
    photo: bytes | None = None
    """A picture (PNG); `text` is its caption."""
    document: File | None = None
    """A file; `text` is its caption."""


class Render(Protocol):
    """Renders a screen as a message for one chat, with buttons signed for that chat."""

    def __call__(self, screen: Screen, language: str, chat_id: int) -> Rendered: ...
