"""The statuses of an outbox row as a table: which event leads from which status to which. Stores and sends nothing.

Only the statements of the stores (`outbox.py`, `outbox_ends.py` and `dead_letters.py` in `db/stores/`) change a status.
A test causes every event in every status on the real stores and compares the result with `TRANSITIONS`.
`deploy/docs/states.md` shows the table as a diagram.

The rules:

* A claimed row is a waiting row with an owner. It may already be at Telegram, so nothing is merged into it and nothing
  supersedes it. A newer message of its slot waits behind it as a separate row; if the claimed row has to be retried or
  claimed again, it is *replaced* and the newer one is sent instead.
* A row whose lease has expired stays claimed until a sender claims it again: its former sender may only be slow.
* A report that a message was sent is accepted from any sender and in every status: the patient has the message.
* Claiming a row that can't be decrypted marks it as *failed*, so that it doesn't block the others.
* A withdrawn row may still be in flight. If its sender then reports a retry, the row stays *replaced*.
* *Failed* is not final: an operator retries or discards the message. Sent, replaced and expired rows are only kept
  until they are deleted.

Status: event -> the statuses it can lead to; an event that is missing changes nothing.

  waiting
    claim -> claimed, failed
    sent -> sent
    rejected -> failed
    chat unreachable -> failed
    superseded -> replaced
    merged into pending -> waiting
    withdrawn -> replaced
    expired -> expired
  claimed
    claim -> claimed, failed, replaced
    sent -> sent
    retry -> replaced, waiting
    rejected -> failed
    chat unreachable -> failed
    withdrawn -> replaced
    expired -> expired
    lease released -> waiting
  sent
    sent -> sent
    deleted
  failed
    sent -> sent
    retried by operator -> waiting
    discarded by operator -> replaced
    deleted
  replaced
    sent -> sent
    retry -> replaced
    deleted
  expired
    sent -> sent
    deleted
"""

from collections.abc import Mapping
from enum import StrEnum


class Status(StrEnum):
    """The status of an outbox row: its stored state, or *claimed*, which is stored as *waiting* with an owner."""

    WAITING = "waiting"
    CLAIMED = "claimed"
    SENT = "sent"
    FAILED = "failed"
    REPLACED = "replaced"
    EXPIRED = "expired"


class OutboxEvent(StrEnum):
    """An event that may change the status of an outbox row."""

    CLAIM = "claim"
    """A sender claims the rows that are due; a claimed row can be claimed again once its lease has expired."""
    SENT = "sent"
    RETRY = "retry"
    """The attempt failed for a reason that may be temporary."""
    REJECTED = "rejected"
    """Telegram rejects the content of the message."""
    CHAT_UNREACHABLE = "chat unreachable"
    SUPERSEDED = "superseded"
    """A newer screen of the same slot is queued and is sent instead."""
    MERGED = "merged into pending"
    """An edit is queued while the new message of its slot is unsent: the new message gets the edit's screen."""
    WITHDRAWN = "withdrawn"
    """A use case drops the unsent messages of a slot."""
    EXPIRED = "expired"
    """Its `not_after` has passed, and no lease runs."""
    RELEASED = "lease released"
    """Its sender releases the claim without an attempt."""
    RETRIED_BY_OPERATOR = "retried by operator"
    DISCARDED = "discarded by operator"
    DELETED = "deleted"
    """Housekeeping deletes rows that ended long ago."""


def _to(*statuses: Status) -> frozenset[Status]:
    return frozenset(statuses)


_W, _C, _S, _F, _R, _E = Status

TRANSITIONS: Mapping[tuple[Status, OutboxEvent], frozenset[Status]] = {
    (_W, OutboxEvent.CLAIM): _to(_C, _F),
    (_W, OutboxEvent.SENT): _to(_S),
    (_W, OutboxEvent.REJECTED): _to(_F),
    (_W, OutboxEvent.CHAT_UNREACHABLE): _to(_F),
    (_W, OutboxEvent.SUPERSEDED): _to(_R),
    (_W, OutboxEvent.MERGED): _to(_W),
    (_W, OutboxEvent.WITHDRAWN): _to(_R),
    (_W, OutboxEvent.EXPIRED): _to(_E),
    (_C, OutboxEvent.CLAIM): _to(_C, _F, _R),
    (_C, OutboxEvent.SENT): _to(_S),
    (_C, OutboxEvent.RETRY): _to(_W, _R),
    (_C, OutboxEvent.REJECTED): _to(_F),
    (_C, OutboxEvent.CHAT_UNREACHABLE): _to(_F),
    (_C, OutboxEvent.WITHDRAWN): _to(_R),
    (_C, OutboxEvent.EXPIRED): _to(_E),
    (_C, OutboxEvent.RELEASED): _to(_W),
    (_S, OutboxEvent.SENT): _to(_S),
    (_S, OutboxEvent.DELETED): _to(),
    (_F, OutboxEvent.SENT): _to(_S),
    (_F, OutboxEvent.RETRIED_BY_OPERATOR): _to(_W),
    (_F, OutboxEvent.DISCARDED): _to(_R),
    (_F, OutboxEvent.DELETED): _to(),
    (_R, OutboxEvent.SENT): _to(_S),
    (_R, OutboxEvent.RETRY): _to(_R),
    (_R, OutboxEvent.DELETED): _to(),
    (_E, OutboxEvent.SENT): _to(_S),
    (_E, OutboxEvent.DELETED): _to(),
}
"""Status and event -> the statuses it can lead to; none: the row is deleted. A missing pair changes nothing."""
