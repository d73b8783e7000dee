"""Renders a core `Screen` for Telegram: HTML text, signed buttons, the reply keyboard. It sends nothing.

Catalog strings are already Telegram HTML. Values are not: they are escaped, and a value that is itself a `Text` is
rendered as plain text first, so that nothing that a person or a setting supplies can become markup.
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
    ReplyKeyboardMarkup,
    ReplyKeyboardRemove,
)

from bot.chat.buttons import encode
from bot.chat.charts import render_png
from bot.chat.metrics import PICTURE_ERRORS
from bot.chat.reply_keyboard import reply_keyboard
from bot.core.screen import BULLET, HELPER, Button, Contact, Screen, Style, Text, Trend
from bot.dialog.rendered import ContactCard, Render, Rendered
from bot.dialog.two_patients import is_for_caregiver

log = structlog.get_logger(__name__)

MAX_TEXT = 4096
"""Telegram's limit for a message, in UTF-16 code units after the markup is parsed."""
MAX_CAPTION = 1024
"""Telegram's limit for a picture's caption, in the same units."""
MAX_TOAST = 200
"""Telegram's limit for the answer to a tapped button (answerCallbackQuery)."""
BETWEEN_LINES = "\n\n"
"""A screen's lines are paragraphs, which need space on a phone."""

_TAG = re.compile(r"</?(?:b|i|u|s|code|blockquote)(?: expandable)?>")
"""The tags that catalogs may use, and those of a fold."""


class Catalog(Protocol):
    """The part of the catalogs that renders one string in one language, with its values escaped and filled in."""

    def get(self, language: str, key: str, values: Mapping[str, str | int], *, escape: Callable[[str], str]) -> str: ...


class Catalogs(Catalog, Protocol):
    """Catalogs that also list all their keys."""

    def keys(self) -> Iterable[str]: ...


class TextRenderer:
    """Renders texts of the catalogs as HTML or as plain text. `voice`: the prefix of the keys that it prefers."""

    def __init__(self, texts: Catalog, voice: str = "") -> None:
        self._texts, self._voice = texts, voice

    def html(self, text: Text, language: str) -> str:
        """Return Telegram HTML; values are escaped once. Bullets and fold follow on lines of their own."""
        text_language = text.language or language
        values = {name: self._value(value, text_language) for name, value in text.values.items()}
        lines = [self._texts.get(text_language, self._voice + text.key, values, escape=_escaped)]
        lines += [BULLET + self.html(bullet, text_language) for bullet in text.bullets]
        if text.fold is not None:
            lines.append(f"<blockquote expandable>{self.html(text.fold, text_language)}</blockquote>")
        return "\n".join(lines)

    def plain(self, text: Text, language: str) -> str:
        """Return text without markup, for labels, toasts and values."""
        return strip_markup(self.html(text, language))

    def for_helper(self) -> "TextRenderer":
        """Return the renderer of what a caregiver reads: it speaks of the patient in the third person."""
        return TextRenderer(self._texts, HELPER)

    def _value(self, value: str | int | Text, language: str) -> str | int:
        return self.plain(value, language) if isinstance(value, Text) else value


def _escaped(value: str) -> str:
    return html.escape(value, quote=False)


def strip_markup(marked: str) -> str:
    """Return Telegram HTML as plain text; a bare "&" or "<" remains unchanged."""
    return html.unescape(_TAG.sub("", marked))


def plain_texts(texts: Catalogs, language: str) -> dict[str, str]:
    """Return all strings of a language as plain text, with their placeholders."""
    return {key: strip_markup(texts.get(language, key, {}, escape=str)) for key in texts.keys()}  # noqa: SIM118


def make_render(texts: Catalog, key: bytes) -> Render:
    """Return the renderer; `key` signs the buttons."""
    own = TextRenderer(texts)
    helpers = own.for_helper()

    def render(screen: Screen, language: str, chat_id: int) -> Rendered:
        renderer = helpers if is_for_caregiver(screen) else own
        return Rendered(
            text=_text(screen, renderer, language),
            photo=_picture(screen.trend, renderer, language) if screen.trend is not None else None,
            markup=_markup(screen, renderer, language, key, chat_id),
            protect=screen.protect,
            silent=screen.silent,
            contact=_card(screen.contact, renderer, language),
            ahead=_card(screen.ahead, renderer, language),
        )

    return render


def _text(screen: Screen, renderer: TextRenderer, language: str) -> str:
    lines = [renderer.html(line, language) for line in screen.lines]
    limit = MAX_TEXT if screen.trend is None and screen.document is None else MAX_CAPTION
    return fit_lines(screen.name, lines, limit, between="\n" if screen.tight else BETWEEN_LINES)


def _card(contact: Contact | None, renderer: TextRenderer, language: str) -> ContactCard | None:
    if contact is None:
        return None
    name = contact.name
    return ContactCard(contact.number, renderer.plain(name, language) if isinstance(name, Text) else name)


def _picture(trend: Trend, renderer: TextRenderer, language: str) -> bytes | None:
    """Return the picture as PNG, or None if it can't be drawn: its caption contains the figures."""
    try:
        return render_png(trend, lambda text: renderer.plain(text, language))
    except Exception as error:  # noqa: BLE001 - a picture must not cost the patient the message
        PICTURE_ERRORS.inc()
        log.error("a picture can't be drawn", action="picture_failed", error=type(error).__name__)  # noqa: TRY400
        return None


def fit_lines(name: str, lines: Iterable[str], limit: int = MAX_TEXT, *, between: str = BETWEEN_LINES) -> str:
    """Join lines (HTML) up to Telegram's limit; log and omit the lines beyond it.

    Telegram would reject a message that is too long as a whole, and the first lines matter most.
    """
    kept = ""
    for line in lines:
        longer = f"{kept}{between}{line}" if kept else line
        if _utf16_length(strip_markup(longer)) > limit:
            log.error("a screen is too long", action="screen_cut", screen=name)
            return kept or _escaped(_truncate(strip_markup(line), limit))
        kept = longer
    return kept


def _utf16_length(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def _truncate(text: str, limit: int) -> str:
    return text.encode("utf-16-le")[: 2 * (limit - 1)].decode("utf-16-le", "ignore") + "…"


def toast_text(renderer: TextRenderer, text: Text, language: str) -> str:
    """Return the short answer to a tap: plain text, at most 200 characters."""
    plain = renderer.plain(text, language)
    return plain if len(plain) <= MAX_TOAST else plain[: MAX_TOAST - 1] + "…"


def _markup(
    screen: Screen, renderer: TextRenderer, language: str, key: bytes, chat_id: int
) -> InlineKeyboardMarkup | ReplyKeyboardMarkup | ReplyKeyboardRemove | None:
    """Return the one markup that a message may have: inline buttons take precedence over the reply keyboard."""
    if screen.rows:
        return InlineKeyboardMarkup(
            [[_button(b, renderer, language, key, chat_id) for b in row] for row in screen.rows]
        )
    if screen.keyboard == "show":
        return reply_keyboard(renderer.plain, language)
    return ReplyKeyboardRemove() if screen.keyboard == "remove" else None


def _button(button: Button, renderer: TextRenderer, language: str, key: bytes, chat_id: int) -> InlineKeyboardButton:
    label = renderer.plain(button.label, language)
    style = None if button.style is Style.PLAIN else button.style.value
    if button.copy_value is not None:
        return InlineKeyboardButton(label, copy_text=CopyTextButton(button.copy_value), style=style)
    if button.url is not None:
        return InlineKeyboardButton(label, url=button.url, style=style)
    if button.action is None:
        raise ValueError(f"the button {button.label.key} needs an action, a text to copy or an address")
    return InlineKeyboardButton(label, callback_data=encode(button.action, key, chat_id), style=style)
