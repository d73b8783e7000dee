"""Records of check-ins, answers, assessments with their basis, protocols and tips. They decide nothing."""

from datetime import datetime
from typing import Literal

from bot.core.checkin import CheckIn
from bot.core.frozen import Frozen, Versioned
from bot.core.protocol import Answers, Tier


class CheckInRow(Versioned):
    """A check-in as stored: the core's value, and what the core doesn't need.

    `next_action_at`: when the sweep has to process it next (reminder, silence); None once it is closed.
    `kind`: why it was opened. (patient_id, due_at) is unique.
    """

    patient_id: int
    kind: Literal["scheduled", "baseline", "extra", "worse", "follow_up"]
    due_at: datetime
    opened_at: datetime
    closed_at: datetime | None = None
    reminders: int = 0
    next_action_at: datetime | None = None
    remind_at: datetime | None = None
    """The time the patient asked to be reminded at; it replaces the reminders before it."""
    silent_at: datetime | None = None
    unanswered: int = 0
    """How many check-ins in a row nobody had answered when silence had begun to put them off; 0 if it had not."""
    protocol_name: str
    protocol_version: str
    protocol_hash: str
    value: CheckIn


class AnswerRow(Frozen):
    """One answer as given; a changed answer leaves the old row with `superseded_at` set."""

    id: int = 0
    checkin_id: int
    patient_id: int
    question: str
    choices: tuple[str, ...]
    given_at: datetime
    superseded_at: datetime | None = None
    caregiver_id: int | None = None
    """Who gave it, if it wasn't the patient."""


class Basis(Frozen):
    """The input of an assessment: with the same protocol it always gives the same tier.

    `quiet`: rules that raised nothing, because of what was remembered of the patient; `open`: the tier of what was open
    and there, if the rules give less (`bot/core/weighing.py`).
    """

    form: str
    answers: Answers
    previous: Answers | None
    baseline: Answers | None
    finished: bool
    about: tuple[str, ...] = ()
    quiet: tuple[str, ...] = ()
    open: Tier = Tier.ROUTINE


class StoredProtocol(Frozen):
    """The file of a protocol that assessments were made with. `content_hash`: SHA-256 of `content`, hex."""

    content_hash: str
    name: str
    version: str
    content: bytes
    first_used_at: datetime


class AssessmentRow(Frozen):
    """A tier with the rules that fired and their protocol, so that it can be replayed."""

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
    """None for an assessment from before the basis was stored."""


class TipShown(Frozen):
    """A tip a patient saw, and how they rated it."""

    id: int = 0
    patient_id: int
    tip: str
    shown_at: datetime
    rating: Literal["helpful", "not_for_me"] | None = None
