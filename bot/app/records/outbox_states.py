"""The statuses of an outbox row as a table: which event leads from which status to which. Stores and sends nothing.

The store's statements (`db/store_outbox.py`, `db/store_ops.py`) are the only ones that change a status. A test drives
every event in every status on the real store and compares what happens with `TRANSITIONS`. `deploy/docs/states.md`
shows the table as a diagram.

The rules:

* A claimed row is one that waits and has an owner: it may be at Telegram already, so nothing merges into it and nothing
  supersedes it. What is newer waits behind it as a row of its own, and goes instead of it (so that it is *replaced*)
  if it would have to be sent again.
* A lease that expired leaves the row claimed until someone claims it again: its sender may only be slow.
* A report that a message was sent is believed in every status, from any sender: the patient has it.
* A claim of a row that can't be decrypted ends as *failed*: it must not hold up the others.
* A withdrawn row may still be in flight. Its sender may report a retry, which then changes nothing about the status.
* Failed is not the end: an operator retries or discards. Sent, replaced and expired rows only wait to be deleted.

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
    """Where an outbox row is: its stored state, or *claimed*, which is stored as *waiting* with an owner."""

    WAITING = "waiting"
    CLAIMED = "claimed"
    SENT = "sent"
    FAILED = "failed"
    REPLACED = "replaced"
    EXPIRED = "expired"


class Event(StrEnum):
    """What can happen to an outbox row."""

    CLAIM = "claim"
    """A sender asks for what is due; a claimed row is claimed again once its lease expired."""
    SENT = "sent"
    RETRY = "retry"
    """The attempt failed for a reason that may pass."""
    REJECTED = "rejected"
    """Telegram won't take what we made."""
    CHAT_UNREACHABLE = "chat unreachable"
    SUPERSEDED = "superseded"
    """A newer screen of the same slot is queued and is sent instead."""
    MERGED = "merged into pending"
    """An edit is queued while the new message of its slot is unsent, which takes over the edit's screen."""
    WITHDRAWN = "withdrawn"
    """What was not sent yet is taken back."""
    EXPIRED = "expired"
    """Its `not_after` has passed, and no lease runs."""
    RELEASED = "lease released"
    """Its sender gives the claim back without an attempt."""
    RETRIED_BY_OPERATOR = "retried by operator"
    DISCARDED = "discarded by operator"
    DELETED = "deleted"
    """Housekeeping removes what ended long ago."""


def _to(*statuses: Status) -> frozenset[Status]:
    return frozenset(statuses)


_W, _C, _S, _F, _R, _E = Status

TRANSITIONS: Mapping[tuple[Status, Event], frozenset[Status]] = {
    (_W, Event.CLAIM): _to(_C, _F),
    (_W, Event.SENT): _to(_S),
    (_W, Event.REJECTED): _to(_F),
    (_W, Event.CHAT_UNREACHABLE): _to(_F),
    (_W, Event.SUPERSEDED): _to(_R),
    (_W, Event.MERGED): _to(_W),
    (_W, Event.WITHDRAWN): _to(_R),
    (_W, Event.EXPIRED): _to(_E),
    (_C, Event.CLAIM): _to(_C, _F, _R),
    (_C, Event.SENT): _to(_S),
    (_C, Event.RETRY): _to(_W, _R),
    (_C, Event.REJECTED): _to(_F),
    (_C, Event.CHAT_UNREACHABLE): _to(_F),
    (_C, Event.WITHDRAWN): _to(_R),
    (_C, Event.EXPIRED): _to(_E),
    (_C, Event.RELEASED): _to(_W),
    (_S, Event.SENT): _to(_S),
    (_S, Event.DELETED): _to(),
    (_F, Event.SENT): _to(_S),
    (_F, Event.RETRIED_BY_OPERATOR): _to(_W),
    (_F, Event.DISCARDED): _to(_R),
    (_F, Event.DELETED): _to(),
    (_R, Event.SENT): _to(_S),
    (_R, Event.RETRY): _to(_R),
    (_R, Event.DELETED): _to(),
    (_E, Event.SENT): _to(_S),
    (_E, Event.DELETED): _to(),
}
"""Status and event -> the statuses that it can lead to; none: the row is gone. A pair that is missing does nothing."""
