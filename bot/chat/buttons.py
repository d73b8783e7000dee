"""Callback data: encodes an `Action` as at most 64 signed bytes and decodes it. Knows no check-ins, no Telegram types.

`kind.subject.revision.question.choice` in ASCII, numbers in base 36, then the signature: HMAC-SHA256 over version, chat
id and payload, truncated to 8 bytes (11 characters of URL-safe base64). So a button works only in the chat it was sent
to, and a guess is right once in 2**64. The version is part of the signature only, so it takes no bytes.
"""

import hashlib
import hmac
from base64 import urlsafe_b64encode

from pydantic import ValidationError

from bot.core.screen import Action

VERSION = 1
"""The format's version; a new one makes older buttons foreign, and a foreign tap shows the current screen again."""
MAX_BYTES = 64
"""Telegram's limit for callback data (Bot API, InlineKeyboardButton)."""
SIGNATURE_BYTES = 8
_SIGNATURE_CHARS = 11
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


class TapError(ValueError):
    """The tapped button can't be decoded."""


class ForeignTapError(TapError):
    """The tapped button was not signed for this chat by this bot: forged, another chat's, or from before a new key."""


class StaleTapError(TapError):
    """The tapped button was signed here, but no longer means anything."""


class ButtonTooLongError(ValueError):
    """A button's ids don't fit into Telegram's 64 bytes: shorten the ids of the question or the choice."""


def encode(action: Action, key: bytes, chat_id: int) -> str:
    """Return callback data for a button in that chat: ASCII, at most 64 bytes.

    Kind, question and choice fit if they have at most 38 characters together, with a subject below 36**6 (2.1 billion)
    and a revision below 36**5. Raise `ButtonTooLongError` if the data is longer than 64 bytes.
    """
    numbers = (_base36(action.subject), _base36(action.revision))
    payload = ".".join((action.kind, *numbers, action.question, action.choice))
    data = payload + _signature(payload, key, chat_id)
    if len(data) > MAX_BYTES:
        raise ButtonTooLongError(f"callback data of {action.kind!r} has {len(data)} bytes, Telegram allows {MAX_BYTES}")
    return data


def decode(data: str | None, key: bytes, chat_id: int) -> Action:
    """Return the action of a tapped button in that chat; raise `ForeignTapError` or `StaleTapError`."""
    if not data or not data.isascii() or len(data) > MAX_BYTES:
        raise ForeignTapError("callback data of unknown form")
    payload, signature = data[:-_SIGNATURE_CHARS], data[-_SIGNATURE_CHARS:]
    if not hmac.compare_digest(signature, _signature(payload, key, chat_id)):
        raise ForeignTapError("the signature is not ours for this chat")
    try:
        kind, subject, revision, question, choice = payload.split(".")
        return Action(kind=kind, subject=int(subject, 36), revision=int(revision, 36), question=question, choice=choice)
    except (ValueError, ValidationError):
        raise StaleTapError("signed, but not an action") from None


def _signature(payload: str, key: bytes, chat_id: int) -> str:
    message = f"{VERSION}|{chat_id}|{payload}".encode("ascii")
    digest = hmac.new(key, message, hashlib.sha256).digest()[:SIGNATURE_BYTES]
    return urlsafe_b64encode(digest).decode("ascii").rstrip("=")


def _base36(number: int) -> str:
    digits = ""
    while True:
        number, rest = divmod(number, 36)
        digits = _DIGITS[rest] + digits
        if not number:
            return digits
