"""The patient's side of an alert: the safety follow-ups. Stores nothing; the team's side is `bot/core/alert.py`.

After the protocol's wait, the patient is asked "is help with you, or did someone speak with you?". "Yes" ends the
questions, "I have called" puts them off. "Not yet" and the like show the number and the next step, and the question is
repeated. After the last one, the alert is *patient unconfirmed* for staff. The rules, each with a test:

* Silence never closes an alert: it leads to the next question, then to *unconfirmed*.
* `decide` sees neither "I tapped by mistake" nor quiet hours: its caller delays a SOON, and stops once nothing is open.
* "I have called" puts the question off by the wait; no other reply postpones one that is planned and has not passed.
"""

from datetime import datetime
from enum import StrEnum

from pydantic import AwareDatetime

from bot.core.frozen import Frozen
from bot.core.protocol import Clocks, Repeat, Tier


class Reply(StrEnum):
    """The patient's reply to a safety follow-up."""

    CALLED = "called"
    REACHED = "reached"
    NOT_YET = "not_yet"
    CANNOT_REACH = "cannot_reach"
    CANNOT_CALL = "cannot_call"
    AT_HOSPITAL = "at_hospital"
    TEAM_KNOWS = "team_knows"


CONFIRMS = frozenset({Reply.REACHED, Reply.AT_HOSPITAL, Reply.TEAM_KNOWS})  # A human knows.


class AlertAction(StrEnum):
    """The next action on the patient's side."""

    ASK = "ask"
    """Ask whether help is there or someone spoke with the patient, and count one safety follow-up."""
    CONFIRM = "confirm"
    """The patient reached someone: stop asking."""
    SHOW_NUMBER = "show_number"
    """Show the number and the next step again, and notify the coordinator; the alert is open (again)."""
    MARK_UNCONFIRMED = "mark_unconfirmed"
    """All safety follow-ups were sent and no call was confirmed: staff must follow up."""
    WAIT = "wait"


class DecisionReason(StrEnum):
    """The reason for a decision."""

    REACHED_SOMEONE = "reached_someone"
    CALLED = "called"
    NOT_REACHED_YET = "not_reached_yet"
    ASKED_TOO_EARLY = "asked_too_early"
    TIME_TO_ASK = "time_to_ask"
    NOBODY_CONFIRMED = "nobody_confirmed"
    NO_SAFETY_FOLLOW_UP = "no_safety_follow_up"
    CLOSED_BY_STAFF = "closed_by_staff"
    NOTHING_OPEN = "nothing_open"
    QUIET_HOURS = "quiet_hours"


class Alert(Frozen):
    """The facts that a decision depends on. `safety_follow_ups`: the number sent so far.

    `next_patient_prompt_at`: when the next one is planned (None: not planned; `decide` then acts at once).
    """

    tier: Tier
    raised_at: AwareDatetime
    safety_follow_ups: int = 0
    last_reply: Reply | None = None
    replied_at: AwareDatetime | None = None
    next_patient_prompt_at: AwareDatetime | None = None
    unconfirmed: bool = False
    closed: bool = False


class Decision(Frozen):
    """What to do, why, and when to decide again (None: never)."""

    action: AlertAction
    reason: DecisionReason
    next_patient_prompt_at: AwareDatetime | None


def first_prompt_at(tier: Tier, clocks: Clocks, at: datetime) -> datetime | None:
    """Return when the first safety follow-up of an alert raised at `at` is due; None if its tier has none.

    The wait is the protocol's (`clocks.loop_back` of the tier).
    """
    repeat = clocks.safety_follow_up.get(tier)
    return at + repeat.after if repeat is not None else None


def decide(alert: Alert, clocks: Clocks, at: datetime) -> Decision:
    """Return what to do at `at`: answer a reply that was given at exactly `at`, otherwise act by the planned time."""
    if alert.closed:
        return Decision(action=AlertAction.WAIT, reason=DecisionReason.CLOSED_BY_STAFF, next_patient_prompt_at=None)
    if alert.last_reply in CONFIRMS:
        return Decision(action=AlertAction.CONFIRM, reason=DecisionReason.REACHED_SOMEONE, next_patient_prompt_at=None)
    if alert.last_reply is Reply.CALLED and alert.replied_at == at:
        asked_at = first_prompt_at(alert.tier, clocks, at)
        return Decision(action=AlertAction.WAIT, reason=DecisionReason.CALLED, next_patient_prompt_at=asked_at)
    if alert.last_reply is not None and alert.replied_at == at:
        next_at = _next_prompt_at(alert, clocks, at)
        return Decision(
            action=AlertAction.SHOW_NUMBER, reason=DecisionReason.NOT_REACHED_YET, next_patient_prompt_at=next_at
        )
    return _by_planned_time(alert, clocks.safety_follow_up.get(alert.tier), at)


def _by_planned_time(alert: Alert, repeat: Repeat | None, at: datetime) -> Decision:
    if repeat is None:
        return Decision(action=AlertAction.WAIT, reason=DecisionReason.NO_SAFETY_FOLLOW_UP, next_patient_prompt_at=None)
    if alert.next_patient_prompt_at is not None and at < alert.next_patient_prompt_at:
        return Decision(
            action=AlertAction.WAIT,
            reason=DecisionReason.ASKED_TOO_EARLY,
            next_patient_prompt_at=alert.next_patient_prompt_at,
        )
    if alert.unconfirmed or alert.safety_follow_ups >= repeat.times:
        return Decision(
            action=AlertAction.MARK_UNCONFIRMED, reason=DecisionReason.NOBODY_CONFIRMED, next_patient_prompt_at=None
        )
    return Decision(action=AlertAction.ASK, reason=DecisionReason.TIME_TO_ASK, next_patient_prompt_at=at + repeat.after)


def _next_prompt_at(alert: Alert, clocks: Clocks, at: datetime) -> datetime | None:
    """Return when to ask again after "not yet": at the planned time if that is still ahead."""
    if alert.unconfirmed:
        return None
    if alert.next_patient_prompt_at is not None and alert.next_patient_prompt_at > at:
        return alert.next_patient_prompt_at
    return first_prompt_at(alert.tier, clocks, at)
