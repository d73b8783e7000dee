"""The reply keyboard at the bottom of a chat, and which command each of its labels is. It sends nothing."""

from collections.abc import Callable, Iterable

from telegram import KeyboardButton, ReplyKeyboardMarkup

from bot.core.screen import Text
from bot.dialog.conversation import Command

KEYBOARD: tuple[tuple[Command, ...], ...] = (("worse", "tips"), ("team", "menu"))
"""Two rows of two, always in this order; the label of each is `keyboard.<command>`."""
Plain = Callable[[Text, str], str]
"""Renders a text in a language without markup."""


def reply_keyboard(plain: Plain, language: str) -> ReplyKeyboardMarkup:
    """Return the persistent keyboard at the bottom of the chat."""
    rows = [[KeyboardButton(_label(plain, name, language)) for name in row] for row in KEYBOARD]
    return ReplyKeyboardMarkup(rows, resize_keyboard=True, is_persistent=True)


def keyboard_commands(voices: Iterable[Plain], languages: Iterable[str]) -> dict[str, Command]:
    """Return the command of each label, as patients and as caregivers read it, in all these languages.

    An old keyboard outlives a change of the language.
    """
    spoken = tuple(languages)
    return {
        _label(plain, name, language): name
        for plain in voices
        for language in spoken
        for row in KEYBOARD
        for name in row
    }


def _label(plain: Plain, name: Command, language: str) -> str:
    return plain(Text(key=f"keyboard.{name}"), language)
