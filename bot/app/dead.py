"""What could not be done: updates that no handler could work off, messages that were given up. Listed until seen to."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from bot.app import checkins
from bot.app.lookup import RefusedError
from bot.app.ops_store import GivenUp
from bot.app.store import Audit, DeadUpdate, Outbox, PatientState, Store
from bot.core.screen import Action

Kind = Literal["update", "message"]
MOST = 200
STRANGERS = "stranger"
"""The slot of what goes to chats that are nobody's (see app/post.py)."""
_LEFT = frozenset({PatientState.DECLINED, PatientState.WITHDRAWN})
_ASKS_FOR_HELP = frozenset(
    {("menu", "worse"), ("alert", "not_yet"), ("alert", "cannot_reach"), ("alert", "cannot_call")}
)
"""Kind and choice of taps that only ever make the bot more careful."""


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


def refused(store: Store, number: int, why: str) -> RefusedError:
    """Return the error that says why a dead update can't be worked off any more, and whose it is."""
    found = store.dead_update(number)
    chat_id = found.chat_id if found is not None else None
    patient = store.patient_by_chat(chat_id) if chat_id is not None else None
    helper = store.caregiver_by_chat(chat_id) if chat_id is not None else None
    helped = store.patient(helper.patient_id) if helper is not None else None
    of = f" of {patient.code}" if patient else f" of a caregiver of {helped.code}" if helped else ""
    return _refused("update", number, why, of)


def send_again(store: Store, number: int, by: str, at: datetime) -> None:
    """Let a message that was given up be sent after all; RefusedError when it would mislead, or reach nobody."""
    found = store.given_up(number)
    if found is not None and found.row is not None and found.row.patient_id is not None:
        # Read again behind the lock: what overtakes it may just be queued, or the patient leave.
        store.patient(found.row.patient_id, lock=True)
        found = store.given_up(number)
    if found is None:
        raise _gone("message", number)
    why = _why_not(store, found, at)
    if why is not None:
        raise _refused("message", number, why)
    store.send_again(number, at)
    _note(store, "dead_retried", f"message-{number}", by, at)


def _why_not(store: Store, found: GivenUp, at: datetime) -> str | None:
    """Return why a message must not be sent any more."""
    if found.row is None:
        return "can't be read with the keys that there are"
    if found.overtaken:
        return "was overtaken: a later message stands in its place"
    if found.row.not_after is not None and found.row.not_after < at:
        return "is over: it was of use for a time, and that has passed"
    return _nobody(store, found.row)


def _nobody(store: Store, row: Outbox) -> str | None:
    """Return why nobody may be sent it: who it was for has left, or the chat is another's by now."""
    if row.patient_id is None:
        person = store.staff_by_chat(row.chat_id)
        told = row.slot == STRANGERS or (person is not None and person.can_be_told)
        return None if told else "was for someone who is of the team no more, or can't be reached"
    patient = store.patient(row.patient_id)
    if patient is None or patient.state in _LEFT:
        return "was for a patient who has left: nothing more is sent"
    if row.chat_id == patient.chat_id:
        return "was for a patient who can't be reached" if patient.unreachable_at is not None else None
    helps = any(caregiver.chat_id == row.chat_id for caregiver in store.caregivers(patient.id))
    return None if helps else "was for a chat that is the patient's no more"


def holds_later(action: Action) -> bool:
    """Whether a tap may be worked off long after: it names the screen it stood on, or asks for help.

    Any other would undo what was tapped since: "I have called" ends the questions, "delete everything" deletes it.
    """
    return action.kind in checkins.KINDS or (action.kind, action.choice) in _ASKS_FOR_HELP


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


def _refused(kind: Kind, number: int, why: str, of: str = "") -> RefusedError:
    ref = f"{kind}-{number}"
    return RefusedError(f"{ref}{of} {why}; strike it off with `nervecheck dead drop {ref}`")


def _note(store: Store, action: str, ref: str, by: str, at: datetime) -> None:
    store.audit(Audit(at=at, actor=by, action=action, subject=ref))
