"""Records of alerts, tasks and agreed levels. They decide nothing."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Literal, NamedTuple, get_args

from bot.core.frozen import Frozen, Versioned
from bot.core.protocol import Tier


class AlertState(StrEnum):
    """The state of an alert on the patient's side. Silence never closes an alert."""

    OPEN = "open"
    CONFIRMED = "confirmed"
    """The patient said that they reached someone."""
    UNCONFIRMED = "unconfirmed"
    """All safety follow-ups were sent and no call was confirmed."""
    CLOSED = "closed"
    """Closed by staff."""


AlertOutcome = Literal[
    "spoke_to_patient", "seen", "sent_to_ed", "notified_oncologist", "drug_held", "no_action", "not_reached",
    "false_alarm", "out_of_care",
]  # fmt: skip
CONTACT: frozenset[AlertOutcome] = frozenset({"spoke_to_patient", "seen", "sent_to_ed"})
"""The outcomes that say that somebody was in contact with the patient."""
ATTEMPT: AlertOutcome = "not_reached"
"""The outcome of a call that nobody answered: it changes no concern, and no alert is closed with it."""

NO_ACTION: AlertOutcome = "no_action"
"""The outcome of answers that were read without contacting anybody; it needs a reason."""

NoActionReason = Literal["expected", "plan", "visit"]
"""It is expected, from before or with this treatment; the team has a plan for it; the patient has a visit soon."""

FORMER_OUTCOMES: Mapping[str, AlertOutcome] = {"told_oncologist": "notified_oncologist"}
"""Former names, which old buttons and scripts still use."""


def outcomes_for(tier: Tier) -> tuple[AlertOutcome, ...]:
    """Return the outcomes that staff can choose for an alert; above SOON, "no action" is none of them."""
    return tuple(outcome for outcome in get_args(AlertOutcome) if outcome != NO_ACTION or tier <= Tier.SOON)


class AlertRow(Versioned):
    """The team's piece of work on what was found of one patient: a patient has one that is not closed.

    Older versions raised one for each check-in; what is found now joins the highest of those.
    """

    patient_id: int
    checkin_id: int | None
    """The check-in that raised it or joined it last; None for "need help now" outside of a check-in."""
    tier: Tier
    """The highest tier that it was raised at or that joined it."""
    asked_tier: Tier | None = None
    """The tier of what the patient is asked to call about; ROUTINE: about nothing, None: the alert's own tier."""
    rules: tuple[str, ...]
    symptoms: tuple[str, ...] = ()
    """The symptoms that it names: a reply or an outcome counts for their concerns."""
    named_at: datetime | None = None
    """When it named them: what opened or rose later is not covered."""
    state: AlertState = AlertState.OPEN
    raised_at: datetime
    safety_follow_ups: int = 0
    next_patient_prompt_at: datetime | None = None
    last_reply: (
        Literal["called", "not_yet", "cannot_reach", "cannot_call", "reached", "at_hospital", "team_knows"] | None
    ) = None
    replied_at: datetime | None = None
    mistake_at: datetime | None = None
    caregiver_id: int | None = None
    """Whose answer raised it, where it wasn't the patient's."""
    declared: Literal["is_urgent", "can_wait"] | None = None
    """How urgent the patient says it is; sorts the queue, never lowers a tier."""
    owner: str | None = None
    """The name of the member who acknowledged it; None until somebody does."""
    acknowledged_at: datetime | None = None
    outcome: AlertOutcome | None = None
    """What the team noted; kept when the alert is reopened."""
    noted_at: datetime | None = None
    closed_by: str | None = None
    closed_at: datetime | None = None
    notified: tuple[str, ...] = ()
    """The names of the members notified of it, in that order."""
    escalation_level: int = 0
    """The number of escalation steps done (see `core/escalation.py`)."""
    clock_from: datetime | None = None
    """When the escalation clocks were restarted; None: they run since it was raised."""
    is_agreed: bool = False
    """Whether the findings were within an agreed level: then it does not escalate."""
    next_escalation_at: datetime | None = None
    """When the next escalation step is due."""
    work_revision: int = 0
    """The revision of its messages in the team's chats."""

    @property
    def call_tier(self) -> Tier:
        """Return the tier by which messages to the patient say whom to call, and how soon."""
        return self.asked_tier or self.tier

    @property
    def asks(self) -> Tier:
        """Return the tier of what the patient is still asked to call about; ROUTINE if it is nothing."""
        is_asked = self.state in {AlertState.OPEN, AlertState.UNCONFIRMED} and self.asked_tier is not Tier.ROUTINE
        return self.call_tier if is_asked else Tier.ROUTINE


TaskKind = Literal[
    "not_heard_from", "missed_twice", "skipped_twice", "unreachable", "skipped_after_outage",
    "outage", "telegram_silent", "missed_in_outage", "answers_lost", "not_delivered", "level_ended", "phone_patient",
    "confirm_reference", "agreement_ends", "ask_usual_signs", "second_person", "still_there",
]  # fmt: skip


class Task(Frozen):
    """Something for the team to do that is not an alert. (kind, subject) of an open task is unique."""

    id: int = 0
    kind: TaskKind
    patient_id: int | None
    subject: str
    raised_at: datetime
    closed_at: datetime | None = None


class AgreedLevel(Versioned):
    """An agreed level: a symptom (question id) may reach a level (choice id, sealed) for a time."""

    patient_id: int
    question: str
    level: str
    until: datetime
    made_by: str
    made_at: datetime
    ended_at: datetime | None = None
    ended_by: str | None = None


class AlertTimes(NamedTuple):
    """When an alert was raised and acknowledged."""

    tier: Tier
    raised_at: datetime
    acknowledged_at: datetime | None
