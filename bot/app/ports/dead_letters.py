"""Ports to the database: the stores of messages and updates that were given up. No SQL, no engine."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from bot.app.records.messages import FailedDelivery, FailedMessage
from bot.app.records.operations import DeadUpdate


class DeadLetterStore(Protocol):
    """The store of dead letters in one open transaction."""

    def add_update(self, row: DeadUpdate) -> DeadUpdate: ...
    def updates(self, limit: int = 50) -> Sequence[DeadUpdate]:
        """The last first."""
        ...

    def purge_updates(self, before: datetime) -> int: ...
    def update(self, number: int) -> DeadUpdate | None: ...
    def discard_update(self, number: int) -> bool:
        """Delete it; False when there is none."""
        ...

    def messages(self, limit: int = 50) -> Sequence[FailedMessage]:
        """The last first."""
        ...

    def message(self, number: int) -> FailedDelivery | None:
        """None when it was not given up. One of lane 0 is overtaken by a higher revision alone."""
        ...

    def retry_message(self, number: int, at: datetime) -> bool:
        """Let a message that was given up wait anew, for no longer than before; False when it was not given up."""
        ...

    def undelivered(self, limit: int, after: int = 0) -> Sequence[int]:
        """Numbers of patients with a message of lane 0 given up, and no "not_delivered" open then or since.

        In order, those higher than `after`.
        """
        ...

    def discard_message(self, number: int, at: datetime) -> bool:
        """Strike a message that was given up off the list; False when it was not given up."""
        ...
