"""Reads the ids of a raw update without parsing it, so that even a malformed update is ordered and answered.

It never raises, whatever the update contains, and reads no text.
"""

from dataclasses import dataclass
from typing import Any

_ID_LIMIT = 2**63
"""Ids at or above this don't fit into a database column; such an update is treated as one without an id."""


@dataclass(frozen=True)
class Peek:
    """The ids of one update; None where it has none. `expects_answer`: a person wrote or tapped in a private chat."""

    update_id: int | None = None
    chat_id: int | None = None
    expects_answer: bool = False
    callback_id: str | None = None


def peek(raw: Any) -> Peek:
    """Return the ids in a raw update."""
    tap = _part(raw, "callback_query")
    callback_id = tap.get("id")
    others = (_part(raw, name) for name in ("message", "edited_message", "my_chat_member"))
    for holder in (tap.get("message"), *others):
        chat = _part(holder, "chat")
        if (chat_id := _number(chat.get("id"))) is not None:
            break
    else:
        # A tap on a message sent "via" the bot has no chat: a person's id is also the id of their private chat.
        chat_id, chat = _number(_part(tap, "from").get("id")), {"type": "private"}
    return Peek(
        update_id=update_id_of(raw),
        chat_id=chat_id,
        expects_answer=chat_id is not None and chat.get("type") == "private" and not _part(raw, "my_chat_member"),
        callback_id=callback_id if isinstance(callback_id, str) else None,
    )


def update_id_of(raw: Any) -> int | None:
    """Return the update's id, or None if it has no usable one."""
    number = _number(raw.get("update_id")) if isinstance(raw, dict) else None
    return number if number is not None and number >= 0 else None


def _part(holder: Any, name: str) -> dict[str, Any]:
    part = holder.get(name) if isinstance(holder, dict) else None
    return part if isinstance(part, dict) else {}


def _number(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and abs(value) < _ID_LIMIT else None
