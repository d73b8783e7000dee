"""Records of check-ins: the form as asked, each answer as given, the assessments and what they were made from."""

from datetime import datetime
from typing import Literal

from bot.core.checkin import CheckIn
from bot.core.frozen import Frozen, Versioned
from bot.core.protocol import Answers, Tier


class CheckInRow(Versioned):
    """A check-in as stored: the core's value and what surrounds it.

    `next_step_at` is when the sweep has to look at it again (reminder, expiry); None once it is closed.
    `kind` says why it exists; (patient_id, due_at) is unique.
    """

    patient_id: int
    kind: Literal["scheduled", "baseline", "extra", "worse", "follow_up"]
    due_at: datetime
    opened_at: datetime
    closed_at: datetime | None = None
    reminders: int = 0
    next_action_at: datetime | None = None
    remind_at: datetime | None = None
    """The moment the patient asked to be reminded at; it stands in for the reminders before it."""
    silent_at: datetime | None = None
    protocol_name: str
    protocol_version: str
    protocol_hash: str
    value: CheckIn


class AnswerRow(Frozen):
    """One answer as given; a changed answer keeps the old row with `superseded_at` set."""

    id: int = 0
    checkin_id: int
    patient_id: int
    question: str
    choices: tuple[str, ...]
    given_at: datetime
    superseded_at: datetime | None = None
    caregiver_id: int | None = None
    """Who gave it, where it wasn't the patient."""


class Basis(Frozen):
    """What an assessment was made from: with the protocol of that hash it gives the same tier again, at any time."""

    form: str
    answers: Answers
    previous: Answers | None
    baseline: Answers | None
    finished: bool


class StoredProtocol(Frozen):
    """A protocol that assessments were made by, as its file was read. `content_hash`: SHA-256 of `content`, hex."""

    content_hash: str
    name: str
    version: str
    content: bytes
    first_used_at: datetime


class AssessmentRow(Frozen):
    """A tier with the rules that fired and the protocol they stood in, so that it can be replayed."""

    id: int = 0
    checkin_id: int
    patient_id: int
    tier: Tier
    rules: tuple[str, ...]
    complete: bool
    final: bool
    protocol_name: str
    protocol_version: str
    protocol_hash: str
    at: datetime
    basis: Basis | None = None
    """None for one that was stored before these were kept."""


class TipShown(Frozen):
    """A tip a patient saw, and what they thought of it."""

    id: int = 0
    patient_id: int
    tip: str
    shown_at: datetime
    rating: Literal["helpful", "not_for_me"] | None = None
