"""Validates keyboards: refuses what Telegram refuses, and unknown fields, which Telegram would drop. No chat state."""

import re
from typing import Any
from urllib.parse import urlsplit

from bot.sandbox.errors import bad_request

Markup = dict[str, Any]

MAX_CALLBACK_BYTES = 64
MAX_COPY_CHARACTERS = 256
MAX_BUTTONS_IN_ROW = 8
MAX_BUTTONS = 100
_STYLES = {"", "default", "danger", "success", "primary"}
_COMMON = {"text", "style", "icon_custom_emoji_id"}
_INLINE_ACTIONS = {
    "url",
    "callback_data",
    "web_app",
    "login_url",
    "switch_inline_query",
    "switch_inline_query_current_chat",
    "switch_inline_query_chosen_chat",
    "copy_text",
    "callback_game",
    "pay",
}
_REPLY_ACTIONS = {
    "request_users",
    "request_chat",
    "request_managed_bot",
    "request_contact",
    "request_location",
    "request_poll",
    "web_app",
}
_MARKUP_FIELDS = {
    "inline_keyboard": {"inline_keyboard"},
    "keyboard": {
        "keyboard",
        "is_persistent",
        "resize_keyboard",
        "one_time_keyboard",
        "input_field_placeholder",
        "selective",
    },
    "remove_keyboard": {"remove_keyboard", "selective"},
    "force_reply": {"force_reply", "input_field_placeholder", "selective"},
}


def check_markup(markup: Any, *, inline_only: bool = False) -> Markup | None:
    """Return the markup as Telegram would store it, or None if it is empty; ApiError 400 if it is invalid."""
    if markup is None or markup == "":
        return None
    if not isinstance(markup, dict):
        raise bad_request("Object expected as reply markup")
    if not markup:
        return None
    kind = next((name for name in _MARKUP_FIELDS if name in markup), None)
    if kind is None or set(markup) - _MARKUP_FIELDS[kind]:
        raise bad_request(
            f"can't parse reply markup: unknown fields {sorted(set(markup) - _MARKUP_FIELDS.get(kind or '', set()))}"
        )
    if kind == "inline_keyboard":
        rows = _rows(markup[kind], kind)
        buttons = [[_inline_button(button) for button in row] for row in rows if row]
        return {kind: buttons} if buttons else None
    if inline_only:
        raise bad_request("Inline keyboard expected")
    if kind == "keyboard":
        return {**markup, kind: [[_reply_button(button) for button in row] for row in _rows(markup[kind], kind) if row]}
    if markup[kind] is not True:
        raise bad_request(f'Field "{kind}" must be True')
    return markup


def _rows(rows: Any, field: str) -> list[list[Any]]:
    if not isinstance(rows, list) or not all(isinstance(row, list) for row in rows):
        raise bad_request(f'Field "{field}" of the markup must be an Array of Arrays')
    if any(len(row) > MAX_BUTTONS_IN_ROW for row in rows) or sum(len(row) for row in rows) > MAX_BUTTONS:
        raise bad_request("reply markup is too long")
    return rows


def _inline_button(button: Any) -> Markup:
    where = "can't parse inline keyboard button: "
    if not isinstance(button, dict):
        raise bad_request(where + "InlineKeyboardButton must be an Object")
    _check_common(button, _INLINE_ACTIONS, where)
    if not button["text"]:
        raise bad_request("Inline keyboard button text must be non-empty")
    actions = [
        name for name in _INLINE_ACTIONS if name in button and not (name == "callback_data" and not button[name])
    ]
    if not actions:
        raise bad_request(where + "Text buttons are unallowed in the inline keyboard")
    if len(actions) > 1:
        raise bad_request(where + f"exactly one optional field must be used, not {sorted(actions)}")
    _check_action(button, actions[0], where)
    return button


def _check_action(button: Markup, action: str, where: str) -> None:
    value = button[action]
    if action == "callback_data":
        _check_string(value, action, where)
        if len(value.encode()) > MAX_CALLBACK_BYTES:
            raise bad_request("BUTTON_DATA_INVALID")
    elif action == "url":
        _check_string(value, action, where)
        if problem := url_problem(value):
            raise bad_request(f"Inline keyboard button URL '{value}' is invalid: {problem}")
    elif action == "copy_text":
        if not isinstance(value, dict) or set(value) != {"text"}:
            raise bad_request(where + 'Field "copy_text" must be an Object with the field "text"')
        _check_string(value["text"], "text", where)
        if not 1 <= len(value["text"]) <= MAX_COPY_CHARACTERS:
            raise bad_request("BUTTON_COPY_TEXT_INVALID")


def _reply_button(button: Any) -> Markup:
    where = "can't parse keyboard button: "
    if isinstance(button, str):
        button = {"text": button}
    if not isinstance(button, dict):
        raise bad_request(where + "KeyboardButton must be a String or an Object")
    _check_common(button, _REPLY_ACTIONS, where)
    if not button["text"]:
        raise bad_request("Keyboard button text must be non-empty")
    return button


def _check_common(button: Markup, actions: set[str], where: str) -> None:
    if "text" not in button:
        raise bad_request(where + 'Can\'t find field "text"')
    _check_string(button["text"], "text", where)
    if unknown := sorted(set(button) - _COMMON - actions):
        raise bad_request(where + f'Unknown field "{unknown[0]}"')
    _check_string(button.get("style", ""), "style", where)
    if button.get("style", "") not in _STYLES:
        raise bad_request(where + "invalid button style specified")


def _check_string(value: Any, field: str, where: str) -> None:
    if not isinstance(value, str):
        raise bad_request(where + f'Field "{field}" must be of type String')


def url_problem(url: str) -> str | None:
    """Return why Telegram refuses `url` in a button, in Telegram's wording; None if it accepts it.

    `tel:+49…` has no "//": Telegram parses the number as a port.
    """
    scheme, separator, _rest = url.partition("://")
    if not separator:
        bare = re.match(r"(?:tg:)?([^/?#]*)", url)
        host = bare[1] if bare else ""
        if url.lower().startswith("tg:"):
            return None if host else "URL host is empty"
        port = re.search(r":([^:\]@]*)$", host)
        if port and not (port[1].isascii() and port[1].isdigit() and 0 < int(port[1]) <= 65535):  # noqa: PLR2004
            return "Wrong port number specified in the URL"
        return None if "." in host else ("Wrong HTTP URL" if host else "URL host is empty")
    if scheme.lower() in {"tg", "ton", "tonsite"}:
        return None
    if scheme.lower() not in {"http", "https"}:
        return "Unsupported URL protocol"
    host = urlsplit(url).netloc
    if not host:
        return "URL host is empty"
    return None if "." in host or host.startswith("[") else "Wrong HTTP URL"
