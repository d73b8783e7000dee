"""Records of operations: the audit, dead updates, weekly reports, places of sweeps. They decide nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import NamedTuple

from pydantic import Field

from bot.core.frozen import Frozen


class DeadUpdate(Frozen):
    """An update that could not be parsed or processed, kept encrypted for the operator."""

    id: int = 0
    update_id: int | None
    chat_id: int | None = None
    """The chat it came from, if that could be parsed: it is erased with that chat's patient."""
    raw: str
    error: str
    at: datetime


class Audit(Frozen):
    """One line of the append-only audit: who did what to whom. `detail` never contains an answer."""

    at: datetime
    actor: str
    action: str
    subject: str
    detail: Mapping[str, str | int | None] = Field(default_factory=dict)


class WeekReport(Frozen):
    """The report of one week, which begins on a Monday of the clinic's calendar. Recalculated hourly, then kept."""

    week: date
    asked: int
    answered: int
    median_minutes: int | None
    """From opening to closing of the check-ins that were answered."""
    alerts: int
    in_time: int
    """Alerts that were acknowledged before they escalated to the next person."""


class Place(NamedTuple):
    """The position of a row in the order of a sweep: by time, then by id."""

    at: datetime
    id: int


BEGINNING = Place(datetime(1970, 1, 1, tzinfo=UTC), 0)
EVERY_ROW = 1_000_000
"""A limit that leaves no row of one patient out: what is not read must not be missed without a word."""
"""Before every row."""


@dataclass(frozen=True)
class SweepResult:
    """The result of one transaction: how many rows were processed, and the errors of the others.

    `last`: the place of the last row of either kind; None if there were no rows.
    """

    done: int = 0
    errors: tuple[Exception, ...] = ()
    last: Place | None = None

    @classmethod
    def of(cls, results: Sequence[Exception | None], at: datetime | None, number: int) -> "SweepResult":
        """Return the result of rows of which each failed with an error or was processed (None).

        `at` and `number` are the time and the id of the last one.
        """
        errors = tuple(error for error in results if error is not None)
        return cls(done=len(results) - len(errors), errors=errors, last=Place(at or BEGINNING.at, number))
