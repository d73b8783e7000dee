"""The port to the database: the records use cases work on and the `Store` they call. No SQL, no engine.

A `Store` lives for one transaction. All moments are aware UTC. Ids are integers the database gives.
What is the team's and what lists are read by stand in team_store.py and desk_store.py.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import date, datetime, time
from enum import IntEnum, StrEnum
from typing import Literal, Protocol

from pydantic import Field

from bot.app.desk_store import DeskStore
from bot.app.ops_store import BEGINNING, OpsStore, Place
from bot.app.team_store import TeamStore, Versioned
from bot.core.again import Watch
from bot.core.checkin import CheckIn
from bot.core.own_plan import Own
from bot.core.protocol import Answers, Tier
from bot.core.schedule import Pause
from bot.core.screen import Frozen, Screen


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
    said_at: datetime | None = None


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
    own: Own = Own()
    """What a coordinator made different in the plan."""
    jitter: int = 0
    watch: Watch | None = None
    """What is asked again daily, beside the plan (stored sealed: it names symptoms)."""
    enrol_step: str | None = None
    enrol_revision: int = 0
    next_due_at: datetime | None = None
    """The next check-in of plan and daily re-ask together."""
    unreachable_at: datetime | None = None
    said_at: datetime | None = None
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


class CheckInRow(Versioned):
    """A check-in as stored: the core's value and what surrounds it.

    `next_step_at` is when the sweep has to look at it again (reminder, expiry); None once it is closed.
    `kind` says why it exists; (patient_id, due_at) is unique.
    """

    patient_id: int
    kind: Literal["scheduled", "baseline", "extra", "worse", "again"]
    due_at: datetime
    opened_at: datetime
    closed_at: datetime | None = None
    reminders: int = 0
    next_step_at: datetime | None = None
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


class ProtocolFile(Frozen):
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


class AlertState(StrEnum):
    """What became of an alert on the patient's side. Silence never closes one."""

    OPEN = "open"
    CONFIRMED = "confirmed"
    """The patient said that they reached someone."""
    UNCONFIRMED = "unconfirmed"
    """All loop-backs were sent and nobody confirmed a call."""
    CLOSED = "closed"
    """Closed by staff."""


Outcome = Literal["spoke_to_patient", "sent_to_ed", "told_oncologist", "drug_held", "no_action", "not_reached"]


class AlertRow(Versioned):
    """An assessment that someone must act on. `checkin_id` is None for "need help now" outside a check-in."""

    patient_id: int
    checkin_id: int | None
    tier: Tier
    rules: tuple[str, ...]
    state: AlertState = AlertState.OPEN
    raised_at: datetime
    loop_backs: int = 0
    next_step_at: datetime | None = None
    last_reply: Literal["called", "not_yet", "cannot_reach", "cannot_call", "reached"] | None = None
    replied_at: datetime | None = None
    mistake_at: datetime | None = None
    caregiver_id: int | None = None
    """Whose answer raised it, where it wasn't the patient's."""
    declared: Literal["is_urgent", "can_wait"] | None = None
    """What the patient said about it; sorts the queue, never lowers a tier."""
    taken_by: str | None = None
    """Who of the team has it; None until someone takes it up."""
    taken_at: datetime | None = None
    outcome: Outcome | None = None
    """What came of it, as the team noted; kept when it is reopened."""
    noted_at: datetime | None = None
    closed_by: str | None = None
    closed_at: datetime | None = None
    told: tuple[str, ...] = ()
    """Who of the team was told of it, by name, in that order."""
    stages: int = 0
    """Steps of the team's escalation that were done (see core/escalation.py)."""
    clock_from: datetime | None = None
    """Since when the team's clocks run; None: since it was raised."""
    expected: bool = False
    """Whether the team expected what was found: then its clocks rest."""
    staff_step_at: datetime | None = None
    """When the next step of the team's escalation is due."""
    work_revision: int = 0
    """Of its message in the team's chats."""


class Lane(IntEnum):
    """The order of sending: lower first, strictly."""

    RED_FLAG = 0
    REPLY = 1
    REMINDER = 2
    CHECKIN = 3
    DIGEST = 4


class Outbox(Frozen):
    """A message to send; the row *is* the job.

    `slot` names the message in the chat that this screen belongs to ("checkin:12"); `mode` "edit" edits the slot's
    message in place (sending anew when there is none), "new" sends a new one and makes it the slot's message.
    An unsent row of the same chat, slot and mode "edit" is replaced by a newer revision; "new" rows are never replaced
    by an edit: the edit's screen takes the place of the unsent new one's body instead, so that one message goes out.
    Of two unsent new ones in a slot the later revision is sent alone, but both where one of them is a red flag.
    A row a sender has in hand is left alone: what is newer waits behind it, and goes instead if it has to be tried
    again. `not_after`: past this it is dropped as expired (a reminder for what is closed). Body columns are encrypted.
    """

    id: int = 0
    patient_id: int | None
    chat_id: int
    language: str
    lane: Lane
    slot: str
    mode: Literal["new", "edit"]
    revision: int
    screen: Screen
    created_at: datetime
    not_before: datetime
    not_after: datetime | None = None


class Claim(Frozen):
    """An outbox row leased to a sender. `message_id`: the slot's message to edit, where there is one."""

    row: Outbox
    attempt: int
    message_id: int | None


class OutboxState(StrEnum):
    """What became of an outbox row."""

    WAITING = "waiting"
    SENT = "sent"
    FAILED = "failed"
    REPLACED = "replaced"
    EXPIRED = "expired"


class LimiterRow(Frozen):
    """The bot's sending budget, one row shared by every replica (see delivery/limiter.py).

    `all_free_at` and `bulk_free_at` are GCRA arrival times of the whole budget and of the bulk lanes' share;
    `bulk_stopped_until` is set by a bot-wide retry_after.
    """

    all_free_at: datetime
    bulk_free_at: datetime
    bulk_stopped_until: datetime


WorkKind = Literal[
    "not_heard_from", "missed_twice", "unreachable", "skipped_after_outage",
    "outage", "telegram_silent", "missed_in_outage", "answers_lost", "not_delivered",
]  # fmt: skip


class WorkItem(Frozen):
    """Something for a coordinator that is not an alert. (kind, subject) of an open item is unique."""

    id: int = 0
    kind: WorkKind
    patient_id: int | None
    subject: str
    raised_at: datetime
    closed_at: datetime | None = None


class DeadUpdate(Frozen):
    """An update that could not be parsed or handled, kept (encrypted) for the operator."""

    id: int = 0
    update_id: int | None
    chat_id: int | None = None
    """Whose it is, where that could be read: it is erased with them."""
    raw: str
    error: str
    at: datetime


class Audit(Frozen):
    """One line of the append-only record: who did what to whom. `detail` never holds an answer."""

    at: datetime
    actor: str
    action: str
    subject: str
    detail: Mapping[str, str | int | None] = Field(default_factory=dict)


class TipShown(Frozen):
    """A tip a patient saw, and what they thought of it."""

    id: int = 0
    patient_id: int
    tip: str
    shown_at: datetime
    rating: Literal["helpful", "not_for_me"] | None = None


class Store(TeamStore, DeskStore, OpsStore, Protocol):
    """One open transaction. Every `add_*` returns the record with its id.

    `save_*` overwrites by id, and returns the record with its new version: what is saved again is what it returned. It
    raises `StaleRecordError` when the row has another version than the record, so that nothing is saved over a change
    that its caller has not read, be it another transaction's or this one's own.
    """

    def attempt(self, fn: Callable[[], None]) -> Exception | None:
        """Run `fn` in a savepoint, a stale record again: what it raises undoes it and is returned, not raised."""
        ...

    # -- patients
    def add_patient(self, patient: Patient) -> Patient:
        """Raise `DuplicateError` when the code exists."""
        ...

    def save_patient(self, patient: Patient) -> Patient: ...
    def patient(self, patient_id: int, *, lock: bool = False) -> Patient | None:
        """`lock` holds the row for this transaction (FOR UPDATE); use cases that change a patient always lock."""
        ...

    def patient_by_code(self, code: str, *, lock: bool = False) -> Patient | None: ...
    def patient_by_chat(self, chat_id: int, *, lock: bool = False) -> Patient | None:
        """Found by keyed hash; a chat belongs to one patient at most."""
        ...

    def patients(self, *, after_code: str = "", limit: int = 100) -> Sequence[Patient]:
        """In order of code."""
        ...

    def due_patients(self, at: datetime, limit: int, after: Place = BEGINNING) -> Sequence[Patient]:
        """ACTIVE with next_due_at <= at, oldest first and after that place, locked; what others hold is left out."""
        ...

    def add_invite(self, invite: Invite) -> Invite: ...
    def save_invite(self, invite: Invite) -> Invite: ...
    def invite_by_hash(self, token_hash: str) -> Invite | None: ...
    def invites(self, patient_id: int) -> Sequence[Invite]: ...
    def add_consent(self, consent: Consent) -> Consent: ...
    def save_consent(self, consent: Consent) -> Consent: ...
    def consents(self, patient_id: int) -> Sequence[Consent]: ...
    def erase_patient_data(self, patient_id: int) -> None:
        """Delete all but patient, consents and audit: answers, check-ins, assessments, alerts, messages and the rest.

        The patient's chat id and watch are removed too, and the caregivers with their messages.
        """
        ...

    # -- caregivers
    def add_caregiver(self, row: Caregiver) -> Caregiver:
        """Raise `DuplicateError` when the chat is another caregiver's."""
        ...

    def save_caregiver(self, row: Caregiver) -> Caregiver:
        """Raise `DuplicateError` when the chat is another caregiver's."""
        ...

    def caregiver_by_hash(self, token_hash: str) -> Caregiver | None: ...
    def caregiver_by_chat(self, chat_id: int) -> Caregiver | None:
        """Found by keyed hash; a chat belongs to one caregiver at most."""
        ...

    def caregivers(self, patient_id: int) -> Sequence[Caregiver]:
        """All there were, oldest first, ended ones too."""
        ...

    # -- check-ins
    def add_checkin(self, row: CheckInRow) -> CheckInRow | None:
        """None when the patient already has one due at that moment."""
        ...

    def save_checkin(self, row: CheckInRow) -> CheckInRow:
        """The current answers are stored by `record_answer`; this stores the rest."""
        ...

    def checkin(self, checkin_id: int) -> CheckInRow | None:
        """With `value.answers` read from the answers that are not superseded."""
        ...

    def open_checkin(self, patient_id: int) -> CheckInRow | None:
        """The one check-in whose state is asking, paused or stopped."""
        ...

    def checkins(self, patient_id: int, limit: int = 50) -> Sequence[CheckInRow]:
        """Newest first."""
        ...

    def checkins_to_step(self, at: datetime, limit: int, after: Place = BEGINNING) -> Sequence[CheckInRow]:
        """Open ones with next_step_at <= at, oldest first and after that place, locked with their patients."""
        ...

    def completion(self, since: datetime, until: datetime) -> tuple[int, int]:
        """Of the check-ins the plans opened from `since` to before `until`: how many there were, how many are done."""
        ...

    def record_answer(self, row: AnswerRow) -> AnswerRow:
        """Supersede the question's present answer in that check-in, if there is one, and add this."""
        ...

    def forget_answer(self, checkin_id: int, question: str, at: datetime) -> None:
        """Supersede the question's present answer without a new one."""
        ...

    def answers(self, checkin_id: int) -> Sequence[AnswerRow]:
        """All, superseded ones too, in order of giving."""
        ...

    def last_finished(self, patient_id: int, before_checkin: int) -> Sequence[tuple[str, Answers]]:
        """Of each form the patient's newest finished check-in older than that one: the form and its current answers.

        Newest check-in first.
        """
        ...

    def baseline_answers(self, patient_id: int) -> Answers | None:
        """Current answers of the patient's newest finished baseline."""
        ...

    def add_assessment(self, row: AssessmentRow) -> AssessmentRow: ...
    def assessments(self, patient_id: int, limit: int = 50) -> Sequence[AssessmentRow]:
        """Newest first."""
        ...

    def keep_protocol(self, row: ProtocolFile) -> None:
        """Store a protocol's file unless it is there already."""
        ...

    def kept_protocol(self, content_hash: str) -> ProtocolFile | None: ...

    # -- alerts and work items
    def add_alert(self, row: AlertRow) -> AlertRow: ...
    def save_alert(self, row: AlertRow) -> AlertRow: ...
    def alert(self, alert_id: int) -> AlertRow | None: ...
    def alerts(self, patient_id: int, limit: int = 50) -> Sequence[AlertRow]:
        """Newest first."""
        ...

    def alerts_in_queue(self, limit: int) -> Sequence[AlertRow]:
        """Those staff have not closed: the highest tier first, then the oldest."""
        ...

    def alerts_to_step(self, at: datetime, limit: int, after: Place = BEGINNING) -> Sequence[AlertRow]:
        """With next_step_at <= at, oldest first and after that place, locked with their patients."""
        ...

    def alerts_to_escalate(self, at: datetime, limit: int, after: Place = BEGINNING) -> Sequence[AlertRow]:
        """With staff_step_at <= at, oldest first and after that place, locked with their patients."""
        ...

    def add_work_item(self, item: WorkItem) -> WorkItem | None:
        """None when an open one of the same kind and subject exists."""
        ...

    def work_items(self, patient_id: int | None = None, limit: int = 500) -> Sequence[WorkItem]:
        """Open ones, oldest first."""
        ...

    def close_work_items(self, patient_id: int, kinds: Sequence[str], at: datetime) -> None: ...
    def close_work_item(self, item_id: int, at: datetime) -> WorkItem | None:
        """Return the item as it was; None when there is no open one of that number."""
        ...

    # -- tips
    def add_tip_shown(self, row: TipShown) -> TipShown: ...
    def rate_tip(self, patient_id: int, tip: str, rating: Literal["helpful", "not_for_me"]) -> None:
        """Rate the newest showing of that tip."""
        ...

    def tips_shown(self, patient_id: int, limit: int = 50) -> Sequence[TipShown]:
        """Newest first."""
        ...

    # -- messages
    def enqueue(self, row: Outbox) -> int | None:
        """Add or replace as `Outbox` says; None when an unsent newer revision already stands in the slot."""
        ...

    def drop_unsent(self, chat_id: int, slot: str) -> None:
        """Mark waiting rows of that slot as replaced; one a sender has in hand is not tried again."""
        ...

    def claim_outbox(
        self,
        at: datetime,
        *,
        lanes: Sequence[Lane],
        limit: int,
        owner: str,
        lease_until: datetime,
        but_for: Collection[int] = (),
    ) -> Sequence[Claim]:
        """Lease waiting rows that are due and not leased: by lane, then not_before, then id; none of `but_for`.

        At most one row a chat is leased at a time, the chat's first in that order (so one chat's messages keep their
        order, in whatever lane); chats whose pace is in the future are passed over. A lease that ends more than a
        minute after `lease_until` was written by a clock that was wrong: it counts as over.
        """
        ...

    def end_leases(self, at: datetime) -> int:
        """Let rows be claimed at once whose senders are known to be gone; return how many."""
        ...

    def mark_sent(self, outbox_id: int, *, owner: str, message_id: int | None, at: datetime) -> None:
        """Also makes `message_id` the slot's message, unless a later one is. Marked whoever has it leased."""
        ...

    def mark_retry(self, outbox_id: int, *, owner: str, not_before: datetime, error: str) -> None: ...
    def mark_failed(self, outbox_id: int, *, error: str, at: datetime) -> None:
        """Give it up; one that was sent or replaced meanwhile stays so."""
        ...

    def expire_outbox(self, at: datetime) -> int:
        """Mark waiting rows whose not_after has passed as expired; return how many."""
        ...

    def forget_messages(self, before: datetime) -> int:
        """Delete outbox rows that are no longer waiting and were created before that moment; return how many."""
        ...

    def outbox_counts(self) -> Mapping[tuple[Lane, OutboxState], int]: ...
    def forget_slot(self, chat_id: int, slot: str) -> None:
        """The slot's message is gone at Telegram; the next edit sends anew."""
        ...

    def limiter(self) -> LimiterRow:
        """Locked for this transaction."""
        ...

    def save_limiter(self, row: LimiterRow) -> None: ...
    def chat_free_at(self, chat_ids: Sequence[int]) -> Mapping[int, datetime]:
        """GCRA arrival time per chat; chats never written to are missing."""
        ...

    def save_chat_free_at(self, free_at: Mapping[int, datetime]) -> None: ...

    # -- bookkeeping
    def setting(self, name: str) -> str | None:
        """One small value kept between starts (poll offset, bot name, last tick)."""
        ...

    def save_setting(self, name: str, value: str) -> None: ...
    def audit(self, line: Audit) -> None: ...
    def audit_lines(self, subject: str | None = None, limit: int = 100) -> Sequence[Audit]:
        """Newest first."""
        ...

    def next_event_at(self) -> datetime | None:
        """The earliest of all next_due_at, next_step_at, staff_step_at and waiting outbox not_before moments."""
        ...
