"""What a conversation answers to the chat, and what typed words mean to it."""

from dataclasses import dataclass
from typing import Literal

from bot.core.screen import Text


@dataclass(frozen=True)
class TapResult:
    """What a use case answers to the edge. `toast` is the tapped button's; messages are in the outbox."""

    toast: Text | None = None
    language: str = "en"
    urgent: bool = False
    """The toast is shown as an alert box that has to be dismissed."""


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
