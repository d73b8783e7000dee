"""Polls Telegram for raw updates and confirms only those that are committed. Parses nothing and makes no decisions.

A poll with a higher offset confirms: Telegram forgets the updates below it. So the offset passes an update only once it
and all before it are committed; until then Telegram sends them again, and those in progress are recognized by their id.
At most 100 can be in progress, because Telegram returns no more than that above the offset. The offset is not stored:
after a start, Telegram begins with the earliest unconfirmed update.
"""

import asyncio
import json
import time
from datetime import datetime, timedelta
from functools import partial
from hashlib import sha256
from typing import Any

import structlog
from telegram import Bot
from telegram.error import Conflict, RetryAfter, TelegramError

from bot.chat.metrics import CALL_ERRORS, DROPPED_UPDATES, POLL_ERRORS
from bot.chat.peek import update_id_of
from bot.chat.updates import Dispatcher
from bot.clock import Clock

log = structlog.get_logger(__name__)

ALLOWED_UPDATES = ("message", "edited_message", "callback_query", "my_chat_member")
LONG_POLL = 30
"""Seconds that Telegram holds back an empty answer."""
LIMIT = 100
"""Telegram's maximum number of updates in one answer."""
SHORT_PAUSE = 0.05
LONG_PAUSE = 0.25
"""Seconds between polls while updates are in progress: Telegram would return the same ones at once."""
FIRST_BACKOFF = 1.0
MAX_BACKOFF = 30.0
CONFLICT_BACKOFF = 5.0
"""After "terminated by other getUpdates request": polling at once would only terminate the other's call."""
DRAIN_SECONDS = 4.0
"""How long a stop waits for updates in progress; Telegram sends the uncommitted ones again after the next start."""
CONFIRM_SECONDS = 1.0
"""How long the last confirmation may delay a stop; an unconfirmed update is sent again and then changes nothing."""


async def raw_updates(bot: Bot, *, offset: int | None, timeout: int, limit: int = LIMIT) -> list[Any]:  # noqa: ASYNC109 - the Bot API's name
    """Return updates as Telegram sent them: `Bot.get_updates` would parse all at once and fail for all."""
    parameters = {"offset": offset, "timeout": timeout, "limit": limit, "allowed_updates": list(ALLOWED_UPDATES)}
    # do_api_request would use the connection meant for other calls, and a long poll would hold it.
    answer = await bot._post("getUpdates", parameters, read_timeout=timeout + 10)  # noqa: SLF001
    if not isinstance(answer, list):
        raise TelegramError("getUpdates did not return a list")
    return answer


class Poller:
    """The polling loop, from `run` until `stop`. `last_poll_at` is None until Telegram has answered a poll."""

    def __init__(self, bot: Bot, dispatcher: Dispatcher, clock: Clock, *, long_poll: int = LONG_POLL) -> None:
        self._bot = bot
        self._dispatcher = dispatcher
        self._clock = clock
        self._long_poll = long_poll
        self.last_poll_at: datetime | None = None
        self._last_poll: float | None = None
        self._last_activity = self._last_answer = time.monotonic()
        self._offset: int | None = None
        self._uncommitted: set[int] = set()
        self._committed: set[int] = set()
        self._without_id: set[bytes] = set()
        self._tasks: dict[int | bytes, asyncio.Task[None]] = {}
        self._stopping = asyncio.Event()
        self._stopped = asyncio.Event()
        self._stopped.set()

    @property
    def seconds_since_poll(self) -> float | None:
        """Real seconds since Telegram last answered, independent of the clock; None if it never has."""
        return None if self._last_poll is None else time.monotonic() - self._last_poll

    @property
    def seconds_since_activity(self) -> float:
        """Real seconds since a getUpdates call last started, succeeded or failed; 0 during an intended wait."""
        return max(0.0, time.monotonic() - self._last_activity)

    @property
    def seconds_unanswered(self) -> float:
        """Real seconds since Telegram last answered or the poller was created; 0 in a pause that Telegram requested."""
        return max(0.0, time.monotonic() - self._last_answer)

    async def run(self) -> None:
        """Poll until `stop`, then finish the updates in progress and confirm them."""
        self._stopped.clear()
        try:
            await self._loop()
            await self._finish()
        finally:
            left = list(self._tasks.values())
            for task in left:
                task.cancel()
            await asyncio.gather(*left, return_exceptions=True)
            self._stopped.set()

    async def stop(self) -> None:
        """End `run` and wait until it has returned."""
        self._stopping.set()
        await self._stopped.wait()

    async def _loop(self) -> None:
        backoff, pause = FIRST_BACKOFF, SHORT_PAUSE
        while not self._stopping.is_set():
            try:
                raws = await self._poll()
            except Exception as error:  # noqa: BLE001 - the loop must never end
                seconds = _backoff(error, backoff)
                if isinstance(error, RetryAfter):
                    self._last_answer = time.monotonic() + seconds
                await self._wait(seconds)
                backoff = min(2 * backoff, MAX_BACKOFF)
                continue
            if raws is None:
                return
            backoff = FIRST_BACKOFF
            pause = SHORT_PAUSE if self._start_new(raws) else min(2 * pause, LONG_PAUSE)
            if not raws and not self._uncommitted:
                # All are confirmed. After a week without updates, ids restart at random: an old offset would hide them.
                self._offset = None
                self._without_id.clear()
            await self._wait_for_progress(pause)

    async def _poll(self) -> list[Any] | None:
        """Poll once and return the updates, or None if stopped meanwhile."""
        self._last_activity = time.monotonic()
        call = asyncio.create_task(raw_updates(self._bot, offset=self._offset, timeout=self._long_poll))
        stop = asyncio.create_task(self._stopping.wait())
        try:
            await asyncio.wait({call, stop}, return_when=asyncio.FIRST_COMPLETED)
            if not call.done():
                return None
            raws = call.result()
        finally:
            self._last_activity = time.monotonic()
            call.cancel()
            stop.cancel()
        self.last_poll_at = self._clock.now()
        self._last_poll = self._last_answer = time.monotonic()
        return raws

    def _start_new(self, raws: list[Any]) -> int:
        """Start processing the new updates; return their number."""
        new = [(key, raw) for raw in raws if (key := self._key_if_new(raw)) is not None]
        for key, raw in new:
            if isinstance(key, int):
                self._uncommitted.add(key)
            else:
                self._without_id.add(key)
            task = asyncio.create_task(self._dispatcher.handle(raw, retry_until_committed=True))
            self._tasks[key] = task
            task.add_done_callback(partial(self._on_done, key))
        return len(new)

    def _key_if_new(self, raw: Any) -> int | bytes | None:
        """Return the id of a new update, or its hash if it has no id (so it can't be confirmed alone); else None."""
        update_id = update_id_of(raw)
        if update_id is None:
            key = sha256(json.dumps(raw).encode()).digest()
            return None if key in self._without_id else key
        is_confirmed = self._offset is not None and update_id < self._offset
        return None if is_confirmed or update_id in self._committed or update_id in self._tasks else update_id

    def _on_done(self, key: int | bytes, task: asyncio.Task[None]) -> None:
        del self._tasks[key]
        if task.cancelled() or not isinstance(key, int):
            return
        if (error := task.exception()) is not None:
            DROPPED_UPDATES.inc()
            # It stays uncommitted and holds the offset, so Telegram sends it again.
            log.error(
                "an update was not committed and will be received again",
                action="update_dropped",
                error=type(error).__name__,
            )
            return
        self._uncommitted.discard(key)
        self._committed.add(key)
        self._advance()

    def _advance(self) -> None:
        """Move the offset past the last update before the first uncommitted one."""
        first_uncommitted = min(self._uncommitted, default=None)
        confirmable = {
            update_id for update_id in self._committed if first_uncommitted is None or update_id < first_uncommitted
        }
        if confirmable:
            self._offset = max(confirmable) + 1
            self._committed -= confirmable

    async def _wait_for_progress(self, pause: float) -> None:
        if self._tasks:
            await asyncio.wait(self._tasks.values(), timeout=pause)
        if self._uncommitted and not self._tasks:
            await self._wait(pause)

    async def _wait(self, seconds: float) -> None:
        self._last_activity = time.monotonic() + seconds
        try:
            await asyncio.wait_for(self._stopping.wait(), seconds)
        except TimeoutError:
            return

    async def _finish(self) -> None:
        """Let the updates in progress commit, then confirm them, so that the next start doesn't receive them again."""
        if self._tasks:
            await asyncio.wait(self._tasks.values(), timeout=DRAIN_SECONDS)
        if self._offset is not None:
            await self._confirm(self._offset)

    async def _confirm(self, offset: int) -> None:
        try:
            async with asyncio.timeout(CONFIRM_SECONDS):
                await raw_updates(self._bot, offset=offset, timeout=0, limit=1)
        except (TelegramError, TimeoutError) as error:
            CALL_ERRORS.labels("getUpdates").inc()
            # Telegram sends them again after the start; they change nothing then.
            log.info("the last confirmation failed", action="poll_confirm_failed", error=type(error).__name__)


def _backoff(error: Exception, seconds: float) -> float:
    """Count and log a failed poll and return the seconds to wait. Log no message: it may contain the token."""
    name = type(error).__name__
    POLL_ERRORS.labels(name).inc()
    if isinstance(error, Conflict):
        log.error("another process polls with this token, or a webhook is set", action="poll_conflict", error=name)
        return max(seconds, CONFLICT_BACKOFF)
    log.warning("polling failed", action="poll_failed", error=name, retry_in=seconds)
    if isinstance(error, RetryAfter):
        parameters = error.retry_after
        return max(seconds, parameters.total_seconds() if isinstance(parameters, timedelta) else parameters)
    return seconds
