"""Telegram's published rate limits as token buckets on real, monotonic time. Counts; never waits or sends.

It uses real time instead of the sandbox's clock: a skipped day must not refill the buckets.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

from bot.sandbox.errors import too_many_requests

BOT_PER_SECOND = 30.0
CHAT_PER_SECOND = 1.0
CHAT_BURST = 3.0
GROUP_PER_MINUTE = 20.0
# Telegram publishes no limit for edits; observations show that it is higher than the one for messages.
EDITS_PER_SECOND = 2.0
EDIT_BURST = 10.0


@dataclass
class _Bucket:
    capacity: float
    rate: float
    tokens: float
    at: float

    def wait(self, now: float) -> float:
        """Return the seconds until a token is available; 0 if one is."""
        self.tokens = min(self.capacity, self.tokens + (now - self.at) * self.rate)
        self.at = now
        return 0.0 if self.tokens >= 1 else (1 - self.tokens) / self.rate


class Limits:
    """Counts sends and edits; past a limit raises ApiError 429 with `retry_after` (integer seconds, at least 1)."""

    def __init__(self, *, enabled: bool = True, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.enabled = enabled
        self._monotonic = monotonic
        self._bot = self._bucket(BOT_PER_SECOND, BOT_PER_SECOND)
        self._sends: dict[int, _Bucket] = {}
        self._edits: dict[int, _Bucket] = {}

    def count_send(self, chat_id: int, *, group: bool) -> None:
        if not self.enabled:
            return
        bucket = self._sends.get(chat_id)
        if bucket is None:
            bucket = (
                self._bucket(GROUP_PER_MINUTE, GROUP_PER_MINUTE / 60)
                if group
                else self._bucket(CHAT_BURST, CHAT_PER_SECOND)
            )
            self._sends[chat_id] = bucket
        self._take(bucket, self._bot)

    def count_edit(self, chat_id: int) -> None:
        if not self.enabled:
            return
        bucket = self._edits.get(chat_id)
        if bucket is None:
            bucket = self._edits[chat_id] = self._bucket(EDIT_BURST, EDITS_PER_SECOND)
        self._take(bucket)

    def _take(self, *buckets: _Bucket) -> None:
        now = self._monotonic()
        wait = max(bucket.wait(now) for bucket in buckets)
        if wait > 0:
            raise too_many_requests(max(1, math.ceil(wait)))
        for bucket in buckets:
            bucket.tokens -= 1

    def _bucket(self, capacity: float, rate: float) -> _Bucket:
        return _Bucket(capacity, rate, capacity, self._monotonic())
