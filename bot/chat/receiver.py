"""Keeps polling running: in the one replica that leads, with a new poller when one stalls. Parses nothing."""

import asyncio
from collections.abc import Coroutine
from enum import StrEnum
from typing import Any

import structlog
from prometheus_client import Counter
from telegram import Bot

from bot.chat.leader import YIELD_SECONDS, Leader
from bot.chat.poll import LONG_POLL, Poller
from bot.chat.updates import Dispatcher
from bot.clock import Clock

log = structlog.get_logger(__name__)

POLLER_RESTARTS = Counter("nervecheck_poll_rebuilt_total", "Times that polling had stalled and was restarted.")
SILENT_SECONDS = 45.0
"""Telegram holds a poll for 30 s, and it times out after 40: one that has not ended by now never will."""
UNANSWERED_SECONDS = 60.0
"""A replica without an answer from Telegram for this long lets another try."""
WATCH_SECONDS = 1.0


class PollEnd(StrEnum):
    """Why a poller ended."""

    STOPPED = "stopped"
    SILENT = "silent"
    LOST = "lost"
    UNANSWERED = "unanswered"


class Receiver:
    """Polls until `stop`. Without a `leader` this is the only process. `poller` is the current one; None before it."""

    def __init__(
        self,
        bot: Bot,
        dispatcher: Dispatcher,
        clock: Clock,
        *,
        leader: Leader | None = None,
        long_poll: int = LONG_POLL,
        silent_seconds: float = SILENT_SECONDS,
    ) -> None:
        self._bot = bot
        self._dispatcher = dispatcher
        self._clock = clock
        self._leader = leader
        self._long_poll = long_poll
        self._silent_seconds = silent_seconds
        self._stopping = False
        self.poller: Poller | None = None

    @property
    def seconds_since_poll(self) -> float | None:
        """Real seconds since Telegram last answered a poll, None if it never has; 0 while another replica polls."""
        if self._leader is not None and self._leader.has_other_leader:
            return 0.0
        return self.seconds_since_own_poll

    @property
    def seconds_since_own_poll(self) -> float | None:
        """Real seconds since Telegram last answered a poll of this process; None if it never has."""
        return None if self.poller is None else self.poller.seconds_since_poll

    async def run(self) -> None:
        """Poll until `stop`; raise what a poller raises."""
        while not self._stopping:
            if self._leader is None:
                await self._poll()
                continue
            await self._leader.acquire()
            try:
                # After a stop while waiting, another replica takes over.
                end = PollEnd.STOPPED if self._stopping else await self._poll()
            finally:
                await self._leader.release()
            if end is PollEnd.UNANSWERED:
                await asyncio.sleep(YIELD_SECONDS)

    async def stop(self) -> None:
        """End `run` after finishing and confirming the updates in progress."""
        self._stopping = True
        if self.poller is not None:
            await self.poller.stop()

    async def _poll(self) -> PollEnd:
        poller = self.poller = Poller(self._bot, self._dispatcher, self._clock, long_poll=self._long_poll)
        polling = asyncio.create_task(poller.run())
        watching = [asyncio.create_task(one) for one in self._watchers(poller)]
        try:
            await asyncio.wait({polling, *watching}, return_when=asyncio.FIRST_COMPLETED)
            if polling.done():
                polling.result()
                return PollEnd.STOPPED
            end = next(task.result() for task in watching if task.done())
            log.warning("polling ended and is restarted", action="poll_ended", why=end.value)
            if end is PollEnd.SILENT:
                POLLER_RESTARTS.inc()
            elif end is PollEnd.UNANSWERED:
                await poller.stop()
            # After losing the lease, don't poll again, not even to confirm: it would terminate the new leader's
            # getUpdates. The leader receives the unconfirmed updates again, and they change nothing then.
        finally:
            for task in (polling, *watching):
                task.cancel()
            await asyncio.gather(polling, *watching, return_exceptions=True)
        if end is PollEnd.SILENT:
            await self._bot.request.shutdown()
            await self._bot.request.initialize()
        return end

    def _watchers(self, poller: Poller) -> list[Coroutine[Any, Any, PollEnd]]:
        if self._leader is None:
            return [self._until_silent(poller)]
        return [self._until_silent(poller), self._until_unanswered(poller), self._until_lost(self._leader)]

    async def _until_silent(self, poller: Poller) -> PollEnd:
        while poller.seconds_since_activity < self._silent_seconds:  # noqa: ASYNC110 - no event tells that nothing happened
            await asyncio.sleep(min(WATCH_SECONDS, self._silent_seconds / 4))
        return PollEnd.SILENT

    async def _until_unanswered(self, poller: Poller) -> PollEnd:
        while poller.seconds_unanswered < UNANSWERED_SECONDS:  # noqa: ASYNC110 - as above
            await asyncio.sleep(WATCH_SECONDS)
        return PollEnd.UNANSWERED

    async def _until_lost(self, leader: Leader) -> PollEnd:
        await leader.renew_until_lost()
        return PollEnd.LOST
