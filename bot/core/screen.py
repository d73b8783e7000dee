"""Messages as data: texts by key, buttons by meaning. No Telegram types, no language, no markup.

A `Text` names a string of the catalog and its values; a `Button` carries an `Action`; a `Screen` is one message. The
delivery renders it (language, HTML, signed callback data) when it sends it.
"""

from collections.abc import Mapping
from datetime import date
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from bot.core.frozen import Frozen

BULLET = "• "
"""The start of each line of a list."""
HELPER = "helper."
"""The prefix of the key of a text as a helper reads it; the catalog has one where the text speaks of the patient."""


class Text(Frozen):
    """One string of the catalog. `values` fill its `{placeholders}`; a value may itself be a Text.

    `language` is set if the string is meant for somebody other than the recipient (an emergency department). Below the
    string come `bullets`, one line each, and `fold`, of which Telegram shows the first lines until it is tapped.
    """

    key: str
    values: Mapping[str, "str | int | Text"] = {}
    language: str | None = None
    bullets: tuple["Text", ...] = ()
    fold: "Text | None" = None


class Action(Frozen):
    """The meaning of a button. It fits into 64 bytes of callback data, signature included (see chat/buttons.py).

    `kind` is the verb ("choose", "skip", ...), `subject` the id of its check-in or alert (0: none), `revision` the
    revision of its screen, `question` and `choice` the ids in the protocol or a short word.
    """

    kind: Annotated[str, Field(pattern=r"^[a-z_]{1,12}$")]
    subject: Annotated[int, Field(ge=0)] = 0
    revision: Annotated[int, Field(ge=0)] = 0
    question: Annotated[str, Field(pattern=r"^[a-z0-9_]{0,24}$")] = ""
    choice: Annotated[str, Field(pattern=r"^[A-Za-z0-9_+\-]{0,32}$")] = ""


class Style(StrEnum):
    """A hint for the colour; the text must be clear without it."""

    PLAIN = "plain"
    DANGER = "danger"
    SUCCESS = "success"


class Button(Frozen):
    """One button: an `action` that a tap returns, a `copy_value` (a phone number), or a `url` to open (https)."""

    label: Text
    action: Action | None = None
    copy_value: str | None = None
    url: str | None = None
    style: Style = Style.PLAIN


class Contact(Frozen):
    """A contact card: a phone number (international, or an emergency number), and the contact's name."""

    number: str
    name: str | Text


class TrendPoint(Frozen):
    """One check-in of a trend: steps above "none" (0-4); None if the question was not asked or was skipped."""

    day: date
    numbness: int | None
    interference: int | None


class TrendAlert(Frozen):
    """One alert of a trend."""

    day: date
    tier: str


class TrendPeriod(Frozen):
    """One treatment period of a trend; `last` None: it goes on."""

    first: date
    last: date | None


class TrendGap(Frozen):
    """Days of a trend without answers: between the answers of `first` and `last`, or from `first` until today."""

    first: date
    last: date


class TrendRow(Frozen):
    """What muscles and feet could do in a trend: one question, and day and step (0: no trouble) of each answer to it.

    `top` is the highest step of its scale.
    """

    label: Text
    steps: tuple[tuple[date, int], ...]
    top: Annotated[int, Field(ge=1)]


class Trend(Frozen):
    """A chart of the weeks since the first ICI start: its data and labels. `severities`: the axis's labels, upwards."""

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
    periods: tuple[TrendPeriod, ...] = ()
    """The treatment periods, if there was a stop or a restart; `given` is their label."""
    given: Text | None = None
    today: date | None = None
    """The last day of the picture; None: the day of the last answer or alert."""
    gaps: tuple[TrendGap, ...] = ()
    no_answers: Text | None = None
    """The label of the gaps."""
    functions: tuple[TrendRow, ...] = ()
    harder: Text | None = None
    """The heading of the functions, which says what a taller bar means."""


DocumentKind = Literal["page", "json"]
"""The files of the patient's own data: a page to read, and JSON for other programs."""


class Screen(Frozen):
    """One message: lines (paragraphs; `tight`: without blank lines between), rows of buttons, options for Telegram.

    `name` identifies the screen in transcripts and tests. `protect` prevents forwarding (screens with answers; never
    those with phone numbers). `keyboard` shows or removes the reply keyboard at the bottom of the chat: such a screen
    has no rows, because Telegram allows one markup per message.
    """

    name: str
    lines: tuple[Text, ...]
    rows: tuple[tuple[Button, ...], ...] = ()
    protect: bool = False
    tight: bool = False
    keyboard: Literal["show", "remove"] | None = None
    trend: Trend | None = None
    """With a trend, the message is a picture and `lines` are its caption."""
    contact: Contact | None = None
    """With a contact, the message is the card alone; `lines` are not shown."""
    document: DocumentKind | None = None
    """With a document, the message is that file, which is made when it is sent, and `lines` are its caption."""
    silent: bool = False
    """A new message with this screen makes no sound."""
    replaces: bool = False
    """A new message with this screen replaces its slot's former one, which is deleted."""
    ahead: Contact | None = None
    """A card that comes silently just before the message, which goes alone if the card is refused or late."""
