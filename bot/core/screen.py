"""What a person sees, as data: texts by key, buttons by meaning. No Telegram types, no language, no markup.

A `Text` names a string of the catalog and its values; a `Button` carries an `Action`; a `Screen` is one message.
Rendering (language, HTML, signed callback data) happens at the edge, at the moment of sending.
"""

from collections.abc import Mapping
from datetime import date
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field


class Frozen(BaseModel):
    """Base of all records here: immutable, and unknown fields are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Text(Frozen):
    """One catalog string. `values` fill its `{placeholders}`; a value may itself be a Text.

    `language` is set where a string is for someone else than the reader of the screen (an emergency department).
    """

    key: str
    values: Mapping[str, "str | int | Text"] = {}
    language: str | None = None


class Action(Frozen):
    """What a tapped button means. All of it fits into 64 signed bytes (see chat/buttons.py).

    `kind` is the verb ("choose", "skip", ...), `subject` the number of the check-in or alert it belongs to (0: none),
    `revision` the revision of the screen it stood on, `question` and `choice` the ids in the protocol or a short word.
    """

    kind: Annotated[str, Field(pattern=r"^[a-z_]{1,12}$")]
    subject: Annotated[int, Field(ge=0)] = 0
    revision: Annotated[int, Field(ge=0)] = 0
    question: Annotated[str, Field(pattern=r"^[a-z0-9_]{0,24}$")] = ""
    choice: Annotated[str, Field(pattern=r"^[A-Za-z0-9_+\-]{0,24}$")] = ""


class Style(StrEnum):
    """A hint for colour; the words must say it all without it."""

    PLAIN = "plain"
    DANGER = "danger"
    SUCCESS = "success"


class Button(Frozen):
    """One button: an `action` to come back with, a text to `copy` (a phone number), or an address to open (https)."""

    label: Text
    action: Action | None = None
    copy_value: str | None = None
    url: str | None = None
    style: Style = Style.PLAIN


class Contact(Frozen):
    """A contact card: a number in international format and the name it is saved under."""

    number: str
    name: str


class TrendPoint(Frozen):
    """One check-in of a trend: steps above "none" (0-4), None where it was not asked or skipped."""

    day: date
    numbness: int | None
    interference: int | None


class TrendAlert(Frozen):
    """One alert of a trend."""

    day: date
    tier: str


class Trend(Frozen):
    """A picture of the weeks since the start of ICI: what to draw, and its words. `severities`: the axis, upwards."""

    points: tuple[TrendPoint, ...]
    ici_start: date
    alerts: tuple[TrendAlert, ...]
    title: Text
    severities: tuple[Text, ...]
    numbness: Text
    interference: Text
    start: Text
    alert: Text
    week: Text


class Screen(Frozen):
    """One message: lines (joined by line breaks), rows of buttons, and how Telegram should treat it.

    `name` is the screen's name in transcripts and tests. `protect` keeps it from being forwarded (screens with
    answers; never phone numbers). `keyboard` shows, or removes, the reply keyboard at the bottom of the chat: such a
    screen has no rows, because Telegram allows one markup a message.
    """

    name: str
    lines: tuple[Text, ...]
    rows: tuple[tuple[Button, ...], ...] = ()
    protect: bool = False
    keyboard: Literal["show", "remove"] | None = None
    trend: Trend | None = None
    """With a trend the message is a picture, and `lines` are its caption."""
    contact: Contact | None = None
    """With a contact the message is the card alone; `lines` are not shown."""
