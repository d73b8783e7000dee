"""The queue of updates that the bot has not confirmed, ordered by id. Never delivers."""

import asyncio
from collections import OrderedDict
from itertools import islice
from typing import Any

FIRST_UPDATE_ID = 100_000_001
# As documented: kinds that a bot receives only if it lists them in allowed_updates.
NOT_BY_DEFAULT = frozenset({"chat_member", "message_reaction", "message_reaction_count"})

Update = dict[str, Any]


class UpdateQueue:
    """Pending updates, ascending by id. The cost of an operation doesn't depend on how many are pending."""

    def __init__(self) -> None:
        self._pending: OrderedDict[int, Update] = OrderedDict()
        self._next_id = FIRST_UPDATE_ID
        self._waiting: set[asyncio.Future[None]] = set()
        self.allowed: list[str] = []

    @property
    def next_id(self) -> int:
        """The id of the next update."""
        return self._next_id

    def __len__(self) -> int:
        return len(self._pending)

    def put(self, kind: str, content: Any) -> int | None:
        """Queue `{update_id, kind: content}` and return the id, or None if the bot doesn't receive this kind."""
        wanted = kind in self.allowed if self.allowed else kind not in NOT_BY_DEFAULT
        return self.put_raw({kind: content}) if wanted else None

    def put_raw(self, update: Update) -> int:
        """Queue an update unchanged, except for the next id, and return that id."""
        update_id = self._next_id
        self._next_id += 1
        self._pending[update_id] = {**update, "update_id": update_id}
        for waiting in self._waiting:
            if not waiting.done():
                waiting.set_result(None)
        return update_id

    def first(self, limit: int) -> list[Update]:
        return list(islice(self._pending.values(), limit))

    def all(self) -> list[Update]:
        return list(self._pending.values())

    def confirm_below(self, offset: int) -> None:
        """Remove every update whose id is below `offset`."""
        while self._pending and next(iter(self._pending)) < offset:
            self._pending.popitem(last=False)

    def keep_last(self, count: int) -> None:
        """Remove all but the last `count` updates (a negative offset)."""
        while len(self._pending) > count:
            self._pending.popitem(last=False)

    def confirm(self, update_id: int) -> None:
        """Remove one update (webhooks confirm one by one)."""
        self._pending.pop(update_id, None)

    def clear(self) -> None:
        self._pending.clear()

    def arrival(self) -> "asyncio.Future[None]":
        """Return a future that is done when the next update arrives; cancel it when no longer needed."""
        waiting: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.add(waiting)
        waiting.add_done_callback(self._waiting.discard)
        return waiting

    def dump(self) -> dict[str, Any]:
        return {"next_id": self._next_id, "allowed": self.allowed, "pending": self.all()}

    def load(self, saved: dict[str, Any]) -> None:
        self._next_id = saved["next_id"]
        self.allowed = saved["allowed"]
        self._pending = OrderedDict((update["update_id"], update) for update in saved["pending"])
