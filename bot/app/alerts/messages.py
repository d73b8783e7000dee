"""When a message about an alert was made, as its buttons carry it: a reply counts for what that message named.

A button carries the microseconds since the alert was raised (its *age*), so that what opened just after it is not
covered. One from before buttons carried them counts as made when the alert was raised.
"""

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from bot.app.records.alerts import AlertRow

_MICROSECOND = timedelta(microseconds=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Asked(NamedTuple):
    """A message that asks for a reply, by its age, and that of the message which it only repeats, if it does.

    Two people differ on one message also if one of them answers its repetition.
    """

    age: int = 0
    repeats: int | None = None

    def made_at(self, alert: AlertRow, at: datetime) -> datetime:
        """Return when it was made: never later than `at`, as after the clock was corrected."""
        return min(alert.raised_at + self.age * _MICROSECOND, at)

    @property
    def first(self) -> "Asked":
        """Return the message that was asked first: itself, unless it only repeats another one."""
        return self if self.repeats is None else Asked(self.repeats)

    def number(self, alert: AlertRow, at: datetime) -> int:
        """Return the number by which concerns compare messages: a later one is greater, across alerts."""
        return (self.first.made_at(alert, at) - _EPOCH) // _MICROSECOND


def asked_at(alert: AlertRow, at: datetime) -> Asked:
    """Return a message about an alert that is made at `at`."""
    return Asked(max(0, (at - alert.raised_at) // _MICROSECOND))
