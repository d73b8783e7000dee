"""Port to the store of dead letters: failed messages and updates. Never imports SQL or the engine."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from bot.app.records.messages import FailedDelivery, FailedMessage
from bot.app.records.operations import DeadUpdate


class DeadLetterStore(Protocol):
    """The store of dead letters in one open transaction."""

    def add_update(self, row: DeadUpdate) -> DeadUpdate: ...
    def updates(self, limit: int = 50) -> Sequence[DeadUpdate]:
        """Return dead updates, newest first."""
        ...

    def purge_updates(self, before: datetime) -> int: ...
    def update(self, number: int) -> DeadUpdate | None: ...
    def discard_update(self, number: int) -> bool:
        """Delete a dead update; return False if there is none."""
        ...

    def messages(self, limit: int = 50) -> Sequence[FailedMessage]:
        """Return failed messages, last failure first."""
        ...

    def message(self, number: int) -> FailedDelivery | None:
        """Return a failed message; None if none has that number.

        A message of lane 0 is superseded only by a higher revision.
        """
        ...

    def retry_message(self, number: int, at: datetime) -> bool:
        """Queue a failed message again, with its expiry unchanged; return False if it has not failed."""
        ...

    def undelivered(self, limit: int, after: int = 0) -> Sequence[int]:
        """Return the ids of patients with a failed message of lane 0 and no "not_delivered" task since.

        In ascending order, those after `after`.
        """
        ...

    def discard_message(self, number: int, at: datetime) -> bool:
        """Remove a failed message from the list; return False if it has not failed."""
        ...
