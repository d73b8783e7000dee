"""Records of the work for the team: alerts, tasks, agreed levels."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Literal, NamedTuple

from bot.core.frozen import Frozen, Versioned
from bot.core.protocol import Tier


class AlertState(StrEnum):
    """What became of an alert on the patient's side. Silence never closes one."""

    OPEN = "open"
    CONFIRMED = "confirmed"
    """The patient said that they reached someone."""
    UNCONFIRMED = "unconfirmed"
    """All loop-backs were sent and nobody confirmed a call."""
    CLOSED = "closed"
    """Closed by staff."""


AlertOutcome = Literal["spoke_to_patient", "sent_to_ed", "notified_oncologist", "drug_held", "no_action", "not_reached"]

FORMER_OUTCOMES: Mapping[str, AlertOutcome] = {"told_oncologist": "notified_oncologist"}
"""What buttons in chats and scripts of before say, for good."""


class AlertRow(Versioned):
    """An assessment that someone must act on. `checkin_id` is None for "need help now" outside a check-in."""

    patient_id: int
    checkin_id: int | None
    tier: Tier
    rules: tuple[str, ...]
    state: AlertState = AlertState.OPEN
    raised_at: datetime
    safety_follow_ups: int = 0
    next_patient_prompt_at: datetime | None = None
    last_reply: Literal["called", "not_yet", "cannot_reach", "cannot_call", "reached"] | None = None
    replied_at: datetime | None = None
    mistake_at: datetime | None = None
    caregiver_id: int | None = None
    """Whose answer raised it, where it wasn't the patient's."""
    declared: Literal["is_urgent", "can_wait"] | None = None
    """What the patient said about it; sorts the queue, never lowers a tier."""
    owner: str | None = None
    """Who of the team has it; None until someone takes it up."""
    acknowledged_at: datetime | None = None
    outcome: AlertOutcome | None = None
    """What came of it, as the team noted; kept when it is reopened."""
    noted_at: datetime | None = None
    closed_by: str | None = None
    closed_at: datetime | None = None
    notified: tuple[str, ...] = ()
    """Who of the team was told of it, by name, in that order."""
    escalation_level: int = 0
    """Steps of the team's escalation that were done (see core/escalation.py)."""
    clock_from: datetime | None = None
    """Since when the team's clocks run; None: since it was raised."""
    is_agreed: bool = False
    """Whether the team expected what was found: then its clocks rest."""
    next_escalation_at: datetime | None = None
    """When the next step of the team's escalation is due."""
    work_revision: int = 0
    """Of its message in the team's chats."""


TaskKind = Literal[
    "not_heard_from", "missed_twice", "unreachable", "skipped_after_outage",
    "outage", "telegram_silent", "missed_in_outage", "answers_lost", "not_delivered",
]  # fmt: skip


class Task(Frozen):
    """Something for a coordinator that is not an alert. (kind, subject) of an open item is unique."""

    id: int = 0
    kind: TaskKind
    patient_id: int | None
    subject: str
    raised_at: datetime
    closed_at: datetime | None = None


class Snooze(Versioned):
    """A symptom (question id) that the team expects up to a level (choice id; stored sealed) until a moment."""

    patient_id: int
    question: str
    level: str
    until: datetime
    made_by: str
    made_at: datetime
    ended_at: datetime | None = None
    ended_by: str | None = None


class AlertTimes(NamedTuple):
    """When an alert was raised and taken up."""

    tier: Tier
    raised_at: datetime
    acknowledged_at: datetime | None
