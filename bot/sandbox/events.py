"""Publishes changes of the sandbox to subscribers (pages, tests). Keeps no history."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any

StreamEvent = dict[str, Any]

# A subscriber that is this far behind must reload its state instead.
MAX_BEHIND = 2000
RELOAD: StreamEvent = {"type": "reload"}
CLOSED: StreamEvent = {"type": "closed"}


class Events:
    """Publishes events to any number of subscribers without waiting for them.

    Each event sets `changed`; the code that saves the state clears it.
    """

    def __init__(self) -> None:
        self._queues: set[asyncio.Queue[StreamEvent]] = set()
        self._closed = False
        self.changed = asyncio.Event()

    def publish(self, kind: str, **content: Any) -> None:
        self.changed.set()
        for queue in self._queues:
            if queue.qsize() >= MAX_BEHIND:
                while not queue.empty():
                    queue.get_nowait()
                queue.put_nowait(RELOAD)
            queue.put_nowait({"type": kind, **content})

    @contextmanager
    def subscribed(self) -> Iterator["asyncio.Queue[StreamEvent]"]:
        queue: asyncio.Queue[StreamEvent] = asyncio.Queue()
        self._queues.add(queue)
        if self._closed:
            queue.put_nowait(CLOSED)
        try:
            yield queue
        finally:
            self._queues.discard(queue)

    async def stream(self) -> AsyncIterator[StreamEvent]:
        """Yield all further events until `close`."""
        with self.subscribed() as queue:
            while (event := await queue.get()) is not CLOSED:
                yield event

    def open(self) -> None:
        self._closed = False

    def close(self) -> None:
        """End all streams."""
        self._closed = True
        for queue in self._queues:
            queue.put_nowait(CLOSED)
