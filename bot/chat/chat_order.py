"""Serializes work per chat and lets different chats run concurrently. Knows nothing about updates."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class ChatOrder:
    """Turns per chat, in the order of the requests. Idle chats use no memory."""

    def __init__(self) -> None:
        self._locks: dict[int, asyncio.Lock] = {}
        self._waiting: Counter[int] = Counter()

    @asynccontextmanager
    async def turn(self, chat_id: int | None) -> AsyncIterator[None]:
        """Wait for this chat's turn and hold it; without a chat, don't wait."""
        if chat_id is None:
            yield
            return
        lock = self._locks.setdefault(chat_id, asyncio.Lock())
        self._waiting[chat_id] += 1
        try:
            async with lock:  # first come, first served (asyncio.Lock is fair)
                yield
        finally:
            self._waiting[chat_id] -= 1
            if not self._waiting[chat_id]:
                del self._waiting[chat_id], self._locks[chat_id]

    def __len__(self) -> int:
        """Return the number of chats that hold or wait for a turn."""
        return len(self._locks)
