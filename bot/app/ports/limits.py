"""Ports to the database: the stores of the sending budget. No SQL, no engine."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from bot.app.records.messages import LimiterRow


class LimitStore(Protocol):
    """The store of limits in one open transaction."""

    def budget(self) -> LimiterRow:
        """Locked for this transaction."""
        ...

    def save_budget(self, row: LimiterRow) -> None: ...
    def chats_free_at(self, chat_ids: Sequence[int]) -> Mapping[int, datetime]:
        """GCRA arrival time per chat; chats never written to are missing."""
        ...

    def save_chats_free_at(self, free_at: Mapping[int, datetime]) -> None: ...
    def reset(self, beyond: datetime | None = None) -> None:
        """Forget from when chats and the bulk lanes may send: the clock was set back, and that may be days away.

        `beyond`: only moments after that one.
        """
        ...
