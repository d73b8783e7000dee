"""Dead letters: failed updates and undeliverable messages, which staff retry or discard. Sends nothing itself."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from bot.app.chat_roles import role_of, team_member
from bot.app.ports.errors import RefusedError
from bot.app.records.messages import FailedDelivery, Outbox
from bot.app.records.operations import DeadUpdate
from bot.app.records.patients import PatientState
from bot.app.work import Stores, Work

DeadLetterKind = Literal["update", "message"]
_KINDS: dict[str, DeadLetterKind] = {"update": "update", "message": "message"}
MAX_DEAD_LETTERS = 200
STRANGERS = "stranger"
"""The slot of messages to chats that belong to nobody (see `bot/dialog/post.py`)."""
_LEFT = frozenset({PatientState.DECLINED, PatientState.WITHDRAWN})


@dataclass(frozen=True)
class DeadLetter:
    """One dead letter. `what` and `why` contain no text, no answer and no chat."""

    kind: DeadLetterKind
    number: int
    what: str
    why: str
    since: datetime

    @property
    def ref(self) -> str:
        """Return how commands refer to it."""
        return f"{self.kind}-{self.number}"


def list_dead_letters(stores: Stores) -> Sequence[DeadLetter]:
    """Return the newest dead letters of each kind, updates first."""
    updates = [
        DeadLetter("update", dead.id, f"Telegram's {dead.update_id or 'without a number'}", dead.error, dead.at)
        for dead in stores.dead_letters.updates(limit=MAX_DEAD_LETTERS)
    ]
    messages = [
        DeadLetter(
            "message",
            row.id,
            f"lane {row.lane.name.lower()}, {row.slot.partition(':')[0]}, {row.attempts} attempts",
            row.why,
            row.failed_at or row.created_at,
        )
        for row in stores.dead_letters.messages(limit=MAX_DEAD_LETTERS)
    ]
    return [*updates, *messages]


def parse_reference(ref: str) -> tuple[DeadLetterKind, int]:
    """Return the kind and number of "update-12" or "message-34". Raise RefusedError for anything else."""
    kind, _, number = ref.partition("-")
    if number.isdecimal() and kind in _KINDS:
        return _KINDS[kind], int(number)
    raise RefusedError(f"{ref!r} is not a reference: write update-NUMBER or message-NUMBER, see `nervecheck dead list`")


def update(stores: Stores, number: int) -> DeadUpdate:
    """Return a dead update. Raise RefusedError if there is none with that number."""
    dead = stores.dead_letters.update(number)
    if dead is None:
        raise _not_found("update", number)
    return dead


def refusal(stores: Stores, number: int, why: str) -> RefusedError:
    """Return the error that says why a dead update can't be processed any more, and whose it is."""
    found = stores.dead_letters.update(number)
    chat_id = found.chat_id if found is not None else None
    patient = role_of(stores, chat_id).patient if chat_id is not None else None
    of = f" of {'a caregiver of ' if patient.caregiver is not None else ''}{patient.code}" if patient else ""
    return _refusal("update", number, why, of)


def retry_message(work: Work, number: int) -> None:
    """Queue a failed message again. Raise RefusedError if it is out of date or has no recipient any more."""
    found = work.dead_letters.message(number)
    if found is not None and found.row is not None and found.row.patient_id is not None:
        # Read again under the lock: a later message may have been queued, or the patient may have withdrawn.
        work.patients.get(found.row.patient_id, lock=True)
        found = work.dead_letters.message(number)
    if found is None:
        raise _not_found("message", number)
    why = _why_not(work, found)
    if why is not None:
        raise _refusal("message", number, why)
    if not work.dead_letters.retry_message(number, work.at):
        raise _not_found("message", number)  # discarded or retried by someone else since it was read
    work.record("dead_letter_retried", f"message-{number}")


def _why_not(work: Work, found: FailedDelivery) -> str | None:
    """Return why a message must not be sent any more; None if it may be."""
    if found.row is None:
        return "can't be decrypted with the configured keys"
    if found.superseded:
        return "was superseded by a later message"
    if found.row.not_after is not None and found.row.not_after < work.at:
        return "has expired: it was useful for a limited time only"
    return _why_no_recipient(work, found.row)


def _why_no_recipient(stores: Stores, row: Outbox) -> str | None:
    """Return why a message has no recipient any more (they left, or the chat is another's); None if it has one."""
    if row.patient_id is None:
        person = team_member(stores, row.chat_id)
        is_reachable = row.slot == STRANGERS or (person is not None and person.can_be_notified)
        return None if is_reachable else "was for someone who has left the team or can't be reached"
    patient = stores.patients.get(row.patient_id)
    if patient is None or patient.state in _LEFT:
        return "was for a patient who has left: nothing is sent to them any more"
    recipient = role_of(stores, row.chat_id, lambda: patient.id).patient
    if recipient is None or recipient.id != patient.id:
        return "was for a chat that no longer belongs to the patient"
    is_unreachable = recipient.caregiver is None and recipient.unreachable_at is not None
    return "was for a patient who can't be reached" if is_unreachable else None


def close_processed_update(work: Work, number: int) -> None:
    """Remove a dead update that a retry has processed. Raise RefusedError if there is none with that number."""
    if not work.dead_letters.discard_update(number):
        raise _not_found("update", number)
    work.record("dead_letter_retried", f"update-{number}")


def discard(work: Work, ref: str) -> None:
    """Discard a dead letter without retrying; the audit keeps who did. Raise RefusedError if there is none."""
    kind, number = parse_reference(ref)
    discarded = (
        work.dead_letters.discard_update(number)
        if kind == "update"
        else work.dead_letters.discard_message(number, work.at)
    )
    if not discarded:
        raise _not_found(kind, number)
    work.record("dead_letter_discarded", ref)


def _not_found(kind: DeadLetterKind, number: int) -> RefusedError:
    return RefusedError(f"there is no dead {kind} {number}: see `nervecheck dead list`")


def _refusal(kind: DeadLetterKind, number: int, why: str, of: str = "") -> RefusedError:
    ref = f"{kind}-{number}"
    return RefusedError(f"{ref}{of} {why}; discard it with `nervecheck dead discard {ref}`")
