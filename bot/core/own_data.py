"""What is stored about one patient, as they get it themselves: parts, entries, facts, each in words and as a value."""

from collections.abc import Callable
from datetime import datetime

from bot.core.frozen import Frozen
from bot.core.screen import DocumentKind, Text

Value = str | int | bool | tuple[str, ...] | None


class DataFact(Frozen):
    """One line: `name` and `words` are for people, `id` and `value` for other programs."""

    id: str
    name: Text
    words: Text
    value: Value = None
    at: datetime | None = None
    """When it was said, of an answer."""


class DataEntry(Frozen):
    """One thing with its lines, such as a check-in with its answers; `at` is its time, if it has one."""

    facts: tuple[DataFact, ...]
    title: Text | None = None
    kind: str = ""
    at: datetime | None = None


class DataPart(Frozen):
    """One chapter, such as all check-ins. An empty one says that there is nothing."""

    id: str
    title: Text
    entries: tuple[DataEntry, ...]


class OwnData(Frozen):
    """Everything about one patient; `intro` comes first. It has no number of a row, and names nobody of the team."""

    made_at: datetime
    title: Text
    nothing: Text
    intro: tuple[Text, ...]
    parts: tuple[DataPart, ...]


MakeFile = Callable[[OwnData, DocumentKind, str], tuple[str, bytes]]
"""Returns the name and the content of the file of that kind, in that language."""
