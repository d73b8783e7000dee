"""Records of patients, invites, consents and caregivers. They decide nothing."""

from datetime import date, datetime, time
from enum import StrEnum
from typing import Literal, NamedTuple

from pydantic import Field

from bot.core.follow_up import FollowUp
from bot.core.frozen import Frozen, Versioned
from bot.core.plan_override import PlanOverride
from bot.core.schedule import Pause
from bot.core.treatment import Period, StopReason, Treatment


class PatientState(StrEnum):
    """The state of a patient's participation. Only ACTIVE patients are sent check-ins."""

    INVITED = "invited"
    ENROLLING = "enrolling"
    ACTIVE = "active"
    PAUSED = "paused"
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"


class Caregiver(Versioned):
    """Someone whom a patient lets answer with them, in their own chat; nothing but the chat is known of them.

    "invited" until they open the link (single-use; only the keyed hash of its token is stored), "asked" until they
    agree, then "active", and "ended" when either side ends it.
    """

    patient_id: int
    state: Literal["invited", "asked", "active", "ended"] = "invited"
    token_hash: str
    expires_at: datetime
    chat_id: int | None = None
    """None again once it has ended, so that another role can use the chat."""
    language: str
    invited_at: datetime
    agreed_at: datetime | None = None
    ended_at: datetime | None = None
    hint_sent_at: datetime | None = None


class TreatmentPeriod(Versioned):
    """One treatment period as it was last recorded; each earlier version is kept in the history.

    `is_removed`: it was entered by mistake; it stays in the history and counts nowhere.
    """

    patient_id: int = 0
    start: date
    stop: date | None = None
    stop_reason: StopReason | None = None
    """Stored sealed. None: not stopped, or not recorded."""
    drug: str | None = None
    """The name of the immunotherapy, for the card that an emergency department is shown."""
    is_removed: bool = False
    recorded_at: datetime
    recorded_by: str


class TreatmentVersion(TreatmentPeriod):
    """One version of a treatment period, as the history keeps it."""

    period_id: int


class Patient(Versioned):
    """A patient, known by study code. `enrol_step`: the open enrolment screen. `jitter`: delay in seconds."""

    code: str
    state: PatientState = PatientState.INVITED
    chat_id: int | None = None
    language: str = "en"
    timezone: str | None = None
    send_time: time
    quiet_from: time
    quiet_to: time
    periods: tuple[TreatmentPeriod, ...] = Field(min_length=1)
    """The treatment periods, oldest first. Read `treatment`; only `app/patients/treatment.py` changes them."""
    regimen: Literal["single", "combination"] = "single"
    plan: str
    pauses: tuple[Pause, ...] = ()
    plan_override: PlanOverride = PlanOverride()
    """How a coordinator changed the plan for this patient."""
    jitter: int = 0
    follow_up: FollowUp | None = None
    """The daily follow-up in addition to the plan (stored sealed: it names symptoms)."""
    enrol_step: str | None = None
    enrol_revision: int = 0
    next_due_at: datetime | None = None
    """When the next check-in is due, by plan or by daily follow-up."""
    unanswered: int = 0
    """How many check-ins in a row nobody answered; any answer or tap makes it 0."""
    rests_until: date | None = None
    """The first local date of the next planned check-in, while silence puts check-ins off."""
    unreachable_at: datetime | None = None
    ask_home_at: datetime | None = None
    """When a patient who said that they are at the hospital is asked whether they are home."""
    undo_until: datetime | None = None
    """Until when a patient who stopped by themselves can undo it."""
    goodbye_at: datetime | None = None
    """When a patient who is asked nothing more gets a goodbye; None if they had it, or are still asked."""
    hint_sent_at: datetime | None = None
    """When the patient was last answered that the bot can't read messages; that message is moved down then."""
    created_at: datetime
    second_chat_id: int | None = None
    """While the patient moves to a new phone: its chat until it has agreed ("asked", "confirmed"), then the old one."""
    phone_move: Literal["asked", "confirmed", "moved"] | None = None
    """"asked": the old chat is asked; "confirmed" there or by the team; "moved": the new phone agreed before that."""
    history_from: datetime | None = None
    """The chat shows no answers from before this: nobody has confirmed that the phone is the patient's."""
    caregiver: Caregiver | None = None
    """The caregiver who acts for the patient in this transaction; never stored."""
    is_second: bool = False
    """Whether the second chat acts in this transaction; never stored."""

    @property
    def treatment(self) -> Treatment:
        """Return when immunotherapy was given: the one place to ask for a start, a stop or a drug."""
        return Treatment(
            periods=tuple(Period(start=p.start, stop=p.stop, reason=p.stop_reason, drug=p.drug) for p in self.periods)
        )

    @property
    def answering_chat(self) -> int | None:
        """Return the chat that acts in this transaction and gets the replies."""
        if self.caregiver is not None:
            return self.caregiver.chat_id
        return self.second_chat_id if self.is_second else self.chat_id

    @property
    def actor(self) -> str:
        """Return who acts in this transaction, as the audit names them."""
        return f"{'patient' if self.caregiver is None else 'caregiver'}:{self.code}"

    @property
    def giver(self) -> str:
        """Return who acts in this transaction, as concerns remember who gave an answer: each helper is one person."""
        return giver_of(self.code, self.caregiver.id if self.caregiver is not None else None)

    @property
    def chat_language(self) -> str:
        """Return the language of the chat that acts in this transaction."""
        return self.caregiver.language if self.caregiver is not None else self.language


def giver_of(code: str, caregiver_id: int | None) -> str:
    """Return who gave an answer. Earlier versions stored "caregiver:CODE", which is nobody who can act now."""
    return f"patient:{code}" if caregiver_id is None else f"caregiver#{caregiver_id}"


class Invite(Versioned):
    """A single-use link; only the keyed hash of its token is stored."""

    patient_id: int
    token_hash: str
    expires_at: datetime
    used_at: datetime | None = None
    revoked_at: datetime | None = None


class Consent(Frozen):
    """A patient's consent: version, content hash and language of the text, and when it was given."""

    id: int = 0
    row_version: int = 0
    """How often the row was saved: the `version` of other records, which here is the text's."""
    patient_id: int
    version: str
    text_hash: str
    language: str
    given_at: datetime
    withdrawn_at: datetime | None = None


class Started(NamedTuple):
    """Where a page of patients by the start of their newest treatment period ended."""

    start: date
    id: int
