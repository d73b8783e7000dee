"""The part of the port to the database that keeping it running needs: leases, a clock set back, what could not be done.

No SQL, no engine.
"""

from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from bot.app.store import DeadUpdate, Lane, Outbox


class Place(NamedTuple):
    """Where a row stands in a list that a sweep goes through: by its moment, and by its number where two have one."""

    at: datetime
    id: int


BEGINNING = Place(datetime(1970, 1, 1, tzinfo=UTC), 0)
"""Before every row."""


class FailedMessage(NamedTuple):
    """A message that was given up. `why`: the error's class and Telegram's own words, never the message's."""

    id: int
    patient_id: int | None
    lane: "Lane"
    slot: str
    attempts: int
    why: str
    created_at: datetime
    failed_at: datetime | None


class GivenUp(NamedTuple):
    """What decides whether a message that was given up may still be sent.

    `row`: None where it can't be read. `overtaken`: a later one of its slot waits or was sent.
    """

    row: "Outbox | None"
    overtaken: bool


class OpsStore(Protocol):
    """See `bot.app.store.Store`, which this is part of."""

    # -- who does what only one may do
    def take_lease(self, name: str, *, owner: str, at: datetime, until: datetime) -> bool:
        """Take or keep the lease of that name until then; False while another has it.

        One that runs further ahead than a lease taken now could was written by a clock that was wrong: it counts as
        over.
        """
        ...

    def drop_lease(self, name: str, *, owner: str) -> None:
        """Give it up; another's stays."""
        ...

    def lease_is_held(self, name: str, at: datetime) -> bool: ...

    # -- the clock
    def shared_now(self) -> datetime | None:
        """The moment by the one clock that all replicas go by, read at this call; None: this process has its own."""
        ...

    def forget_pace(self, beyond: datetime | None = None) -> None:
        """Forget from when chats and the bulk lanes may send: the clock was set back, and that may be days away.

        `beyond`: only moments after that one.
        """
        ...

    def keep_leases(self, ids: Collection[int], *, owner: str, until: datetime) -> None:
        """Messages that this sender has in hand stay its own until then."""
        ...

    def free_leases(self, *, owner: str, but_for: Collection[int]) -> int:
        """Let go of messages leased to that sender which it doesn't know of; return how many."""
        ...

    def set_back(self, at: datetime, by: timedelta) -> None:
        """The clock was set back `by` to `at`: what waits for moments of before must not wait longer for it.

        Messages may be sent now; the clocks of alerts, also the team's, run down `by` earlier, not before `at`.
        """
        ...

    # -- updates
    def first_time(self, update_id: int, at: datetime) -> bool:
        """Remember a Telegram update; False when it was handled before."""
        ...

    def forget_updates(self, before: datetime) -> int: ...

    # -- what could not be done
    def add_dead_update(self, row: "DeadUpdate") -> "DeadUpdate": ...
    def dead_updates(self, limit: int = 50) -> "Sequence[DeadUpdate]":
        """The last first."""
        ...

    def dead_update_count(self) -> int: ...
    def forget_dead_updates(self, before: datetime) -> int: ...
    def dead_update(self, number: int) -> "DeadUpdate | None": ...
    def drop_dead_update(self, number: int) -> bool:
        """Delete it; False when there is none."""
        ...

    def failed_messages(self, limit: int = 50) -> Sequence[FailedMessage]:
        """The last first."""
        ...

    def failed_message_count(self) -> int: ...
    def given_up(self, number: int) -> GivenUp | None:
        """None when it was not given up. One of lane 0 is overtaken by a higher revision alone."""
        ...

    def send_again(self, number: int, at: datetime) -> bool:
        """Let a message that was given up wait anew, for no longer than before; False when it was not given up."""
        ...

    def undelivered(self, limit: int, after: int = 0) -> Sequence[int]:
        """Numbers of patients with a message of lane 0 given up, and no "not_delivered" open then or since.

        In order, those higher than `after`.
        """
        ...

    def drop_message(self, number: int, at: datetime) -> bool:
        """Strike a message that was given up off the list; False when it was not given up."""
        ...

    def overdue_check_ins(self, before: datetime, limit: int) -> Sequence[str]:
        """Study codes whose check-in has been waiting to be sent since before that moment."""
        ...

    # -- what is sent
    def tried_since(self, lane: "Lane", after: datetime | None = None) -> datetime | None:
        """When the oldest message of that lane was queued that was tried and waits still; None: there is none.

        Of those queued later than `after`, if given. One that a sender has in hand for the first time was not tried.
        """
        ...
