"""Says which lanes are urgent and which are bulk, and how fast Telegram lets us send. It counts and decides nothing.

What Telegram publishes (core.telegram.org/bots/faq, "My bot is hitting limits"): about 30 messages a second in all, one
a second in one chat with short bursts above it, 20 a minute in one group. Each pace below is a rate and a burst whose
sum is the published number, so that no window of one second (of one minute in a group) ever holds more.
"""

from dataclasses import dataclass
from datetime import timedelta

from bot.app.store import Lane

URGENT = (Lane.RED_FLAG, Lane.REPLY)
"""Someone is waiting: they may take the whole budget, and a bot-wide `retry_after` does not stop them."""
BULK = (Lane.REMINDER, Lane.CHECKIN, Lane.DIGEST)
"""They share four fifths of the rate and never take the last messages of the burst."""


@dataclass(frozen=True)
class Pace:
    """Least time between two messages, and how many may go at once after a rest."""

    every: timedelta = timedelta(milliseconds=40)
    burst: int = 5
    """25 a second and 5 at once: at most 30 in any second, edits counted too."""
    kept: int = 2
    """So many of the burst are left to the urgent lanes: a call screen and its contact card."""
    bulk_every: timedelta = timedelta(milliseconds=50)
    """20 a second, 80 % of 25."""
    private_every: timedelta = timedelta(milliseconds=1100)
    """A tenth more than a second: the first message of a burst may travel longer than the fourth."""
    private_burst: int = 3
    edit_every: timedelta = timedelta(milliseconds=550)
    """Of an edit, from the same chat's budget. Telegram publishes nothing; edits are seen to be let through faster."""
    group_every: timedelta = timedelta(milliseconds=3750)
    group_burst: int = 4
    """16 a minute and 4 at once: at most 20 in any minute."""
    skew: timedelta = timedelta(minutes=1)
    """An arrival time further ahead than this was written by a clock that has been set back since."""

    @property
    def bulk_burst(self) -> int:
        """How many bulk messages may go at once."""
        return self.burst - self.kept

    def at_speed(self, speed: float) -> "Pace":
        """Return the same real pace for a clock that runs `speed` times as fast as the real one."""
        return Pace(
            every=self.every * speed,
            burst=self.burst,
            kept=self.kept,
            bulk_every=self.bulk_every * speed,
            private_every=self.private_every * speed,
            private_burst=self.private_burst,
            edit_every=self.edit_every * speed,
            group_every=self.group_every * speed,
            group_burst=self.group_burst,
            skew=self.skew * speed,
        )


PUBLISHED = Pace()
"""Telegram's limits."""
UNLIMITED = Pace(
    every=timedelta(0),
    bulk_every=timedelta(0),
    private_every=timedelta(0),
    edit_every=timedelta(0),
    group_every=timedelta(0),
)
"""For a Bot API server that sets no limits (stories whose clock stands still)."""
