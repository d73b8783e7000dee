"""Recognizes what a person typed: a command, a red flag, words of despair, a number or a study code. Passes no text on.

What a person typed, said or sent stops here: the use case receives only what a short list of phrases recognizes in it.
"""

import re
from collections.abc import Callable, Mapping
from typing import Literal, Protocol, cast, get_args

from bot.app.patients.registry import CODE
from bot.core.digits import ascii_digits
from bot.dialog.conversation import Command
from bot.dialog.replies import UNKNOWN, Meaning

_COMMANDS: frozenset[str] = frozenset(get_args(Command))
_COMMAND = re.compile(r"/([A-Za-z0-9_]{1,32})(?:@([A-Za-z0-9_]{1,64}))?(?:\s+(.*))?", re.DOTALL)
_PAYLOAD = re.compile(r"[A-Za-z0-9_-]{1,64}")
"""The payload that Telegram allows in a start link; anything else was typed by a person."""
_NUMBERS = frozenset("123456789")
_DIGIT = re.compile(r"[0-9]")


class Understood(Protocol):
    """What the lists say of a text (bot.content.typed.Recognized)."""

    @property
    def found(self) -> Literal["sign", "despair", "command", "other"]: ...
    @property
    def signs(self) -> tuple[str, ...]: ...


class Typed(Protocol):
    """The typed phrases that the bot understands (bot.content.typed.TypedWords or a fake)."""

    def command(self, text: str) -> str | None: ...
    def recognize(self, text: str) -> Understood: ...


class TypedMessages:
    """Recognizes typed messages. The arguments are those of `bot.chat.handlers.Handlers`."""

    def __init__(self, keyboard: Mapping[str, Command], typed: Typed, bot_name: Callable[[], str | None]) -> None:
        self._keyboard = {_normalized(label): name for label, name in keyboard.items()}
        self._typed = typed
        self._bot_name = bot_name

    def command(self, text: str) -> Command | Literal["start"] | None:
        """Return the command of a message: a button of the reply keyboard, a slash command or a phrase; else None."""
        return self._keyboard.get(_normalized(text)) or self._slash_command(text) or self._typed_command(text)

    def meaning(self, text: str, other_text: str) -> Meaning:
        """Return what a message means; `other_text` (a caption, an edit) is checked only for signs and despair."""
        text, other_text = ascii_digits(text), ascii_digits(other_text)
        recognized = self._typed.recognize(text or other_text)
        if recognized.found == "despair":
            return Meaning("despair", names_sign=bool(recognized.signs))
        if recognized.found == "sign":
            return Meaning("red_flag")
        number = text.strip().rstrip(".)")
        if number in _NUMBERS:
            return Meaning("choice", int(number))
        # Only text with a digit can be a code: ordinary words that a patient types go no further.
        code = text.strip().upper()
        return Meaning("code", code=code) if CODE.fullmatch(code) and _DIGIT.search(code) else UNKNOWN

    def _typed_command(self, text: str) -> Command | None:
        name = self._typed.command(text)
        return cast("Command", name) if name in _COMMANDS else None

    def _slash_command(self, text: str) -> Command | Literal["start"] | None:
        match = _COMMAND.fullmatch(text.strip())
        if match is None:
            return None
        own = self._bot_name()
        if match[2] and own and match[2].lower() != own.lower():
            return None
        name = match[1].lower()
        return cast("Command | Literal['start']", name) if name in _COMMANDS or name == "start" else None


def start_payload(text: str) -> str:
    """Return the payload of /start, or "" if it is none that a start link can have."""
    match = _COMMAND.fullmatch(text.strip())
    typed = (match[3] or "").strip() if match is not None else ""
    return typed if _PAYLOAD.fullmatch(typed) else ""


def _normalized(label: str) -> str:
    return " ".join(label.split()).casefold()
