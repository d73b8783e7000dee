"""Port to the store of messages to send, the outbox. Never imports SQL or the engine."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Protocol

from bot.app.records.messages import Claim, Lane, Outbox


class OutboxStore(Protocol):
    """The outbox in one open transaction."""

    def enqueue(self, row: Outbox) -> int | None:
        """Add or replace a message as `Outbox` says, and return its id.

        Return None if the slot already has an unsent newer revision.
        """
        ...

    def newest(self, patient_id: int, chat_id: int, slots: str) -> Outbox | None:
        """Return the newest message to a patient's chat, of the slots that begin with `slots`, as it reads by now.

        None if there is none, it was purged, or it was not sent yet.
        """
        ...

    def shown(self, patient_id: int, chat_id: int, slots: Sequence[str]) -> Sequence[Outbox]:
        """Return the newest message of each slot that begins with one of `slots`, as `newest` does."""
        ...

    def drop_unsent(self, chat_id: int, slot: str) -> None:
        """Mark waiting rows of that slot as replaced; a claimed one is not retried."""
        ...

    def drop_waiting_of(self, patient_id: int, chat_id: int | None = None) -> None:
        """Mark waiting rows about a patient as replaced: in every chat, or in one that is not theirs any more."""
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

        At most one row per chat is leased at a time, the chat's first in that order, so that a chat's messages keep
        their order in every lane; chats past their rate limit are skipped. A lease that ends more than a
        minute after `lease_until` is from a wrong clock: it counts as expired.
        """
        ...

    def release_orphaned(self, at: datetime) -> int:
        """Release rows whose senders are known to have stopped; return how many."""
        ...

    def mark_sent(self, outbox_id: int, *, owner: str, message_id: int | None, at: datetime) -> None:
        """Mark a row as sent, also if another sender leases it by now.

        `message_id` becomes the slot's message unless the slot has a later one.
        """
        ...

    def mark_retry(self, outbox_id: int, *, owner: str, not_before: datetime, error: str) -> None: ...
    def mark_failed(self, outbox_id: int, *, error: str, at: datetime) -> None:
        """Mark a row as failed, unless it was sent or replaced meanwhile."""
        ...

    def expire(self, at: datetime) -> int:
        """Mark waiting rows as expired whose not_after has passed; return how many."""
        ...

    def purge(self, before: datetime) -> int:
        """Delete rows that are no longer waiting and were created before that time; return how many."""
        ...

    def forget_slot(self, chat_id: int, slot: str, *, message_id: int) -> None:
        """Forget that message of the slot, which no longer exists at Telegram: the next edit sends a new one.

        A message that another sender has sent instead remains.
        """
        ...

    def renew(self, ids: Collection[int], *, owner: str, until: datetime) -> None:
        """Extend this sender's leases of its in-flight messages until then."""
        ...

    def release_unknown(self, *, owner: str, but_for: Collection[int]) -> int:
        """Release rows leased to that sender other than `but_for`; return how many."""
        ...

    def retrying_since(self, lane: Lane, after: datetime | None = None) -> datetime | None:
        """Return when the oldest message of that lane that was tried and still waits was queued; None if there is none.

        With `after`, only messages queued later count. A message in flight for the first time has not been tried.
        """
        ...
