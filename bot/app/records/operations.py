"""Records that keep the program accountable: the audit, updates that failed, weekly reports."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import NamedTuple

from pydantic import Field

from bot.core.frozen import Frozen


class DeadUpdate(Frozen):
    """An update that could not be parsed or handled, kept (encrypted) for the operator."""

    id: int = 0
    update_id: int | None
    chat_id: int | None = None
    """Whose it is, where that could be read: it is erased with them."""
    raw: str
    error: str
    at: datetime


class Audit(Frozen):
    """One line of the append-only record: who did what to whom. `detail` never holds an answer."""

    at: datetime
    actor: str
    action: str
    subject: str
    detail: Mapping[str, str | int | None] = Field(default_factory=dict)


class WeekReport(Frozen):
    """What came of one week, which begins on a Monday of the clinic's calendar. Worked out by the hour, then kept."""

    week: date
    asked: int
    answered: int
    median_minutes: int | None
    """From the check-in to its last answer, of those that were answered."""
    alerts: int
    in_time: int
    """Alerts that were taken up before they became the next person's."""


class Place(NamedTuple):
    """Where a row stands in a list that a sweep goes through: by its moment, and by its number where two have one."""

    at: datetime
    id: int


BEGINNING = Place(datetime(1970, 1, 1, tzinfo=UTC), 0)
"""Before every row."""
