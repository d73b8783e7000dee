"""What could not be done: updates that no handler could work off, messages that were given up. Listed until seen to."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from bot.app.lookup import RefusedError
from bot.app.store import Audit, DeadUpdate, Store

Kind = Literal["update", "message"]
MOST = 200


@dataclass(frozen=True)
class DeadLetter:
    """One of them. `what` and `why` hold no text, no answer, no chat."""

    kind: Kind
    number: int
    what: str
    why: str
    since: datetime

    @property
    def ref(self) -> str:
        """How it is named in commands."""
        return f"{self.kind}-{self.number}"


def letters(store: Store) -> Sequence[DeadLetter]:
    """Return the newest of each kind, updates first."""
    updates = [
        DeadLetter("update", dead.id, f"Telegram's {dead.update_id or 'without a number'}", dead.error, dead.at)
        for dead in store.dead_updates(limit=MOST)
    ]
    messages = [
        DeadLetter(
            "message",
            row.id,
            f"lane {row.lane.name.lower()}, {row.slot.partition(':')[0]}, {row.attempts} attempts",
            row.why,
            row.failed_at or row.created_at,
        )
        for row in store.failed_messages(limit=MOST)
    ]
    return [*updates, *messages]


def named(ref: str) -> tuple[Kind, int]:
    """Read "update-12" or "message-34"; RefusedError for anything else."""
    kind, _, number = ref.partition("-")
    if not number.isdecimal():
        raise RefusedError(f"{ref!r} names nothing: write update-NUMBER or message-NUMBER, see `nervecheck dead list`")
    if kind == "update":
        return "update", int(number)
    if kind == "message":
        return "message", int(number)
    raise RefusedError(f"{ref!r} names nothing: write update-NUMBER or message-NUMBER, see `nervecheck dead list`")


def update(store: Store, number: int) -> DeadUpdate:
    """Return a dead update; RefusedError when there is none of that number."""
    dead = store.dead_update(number)
    if dead is None:
        raise _gone("update", number)
    return dead


def send_again(store: Store, number: int, by: str, at: datetime) -> None:
    """Let a message that was given up be sent as if new."""
    if not store.send_again(number, at):
        raise _gone("message", number)
    _note(store, "dead_retried", f"message-{number}", by, at)


def worked_off(store: Store, number: int, by: str, at: datetime) -> None:
    """Strike a dead update off: it was worked off after all."""
    if not store.drop_dead_update(number):
        raise _gone("update", number)
    _note(store, "dead_retried", f"update-{number}", by, at)


def drop(store: Store, ref: str, by: str, at: datetime) -> None:
    """Strike one off without doing it; who did that stays in the audit."""
    kind, number = named(ref)
    dropped = store.drop_dead_update(number) if kind == "update" else store.drop_message(number, at)
    if not dropped:
        raise _gone(kind, number)
    _note(store, "dead_dropped", ref, by, at)


def _gone(kind: Kind, number: int) -> RefusedError:
    return RefusedError(f"there is no dead {kind} {number}: see `nervecheck dead list`")


def _note(store: Store, action: str, ref: str, by: str, at: datetime) -> None:
    store.audit(Audit(at=at, actor=by, action=action, subject=ref))
