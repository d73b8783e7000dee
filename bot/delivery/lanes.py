"""Defines which lanes are urgent and which are bulk, and Telegram's rate limits. It counts and decides nothing.

Telegram publishes (core.telegram.org/bots/faq, "My bot is hitting limits"): about 30 messages a second in all, one a
second in one chat with short bursts above that, and 20 a minute in one group. Each limit below is a rate and a burst
whose sum is the published number, so that no window of one second (one minute in a group) ever exceeds it.
"""

from dataclasses import dataclass
from datetime import timedelta

from bot.app.records.messages import Lane

URGENT = (Lane.RED_FLAG, Lane.REPLY)
"""A person is waiting: these lanes may use the whole budget, and a bot-wide `retry_after` does not pause them."""
BULK = (Lane.REMINDER, Lane.CHECKIN, Lane.DIGEST)
"""These lanes share four fifths of the rate and never use the last messages of the burst."""


@dataclass(frozen=True)
class RateLimits:
    """The minimum interval between two messages, and how many may be sent at once after a pause."""

    interval: timedelta = timedelta(milliseconds=40)
    burst: int = 5
    """25 a second and 5 at once: at most 30 in any second, edits included."""
    urgent_reserve: int = 2
    """Messages of the burst that are reserved for the urgent lanes: a call screen and its contact card."""
    bulk_interval: timedelta = timedelta(milliseconds=50)
    """20 a second: 80 % of 25."""
    private_interval: timedelta = timedelta(milliseconds=1100)
    """A tenth more than a second, because the first message of a burst may take longer to arrive than the fourth."""
    private_burst: int = 3
    edit_interval: timedelta = timedelta(milliseconds=550)
    """The cost of an edit in the chat's budget. Telegram publishes no number; it was observed to allow edits faster."""
    group_interval: timedelta = timedelta(milliseconds=3750)
    group_burst: int = 4
    """16 a minute and 4 at once: at most 20 in any minute."""
    max_clock_skew: timedelta = timedelta(minutes=1)
    """An arrival time further ahead than this was written by a clock that has since been set back."""

    @property
    def bulk_burst(self) -> int:
        """How many bulk messages may be sent at once."""
        return self.burst - self.urgent_reserve

    def scaled_to(self, speed: float) -> "RateLimits":
        """Return the same real limits for a clock that runs `speed` times as fast as real time."""
        return RateLimits(
            interval=self.interval * speed,
            burst=self.burst,
            urgent_reserve=self.urgent_reserve,
            bulk_interval=self.bulk_interval * speed,
            private_interval=self.private_interval * speed,
            private_burst=self.private_burst,
            edit_interval=self.edit_interval * speed,
            group_interval=self.group_interval * speed,
            group_burst=self.group_burst,
            max_clock_skew=self.max_clock_skew * speed,
        )


TELEGRAM_LIMITS = RateLimits()
"""The limits that Telegram publishes."""
