"""Renders a core `Screen` as Telegram takes it: HTML text, signed buttons, the reply keyboard. It sends nothing.

Catalog strings are Telegram HTML already. Values are not: they are escaped, and a value that is a `Text` itself is
rendered to plain words first, so that nothing a person or a setting supplies can become markup.
"""

import html
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Protocol

import structlog
from telegram import (
    CopyTextButton,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    KeyboardButton,
    ReplyKeyboardMarkup,
    ReplyKeyboardRemove,
)

from bot.app.conversation import Command
from bot.app.ports import Render, Rendered
from bot.chat.buttons import encode
from bot.chat.charts import drawn
from bot.chat.metrics import PICTURE_ERRORS
from bot.core.screen import Button, Screen, Style, Text, Trend

log = structlog.get_logger(__name__)

MAX_TEXT = 4096
"""Telegram's limit of a message, in UTF-16 code units after the markup is parsed."""
MAX_CAPTION = 1024
"""The same of a picture's caption."""
MAX_TOAST = 200
"""Telegram's limit of the answer to a tapped button (answerCallbackQuery)."""
BETWEEN_LINES = "\n\n"
"""A screen's lines are paragraphs: on a phone they need the air."""
KEYBOARD: tuple[tuple[Command, ...], ...] = (("worse", "tips"), ("team", "menu"))
"""The reply keyboard: two rows of two, always in this order; the label of each is `keyboard.<command>`."""

_TAG = re.compile(r"</?(?:b|i|u|s|code)>")
"""The tags that catalogs may use."""


class Texts(Protocol):
    """What is needed of the catalogs: one string in one language, with its values escaped and filled in."""

    def get(self, language: str, key: str, values: Mapping[str, str | int], *, escape: Callable[[str], str]) -> str: ...


class Catalogs(Texts, Protocol):
    """What is needed to go through all of them."""

    def keys(self) -> Iterable[str]: ...


class Words:
    """Texts of the catalogs as HTML or as plain words."""

    def __init__(self, texts: Texts) -> None:
        self._texts = texts

    def html(self, text: Text, language: str) -> str:
        """Return Telegram HTML; values are escaped once."""
        spoken = text.language or language
        values = {name: self._value(value, spoken) for name, value in text.values.items()}
        return self._texts.get(spoken, text.key, values, escape=_escaped)

    def plain(self, text: Text, language: str) -> str:
        """Return words without markup, for labels, toasts and values."""
        return unmarked(self.html(text, language))

    def _value(self, value: str | int | Text, language: str) -> str | int:
        return self.plain(value, language) if isinstance(value, Text) else value


def _escaped(value: str) -> str:
    return html.escape(value, quote=False)


def unmarked(marked: str) -> str:
    """Return Telegram HTML as plain words; a bare "&" or "<" stays what it is."""
    return html.unescape(_TAG.sub("", marked))


def plain_words(texts: Catalogs, language: str) -> dict[str, str]:
    """Return all strings of a language as plain words, their placeholders left in."""
    return {key: unmarked(texts.get(language, key, {}, escape=str)) for key in texts.keys()}  # noqa: SIM118


def make_render(texts: Texts, key: bytes) -> Render:
    """Return the renderer; `key` signs the buttons."""
    words = Words(texts)

    def render(screen: Screen, language: str, chat_id: int) -> Rendered:
        lines = [words.html(line, language) for line in screen.lines]
        return Rendered(
            text=fitted(screen.name, lines, MAX_TEXT if screen.trend is None else MAX_CAPTION),
            photo=_picture(screen.trend, words, language) if screen.trend is not None else None,
            markup=_markup(screen, words, language, key, chat_id),
            protect=screen.protect,
            contact=screen.contact,
        )

    return render


def _picture(trend: Trend, words: Words, language: str) -> bytes | None:
    """Draw it; what can't be drawn leaves its caption, which has the figures."""
    try:
        return drawn(trend, lambda text: words.plain(text, language))
    except Exception as error:  # noqa: BLE001 - a picture must not cost the patient the message
        PICTURE_ERRORS.inc()
        log.error("a picture can't be drawn", action="picture_failed", error=type(error).__name__)  # noqa: TRY400
        return None


def fitted(name: str, lines: Iterable[str], most: int = MAX_TEXT) -> str:
    """Join lines (HTML) up to Telegram's limit; what is over it is left out at the end, and logged.

    A message that is too long would be refused as a whole, and the first lines are those that matter.
    """
    kept = ""
    for line in lines:
        longer = f"{kept}{BETWEEN_LINES}{line}" if kept else line
        if _units(unmarked(longer)) > most:
            log.error("a screen is too long", action="screen_cut", screen=name)
            return kept or _escaped(_cut(unmarked(line), most))
        kept = longer
    return kept


def _units(words: str) -> int:
    return len(words.encode("utf-16-le", "surrogatepass")) // 2


def _cut(words: str, most: int) -> str:
    return words.encode("utf-16-le")[: 2 * (most - 1)].decode("utf-16-le", "ignore") + "…"


def toast(words: Words, text: Text, language: str) -> str:
    """Return the short answer to a tap: plain words, at most 200 characters."""
    said = words.plain(text, language)
    return said if len(said) <= MAX_TOAST else said[: MAX_TOAST - 1] + "…"


def _markup(
    screen: Screen, words: Words, language: str, key: bytes, chat_id: int
) -> InlineKeyboardMarkup | ReplyKeyboardMarkup | ReplyKeyboardRemove | None:
    """Return the one markup a message may have: buttons to answer with go before the keyboard at the bottom."""
    if screen.rows:
        return InlineKeyboardMarkup([[_button(b, words, language, key, chat_id) for b in row] for row in screen.rows])
    if screen.keyboard == "show":
        return reply_keyboard(words, language)
    return ReplyKeyboardRemove() if screen.keyboard == "remove" else None


def _button(button: Button, words: Words, language: str, key: bytes, chat_id: int) -> InlineKeyboardButton:
    label = words.plain(button.label, language)
    style = None if button.style is Style.PLAIN else button.style.value
    if button.copy_value is not None:
        return InlineKeyboardButton(label, copy_text=CopyTextButton(button.copy_value), style=style)
    if button.url is not None:
        return InlineKeyboardButton(label, url=button.url, style=style)
    if button.action is None:
        raise ValueError(f"the button {button.label.key} has neither an action, a text to copy nor an address")
    return InlineKeyboardButton(label, callback_data=encode(button.action, key, chat_id), style=style)


def reply_keyboard(words: Words, language: str) -> ReplyKeyboardMarkup:
    """Return the keyboard that is always at the bottom of the chat."""
    rows = [[KeyboardButton(_label(words, name, language)) for name in row] for row in KEYBOARD]
    return ReplyKeyboardMarkup(rows, resize_keyboard=True, is_persistent=True)


def keyboard_commands(words: Words, languages: Iterable[str]) -> dict[str, Command]:
    """Return what each label of the reply keyboard means, in all these languages: an old keyboard outlives a change."""
    return {_label(words, name, language): name for language in languages for row in KEYBOARD for name in row}


def _label(words: Words, name: Command, language: str) -> str:
    return words.plain(Text(key=f"keyboard.{name}"), language)
