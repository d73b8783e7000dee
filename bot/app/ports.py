"""What use cases and senders are handed by the wiring: the clinic's own facts, and how a screen becomes a message."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from bot.core.protocol import Protocol as ClinicalProtocol
from bot.core.screen import Contact, Screen, Text


@dataclass(frozen=True)
class Clinic:
    """One clinic: its signed protocol, its numbers (E.164, "+49…"), languages and default time zone.

    `hash_token` is a keyed hash (hex) for invite tokens; `new_token` gives an unguessable one of A-Z a-z 0-9 _ -.
    """

    protocol: ClinicalProtocol
    consent_version: str
    consent_hash: str
    team_name: str
    team_number: str
    emergency_number: str
    languages: tuple[str, ...]
    timezone: str
    new_token: Callable[[], str]
    hash_token: Callable[[str], str]
    staff_answers: bool = False
    """Whether messages to the team may say what was answered; otherwise they hold code and tier only."""
    console_url: str | None = None
    """Where the team opens the console from outside (https); Telegram refuses buttons that lead elsewhere."""


@dataclass(frozen=True)
class Outcome:
    """What a use case answers to the edge. `toast` is the tapped button's; messages are in the outbox."""

    toast: Text | None = None
    language: str = "en"
    urgent: bool = False
    """The toast is shown as an alert box that has to be dismissed."""


@dataclass(frozen=True)
class Rendered:
    """A screen in one language, as the Bot API takes it: HTML text, a reply markup (library object), flags."""

    text: str
    markup: Any | None = None
    protect: bool = False
    contact: Contact | None = None
    photo: bytes | None = None
    """A picture (PNG); `text` is its caption."""


@dataclass(frozen=True)
class Meant:
    """What typed words mean, as far as a short list knows: all else stays at the edge and is never kept.

    "red_flag": they name a sign that can't wait. "choice": the number (1-9) of a shown choice. "code": nothing but what
    looks like a study code, which only the team may look up.
    """

    kind: Literal["red_flag", "choice", "code", "unknown"]
    number: int = 0
    code: str = ""


UNKNOWN = Meant("unknown")


class Render(Protocol):
    """Turn a screen into a message for one chat (buttons are signed for that chat)."""

    def __call__(self, screen: Screen, language: str, chat_id: int) -> Rendered: ...
