"""One chat's updates one after another, different chats side by side. Knows nothing of updates."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class ChatOrder:
    """Turns by chat, in the order in which they were asked for. Chats at rest cost no memory."""

    def __init__(self) -> None:
        self._locks: dict[int, asyncio.Lock] = {}
        self._asked: Counter[int] = Counter()

    @asynccontextmanager
    async def turn(self, chat_id: int | None) -> AsyncIterator[None]:
        """Wait for this chat's turn and hold it; without a chat there is nothing to wait for."""
        if chat_id is None:
            yield
            return
        lock = self._locks.setdefault(chat_id, asyncio.Lock())
        self._asked[chat_id] += 1
        try:
            async with lock:  # first come, first served (asyncio.Lock is fair)
                yield
        finally:
            self._asked[chat_id] -= 1
            if not self._asked[chat_id]:
                del self._asked[chat_id], self._locks[chat_id]

    def __len__(self) -> int:
        """Chats that hold or wait for a turn."""
        return len(self._locks)
