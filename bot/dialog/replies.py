"""The values that a chat and the conversation exchange: results of taps, meanings of messages. No behaviour."""

from dataclasses import dataclass
from typing import Literal

from bot.core.screen import Text


@dataclass(frozen=True)
class TapResult:
    """The result of an update. `toast`: the notification of the tapped button; messages are in the outbox."""

    toast: Text | None = None
    language: str = "en"
    urgent: bool = False
    """Whether the toast is shown as a dialog that has to be dismissed."""


@dataclass(frozen=True)
class Meaning:
    """The meaning of a typed message, as far as it is recognised; its text itself goes no further and is not stored.

    "red_flag": it names a sign that can't wait, or calls for help. "despair": it speaks of despair or self-harm, and
    with `names_sign` of such a sign, too. "choice": the number (1-9) of a shown choice. "code": it looks like a study
    code, which only the team may look up.
    """

    kind: Literal["red_flag", "despair", "choice", "code", "unknown"]
    number: int = 0
    code: str = ""
    names_sign: bool = False


UNKNOWN = Meaning("unknown")
