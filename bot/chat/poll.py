"""Asks Telegram for raw updates and confirms those that are committed, never others. Parses and decides nothing.

Confirming is asking with a higher offset, and Telegram forgets what lies below it. So the offset only passes an update
once it and all before it are committed; until then Telegram sends them again, and those under way are known by their
id. At most 100 can be under way: Telegram gives no more than that above the offset. The offset is kept nowhere: after a
start Telegram begins with the earliest update that is not confirmed.
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
"""Seconds that Telegram holds an empty answer back."""
LIMIT = 100
"""Telegram's own greatest number of updates in one answer."""
SHORT_PAUSE = 0.05
LONG_PAUSE = 0.25
"""Seconds before asking again while updates are under way: Telegram would answer with the same ones at once."""
FIRST_BACKOFF = 1.0
LONGEST_BACKOFF = 30.0
CONFLICT_BACKOFF = 5.0
"""After "terminated by other getUpdates request": asking at once would only end the other's call in turn."""
GRACE = 4.0
"""Seconds that updates under way get when polling stops; what isn't committed then comes again after the start."""
CONFIRM_SECONDS = 1.0
"""What the last confirmation may take of a stop: what it would confirm comes again, and changes nothing then."""


async def raw_updates(bot: Bot, *, offset: int | None, timeout: int, limit: int = LIMIT) -> list[Any]:  # noqa: ASYNC109 - the Bot API's own word
    """Return updates as Telegram gave them. `Bot.get_updates` would parse all at once and fail for all."""
    asked = {"offset": offset, "timeout": timeout, "limit": limit, "allowed_updates": list(ALLOWED_UPDATES)}
    # do_api_request would take the connection meant for other calls, and a long poll would hold it.
    answer = await bot._post("getUpdates", asked, read_timeout=timeout + 10)  # noqa: SLF001
    if not isinstance(answer, list):
        raise TelegramError("getUpdates answered no list")
    return answer


class Poller:
    """The loop. `run` until `stop`; `last_poll_at` (None: never) and `seconds_since_poll` tell that it is well."""

    def __init__(self, bot: Bot, dispatcher: Dispatcher, clock: Clock, *, long_poll: int = LONG_POLL) -> None:
        self._bot = bot
        self._dispatcher = dispatcher
        self._clock = clock
        self._long_poll = long_poll
        self.last_poll_at: datetime | None = None
        self._polled: float | None = None
        self._sign = self._answer = time.monotonic()
        self._offset: int | None = None
        self._open: set[int] = set()
        self._done: set[int] = set()
        self._nameless: set[bytes] = set()
        self._tasks: dict[int | bytes, asyncio.Task[None]] = {}
        self._stopping = asyncio.Event()
        self._stopped = asyncio.Event()
        self._stopped.set()

    @property
    def seconds_since_poll(self) -> float | None:
        """Real seconds since Telegram last answered, whatever the clock shows; None: never yet."""
        return None if self._polled is None else time.monotonic() - self._polled

    @property
    def seconds_without_sign(self) -> float:
        """Real seconds since a call of getUpdates began or ended, well or badly; 0 while waiting on purpose."""
        return max(0.0, time.monotonic() - self._sign)

    @property
    def seconds_unanswered(self) -> float:
        """Real seconds since Telegram last answered, or this was made; 0 in a pause that Telegram asked for."""
        return max(0.0, time.monotonic() - self._answer)

    @property
    def under_way(self) -> int:
        """Updates received and not yet committed."""
        return len(self._tasks)

    async def run(self) -> None:
        """Poll until `stop`, then finish what is under way and confirm it."""
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
        """End `run` and wait for it."""
        self._stopping.set()
        await self._stopped.wait()

    async def _loop(self) -> None:
        backoff, pause = FIRST_BACKOFF, SHORT_PAUSE
        while not self._stopping.is_set():
            try:
                raws = await self._ask()
            except Exception as error:  # noqa: BLE001 - the loop is what must not end
                seconds = _backoff(error, backoff)
                if isinstance(error, RetryAfter):
                    self._answer = time.monotonic() + seconds
                await self._wait(seconds)
                backoff = min(2 * backoff, LONGEST_BACKOFF)
                continue
            if raws is None:
                return
            backoff = FIRST_BACKOFF
            pause = SHORT_PAUSE if self._take(raws) else min(2 * pause, LONG_PAUSE)
            if not raws and not self._open:
                # All is confirmed. Ids may start anew at random after a quiet week: an old offset would hide those.
                self._offset = None
                self._nameless.clear()
            await self._settle(pause)

    async def _ask(self) -> list[Any] | None:
        """Poll once; None when stopped meanwhile."""
        self._sign = time.monotonic()
        call = asyncio.create_task(raw_updates(self._bot, offset=self._offset, timeout=self._long_poll))
        stop = asyncio.create_task(self._stopping.wait())
        try:
            await asyncio.wait({call, stop}, return_when=asyncio.FIRST_COMPLETED)
            if not call.done():
                return None
            raws = call.result()
        finally:
            self._sign = time.monotonic()
            call.cancel()
            stop.cancel()
        self.last_poll_at = self._clock.now()
        self._polled = self._answer = time.monotonic()
        return raws

    def _take(self, raws: list[Any]) -> int:
        """Start what is new; return how many that were."""
        fresh = [(name, raw) for raw in raws if (name := self._fresh(raw)) is not None]
        for name, raw in fresh:
            if isinstance(name, int):
                self._open.add(name)
            else:
                self._nameless.add(name)
            task = asyncio.create_task(self._dispatcher.handle(raw, keep_trying=True))
            self._tasks[name] = task
            task.add_done_callback(partial(self._finished, name))
        return len(fresh)

    def _fresh(self, raw: Any) -> int | bytes | None:
        """Return the update's id, or a hash where it has none (it can't be confirmed alone); None when known."""
        number = update_id_of(raw)
        if number is None:
            name = sha256(json.dumps(raw).encode()).digest()
            return None if name in self._nameless else name
        behind = self._offset is not None and number < self._offset
        return None if behind or number in self._done or number in self._tasks else number

    def _finished(self, name: int | bytes, task: asyncio.Task[None]) -> None:
        del self._tasks[name]
        if task.cancelled() or not isinstance(name, int):
            return
        if (error := task.exception()) is not None:
            DROPPED_UPDATES.inc()
            # Not committed: it stays open, holds the offset, and is taken again when Telegram sends it again.
            log.error("an update was dropped", action="update_dropped", error=type(error).__name__)
            return
        self._open.discard(name)
        self._done.add(name)
        self._advance()

    def _advance(self) -> None:
        """Move the offset behind the last update before the first open one."""
        first_open = min(self._open, default=None)
        passed = {number for number in self._done if first_open is None or number < first_open}
        if passed:
            self._offset = max(passed) + 1
            self._done -= passed

    async def _settle(self, pause: float) -> None:
        if self._tasks:
            await asyncio.wait(self._tasks.values(), timeout=pause)
        if self._open and not self._tasks:
            await self._wait(pause)

    async def _wait(self, seconds: float) -> None:
        self._sign = time.monotonic() + seconds
        try:
            await asyncio.wait_for(self._stopping.wait(), seconds)
        except TimeoutError:
            return

    async def _finish(self) -> None:
        """Let what is under way commit, then confirm: the next start need not see it again."""
        if self._tasks:
            await asyncio.wait(self._tasks.values(), timeout=GRACE)
        if self._offset is not None:
            await self._confirm(self._offset)

    async def _confirm(self, offset: int) -> None:
        try:
            async with asyncio.timeout(CONFIRM_SECONDS):
                await raw_updates(self._bot, offset=offset, timeout=0, limit=1)
        except (TelegramError, TimeoutError) as error:
            CALL_ERRORS.labels("getUpdates").inc()
            # They come again after the start and change nothing then.
            log.info("the last confirmation failed", action="poll_confirm_failed", error=type(error).__name__)


def _backoff(error: Exception, seconds: float) -> float:
    """Count and log a failed poll; return how many seconds to wait. Its words may hold the token."""
    name = type(error).__name__
    POLL_ERRORS.labels(name).inc()
    if isinstance(error, Conflict):
        log.error("another process polls with this token, or a webhook is set", action="poll_conflict", error=name)
        return max(seconds, CONFLICT_BACKOFF)
    log.warning("polling failed", action="poll_failed", error=name, again_in=seconds)
    if isinstance(error, RetryAfter):
        asked = error.retry_after
        return max(seconds, asked.total_seconds() if isinstance(asked, timedelta) else asked)
    return seconds
