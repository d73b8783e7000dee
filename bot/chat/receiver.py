"""Keeps polling going: by the one replica that leads, with a new poller when one goes silent. Parses nothing."""

import asyncio
from collections.abc import Coroutine
from enum import StrEnum
from typing import Any

import structlog
from prometheus_client import Counter
from telegram import Bot

from bot.chat.leader import REST_SECONDS, Leader
from bot.chat.poll import LONG_POLL, Poller
from bot.chat.updates import Dispatcher
from bot.clock import Clock

log = structlog.get_logger(__name__)

REBUILT = Counter("nervecheck_poll_rebuilt_total", "Times that polling had gone silent and was built anew.")
SILENT_SECONDS = 45.0
"""A poll is held for 30 s and given up after 40: one that has not ended by now never will."""
UNANSWERED_SECONDS = 60.0
"""A replica that has not heard from Telegram for so long lets another try."""
WATCH_SECONDS = 1.0


class Ended(StrEnum):
    """Why a poller was ended."""

    STOPPED = "stopped"
    SILENT = "silent"
    LOST = "lost"
    UNANSWERED = "unanswered"


class Receiver:
    """Polls until `stop`. Without a `leader` this is the only process. `poller` is the one of now, None: none yet."""

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
        self._silent = silent_seconds
        self._stopping = False
        self.poller: Poller | None = None

    @property
    def seconds_since_poll(self) -> float | None:
        """Real seconds since Telegram last answered a poll; None: never. 0 while another replica polls."""
        if self._leader is not None and self._leader.others_lead:
            return 0.0
        return self.seconds_since_heard

    @property
    def seconds_since_heard(self) -> float | None:
        """Real seconds since Telegram last answered a poll of this process; None: never."""
        return None if self.poller is None else self.poller.seconds_since_poll

    async def run(self) -> None:
        """Poll until `stop`; raises what a poller raised."""
        while not self._stopping:
            if self._leader is None:
                await self._poll()
                continue
            await self._leader.wait()
            try:
                # A stop that came while it waited: another replica takes over.
                ended = Ended.STOPPED if self._stopping else await self._poll()
            finally:
                await self._leader.give_up()
            if ended is Ended.UNANSWERED:
                await asyncio.sleep(REST_SECONDS)

    async def stop(self) -> None:
        """End `run`: what is under way is finished and confirmed first."""
        self._stopping = True
        if self.poller is not None:
            await self.poller.stop()

    async def _poll(self) -> Ended:
        poller = self.poller = Poller(self._bot, self._dispatcher, self._clock, long_poll=self._long_poll)
        polling = asyncio.create_task(poller.run())
        watching = [asyncio.create_task(one) for one in self._watches(poller)]
        try:
            await asyncio.wait({polling, *watching}, return_when=asyncio.FIRST_COMPLETED)
            if polling.done():
                polling.result()
                return Ended.STOPPED
            ended = next(task.result() for task in watching if task.done())
            log.warning("polling is begun anew", action="poll_ended", why=ended.value)
            if ended is Ended.SILENT:
                REBUILT.inc()
            elif ended is Ended.UNANSWERED:
                await poller.stop()
            # One that was lost asks no more, not even to confirm: that would end the poll of whoever leads now. What it
            # left unconfirmed they get again, and it changes nothing then.
        finally:
            for task in (polling, *watching):
                task.cancel()
            await asyncio.gather(polling, *watching, return_exceptions=True)
        if ended is Ended.SILENT:
            await self._bot.request.shutdown()
            await self._bot.request.initialize()
        return ended

    def _watches(self, poller: Poller) -> list[Coroutine[Any, Any, Ended]]:
        if self._leader is None:
            return [self._until_silent(poller)]
        return [self._until_silent(poller), self._until_unanswered(poller), self._until_lost(self._leader)]

    async def _until_silent(self, poller: Poller) -> Ended:
        while poller.seconds_without_sign < self._silent:  # noqa: ASYNC110 - no event tells that nothing happened
            await asyncio.sleep(min(WATCH_SECONDS, self._silent / 4))
        return Ended.SILENT

    async def _until_unanswered(self, poller: Poller) -> Ended:
        while poller.seconds_unanswered < UNANSWERED_SECONDS:  # noqa: ASYNC110 - as above
            await asyncio.sleep(WATCH_SECONDS)
        return Ended.UNANSWERED

    async def _until_lost(self, leader: Leader) -> Ended:
        await leader.keep()
        return Ended.LOST
