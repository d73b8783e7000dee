"""Port to the store of rate limits: the sending budget, and each chat's limit. Never imports SQL or the engine."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from bot.app.records.messages import LimiterRow


class LimitStore(Protocol):
    """The store of rate limits in one open transaction."""

    def budget(self) -> LimiterRow:
        """Return the sending budget, locked for this transaction."""
        ...

    def save_budget(self, row: LimiterRow) -> None: ...
    def chats_free_at(self, chat_ids: Sequence[int]) -> Mapping[int, datetime]:
        """Return the GCRA arrival time per chat; chats that were never written to are missing."""
        ...

    def save_chats_free_at(self, free_at: Mapping[int, datetime]) -> None:
        """Store the arrival times, except of chats that have a later one: only `reset` makes them earlier."""
        ...

    def reset(self, beyond: datetime | None = None) -> None:
        """Delete the arrival times of chats and of the bulk lanes, with `beyond` only those after it.

        After the clock was set back they may be days away.
        """
        ...
