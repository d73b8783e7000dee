"""Ports to the database: the stores of messages to send. No SQL, no engine."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from bot.app.records.messages import Claim, Lane, Outbox, OutboxState


class OutboxStore(Protocol):
    """The store of outbox in one open transaction."""

    def enqueue(self, row: Outbox) -> int | None:
        """Add or replace as `Outbox` says; None when an unsent newer revision already stands in the slot."""
        ...

    def drop_unsent(self, chat_id: int, slot: str) -> None:
        """Mark waiting rows of that slot as replaced; one a sender has in hand is not tried again."""
        ...

    def claim(
        self,
        at: datetime,
        *,
        lanes: Sequence[Lane],
        limit: int,
        owner: str,
        lease_until: datetime,
        but_for: Collection[int] = (),
    ) -> Sequence[Claim]:
        """Lease waiting rows that are due and not leased: by lane, then not_before, then id; none of `but_for`.

        At most one row a chat is leased at a time, the chat's first in that order (so one chat's messages keep their
        order, in whatever lane); chats whose pace is in the future are passed over. A lease that ends more than a
        minute after `lease_until` was written by a clock that was wrong: it counts as over.
        """
        ...

    def release_orphaned(self, at: datetime) -> int:
        """Let rows be claimed at once whose senders are known to be gone; return how many."""
        ...

    def mark_sent(self, outbox_id: int, *, owner: str, message_id: int | None, at: datetime) -> None:
        """Also makes `message_id` the slot's message, unless a later one is. Marked whoever has it leased."""
        ...

    def mark_retry(self, outbox_id: int, *, owner: str, not_before: datetime, error: str) -> None: ...
    def mark_failed(self, outbox_id: int, *, error: str, at: datetime) -> None:
        """Give it up; one that was sent or replaced meanwhile stays so."""
        ...

    def expire(self, at: datetime) -> int:
        """Mark waiting rows whose not_after has passed as expired; return how many."""
        ...

    def purge(self, before: datetime) -> int:
        """Delete outbox rows that are no longer waiting and were created before that moment; return how many."""
        ...

    def counts(self) -> Mapping[tuple[Lane, OutboxState], int]: ...
    def forget_slot(self, chat_id: int, slot: str) -> None:
        """The slot's message is gone at Telegram; the next edit sends anew."""
        ...

    def renew(self, ids: Collection[int], *, owner: str, until: datetime) -> None:
        """Messages that this sender has in hand stay its own until then."""
        ...

    def release_unknown(self, *, owner: str, but_for: Collection[int]) -> int:
        """Let go of messages leased to that sender which it doesn't know of; return how many."""
        ...

    def retrying_since(self, lane: Lane, after: datetime | None = None) -> datetime | None:
        """When the oldest message of that lane was queued that was tried and waits still; None: there is none.

        Of those queued later than `after`, if given. One that a sender has in hand for the first time was not tried.
        """
        ...
