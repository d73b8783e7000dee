"""What could not be done: updates that no handler could work off, messages that were given up. Listed until seen to."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from bot.app.ports.errors import RefusedError
from bot.app.records.messages import FailedDelivery, Outbox
from bot.app.records.operations import Audit, DeadUpdate
from bot.app.records.patients import PatientState
from bot.app.work import Stores, Work

DeadLetterKind = Literal["update", "message"]
MOST = 200
STRANGERS = "stranger"
"""The slot of what goes to chats that are nobody's (see app/post.py)."""
_LEFT = frozenset({PatientState.DECLINED, PatientState.WITHDRAWN})


@dataclass(frozen=True)
class DeadLetter:
    """One of them. `what` and `why` hold no text, no answer, no chat."""

    kind: DeadLetterKind
    number: int
    what: str
    why: str
    since: datetime

    @property
    def ref(self) -> str:
        """How it is named in commands."""
        return f"{self.kind}-{self.number}"


def letters(stores: Stores) -> Sequence[DeadLetter]:
    """Return the newest of each kind, updates first."""
    updates = [
        DeadLetter("update", dead.id, f"Telegram's {dead.update_id or 'without a number'}", dead.error, dead.at)
        for dead in stores.dead_letters.updates(limit=MOST)
    ]
    messages = [
        DeadLetter(
            "message",
            row.id,
            f"lane {row.lane.name.lower()}, {row.slot.partition(':')[0]}, {row.attempts} attempts",
            row.why,
            row.failed_at or row.created_at,
        )
        for row in stores.dead_letters.messages(limit=MOST)
    ]
    return [*updates, *messages]


def named(ref: str) -> tuple[DeadLetterKind, int]:
    """Read "update-12" or "message-34"; RefusedError for anything else."""
    kind, _, number = ref.partition("-")
    if not number.isdecimal():
        raise RefusedError(f"{ref!r} names nothing: write update-NUMBER or message-NUMBER, see `nervecheck dead list`")
    if kind == "update":
        return "update", int(number)
    if kind == "message":
        return "message", int(number)
    raise RefusedError(f"{ref!r} names nothing: write update-NUMBER or message-NUMBER, see `nervecheck dead list`")


def update(stores: Stores, number: int) -> DeadUpdate:
    """Return a dead update; RefusedError when there is none of that number."""
    dead = stores.dead_letters.update(number)
    if dead is None:
        raise _gone("update", number)
    return dead


def refused(stores: Stores, number: int, why: str) -> RefusedError:
    """Return the error that says why a dead update can't be worked off any more, and whose it is."""
    found = stores.dead_letters.update(number)
    chat_id = found.chat_id if found is not None else None
    patient = stores.patients.by_chat(chat_id) if chat_id is not None else None
    helper = stores.caregivers.by_chat(chat_id) if chat_id is not None else None
    helped = stores.patients.get(helper.patient_id) if helper is not None else None
    of = f" of {patient.code}" if patient else f" of a caregiver of {helped.code}" if helped else ""
    return _refused("update", number, why, of)


def send_again(work: Work, number: int) -> None:
    """Let a message that was given up be sent after all; RefusedError when it would mislead, or reach nobody."""
    found = work.dead_letters.message(number)
    if found is not None and found.row is not None and found.row.patient_id is not None:
        # Read again behind the lock: what overtakes it may just be queued, or the patient leave.
        work.patients.get(found.row.patient_id, lock=True)
        found = work.dead_letters.message(number)
    if found is None:
        raise _gone("message", number)
    why = _why_not(work, found)
    if why is not None:
        raise _refused("message", number, why)
    work.dead_letters.retry_message(number, work.at)
    _note(work, "dead_letter_retried", f"message-{number}")


def _why_not(work: Work, found: FailedDelivery) -> str | None:
    """Return why a message must not be sent any more."""
    if found.row is None:
        return "can't be read with the keys that there are"
    if found.superseded:
        return "was overtaken: a later message stands in its place"
    if found.row.not_after is not None and found.row.not_after < work.at:
        return "is over: it was of use for a time, and that has passed"
    return _nobody(work, found.row)


def _nobody(stores: Stores, row: Outbox) -> str | None:
    """Return why nobody may be sent it: who it was for has left, or the chat is another's by now."""
    if row.patient_id is None:
        person = stores.staff.by_chat(row.chat_id)
        notified = row.slot == STRANGERS or (person is not None and person.can_be_notified)
        return None if notified else "was for someone who is of the team no more, or can't be reached"
    patient = stores.patients.get(row.patient_id)
    if patient is None or patient.state in _LEFT:
        return "was for a patient who has left: nothing more is sent"
    if row.chat_id == patient.chat_id:
        return "was for a patient who can't be reached" if patient.unreachable_at is not None else None
    helps = any(caregiver.chat_id == row.chat_id for caregiver in stores.caregivers.of_patient(patient.id))
    return None if helps else "was for a chat that is the patient's no more"


def worked_off(work: Work, number: int) -> None:
    """Strike a dead update off: it was worked off after all."""
    if not work.dead_letters.discard_update(number):
        raise _gone("update", number)
    _note(work, "dead_letter_retried", f"update-{number}")


def drop(work: Work, ref: str) -> None:
    """Strike one off without doing it; who did that stays in the audit."""
    kind, number = named(ref)
    dropped = (
        work.dead_letters.discard_update(number)
        if kind == "update"
        else work.dead_letters.discard_message(number, work.at)
    )
    if not dropped:
        raise _gone(kind, number)
    _note(work, "dead_letter_discarded", ref)


def _gone(kind: DeadLetterKind, number: int) -> RefusedError:
    return RefusedError(f"there is no dead {kind} {number}: see `nervecheck dead list`")


def _refused(kind: DeadLetterKind, number: int, why: str, of: str = "") -> RefusedError:
    ref = f"{kind}-{number}"
    return RefusedError(f"{ref}{of} {why}; discard it with `nervecheck dead discard {ref}`")


def _note(work: Work, action: str, ref: str) -> None:
    work.audit.add(Audit(at=work.at, actor=work.actor, action=action, subject=ref))
