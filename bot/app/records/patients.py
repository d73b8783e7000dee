"""Records of patients: who they are, how they were invited, what they agreed to, who helps them."""

from datetime import date, datetime, time
from enum import StrEnum
from typing import Literal, NamedTuple

from bot.core.follow_up import FollowUp
from bot.core.frozen import Frozen, Versioned
from bot.core.plan_override import PlanOverride
from bot.core.schedule import Pause


class PatientState(StrEnum):
    """How far a patient is. Only ACTIVE ones are sent check-ins."""

    INVITED = "invited"
    ENROLLING = "enrolling"
    ACTIVE = "active"
    PAUSED = "paused"
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"


class Caregiver(Versioned):
    """Someone a patient lets answer with them, in a chat of their own; known by that chat alone.

    "invited" until they open the link (single-use, only the keyed hash of its token is stored), "asked" until they
    agree, "active" then, "ended" when either of the two ends it.
    """

    patient_id: int
    state: Literal["invited", "asked", "active", "ended"] = "invited"
    token_hash: str
    expires_at: datetime
    chat_id: int | None = None
    """None too once it has ended, so that the chat may be someone else's."""
    language: str
    invited_at: datetime
    agreed_at: datetime | None = None
    ended_at: datetime | None = None
    hint_sent_at: datetime | None = None


class Patient(Versioned):
    """A patient, known by study code. `enrol_step` names the open enrolment screen; `jitter` is in seconds."""

    code: str
    state: PatientState = PatientState.INVITED
    chat_id: int | None = None
    language: str = "en"
    timezone: str | None = None
    send_time: time
    quiet_from: time
    quiet_to: time
    ici_start: date
    ici_stop: date | None = None
    regimen: Literal["single", "combination"] = "single"
    drug: str | None = None
    """What the immunotherapy is called, for the card an emergency department is shown."""
    plan: str
    pauses: tuple[Pause, ...] = ()
    plan_override: PlanOverride = PlanOverride()
    """What a coordinator made different in the plan."""
    jitter: int = 0
    follow_up: FollowUp | None = None
    """What is asked again daily, beside the plan (stored sealed: it names symptoms)."""
    enrol_step: str | None = None
    enrol_revision: int = 0
    next_due_at: datetime | None = None
    """The next check-in of plan and daily re-ask together."""
    unreachable_at: datetime | None = None
    hint_sent_at: datetime | None = None
    """When the patient was last told that words can't be read."""
    created_at: datetime
    helper: Caregiver | None = None
    """The caregiver in whose chat something is being done just now; never stored."""

    @property
    def answering_chat(self) -> int | None:
        """The chat that what is being done now came from, and answers go to."""
        return self.helper.chat_id if self.helper is not None else self.chat_id

    @property
    def actor(self) -> str:
        """Who is doing it."""
        return f"{'patient' if self.helper is None else 'caregiver'}:{self.code}"

    @property
    def speaks(self) -> str:
        """The language of that chat."""
        return self.helper.language if self.helper is not None else self.language


class Invite(Versioned):
    """A single-use link; only the keyed hash of its token is stored."""

    patient_id: int
    token_hash: str
    expires_at: datetime
    used_at: datetime | None = None
    revoked_at: datetime | None = None


class Consent(Frozen):
    """What a patient agreed to: the version and content hash of the text, its language, and when."""

    id: int = 0
    row_version: int = 0
    """What `version` is elsewhere: how often the row was saved."""
    patient_id: int
    version: str
    text_hash: str
    language: str
    given_at: datetime
    withdrawn_at: datetime | None = None


class Started(NamedTuple):
    """Where a page of patients by start of ICI ended."""

    ici_start: date
    id: int
