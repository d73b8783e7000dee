"""The part of the port to the database that lists are read by: pages of patients, the queue's state, a week's figures.

No SQL, no engine. Nothing here reads a whole table: each look-up goes by an index and has a limit.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, NamedTuple, Protocol

from bot.core.protocol import Tier

if TYPE_CHECKING:
    from bot.app.store import AlertRow, Patient


class Started(NamedTuple):
    """Where a page of patients by start of ICI ended."""

    ici_start: date
    id: int


class AlertTimes(NamedTuple):
    """When an alert was raised and taken up."""

    tier: Tier
    raised_at: datetime
    taken_at: datetime | None


class DeskStore(Protocol):
    """See `bot.app.store.Store`, which this is part of."""

    def patients_by_ids(self, ids: Collection[int]) -> "Mapping[int, Patient]": ...
    def patients_like(self, prefix: str, limit: int) -> "Sequence[Patient]":
        """Whose code begins so, in order of code."""
        ...

    def patients_started(self, first: date, last: date, after: Started | None, limit: int) -> "Sequence[Patient]":
        """ICI start from `first` to `last`, both included, the latest start first; those behind `after`."""
        ...

    def newest_alerts(self, patient_ids: Collection[int]) -> "Mapping[int, Sequence[AlertRow]]":
        """Of each patient the alerts that nobody closed."""
        ...

    def queue_state(self) -> str:
        """A short word that differs whenever anything in the queue of alerts did."""
        ...

    def answer_minutes(self, since: datetime, until: datetime) -> Sequence[int]:
        """Of the plans' check-ins opened in that time and done: minutes from opening to closing."""
        ...

    def alert_times(self, since: datetime, until: datetime) -> Sequence[AlertTimes]:
        """Of alerts raised from `since` to before `until`."""
        ...
