"""Decides what happens next to an alert on the patient's side; sends nothing and closes nothing.

The loop-back, told as a story: the call screen is shown when the alert is raised. After a while the patient is asked
"did you reach someone?". Yes ends the asking. "Not yet", "I can't reach them" and "I can't call" show the number and
the next step, and they are asked again. After the last question without a yes the alert is marked *patient
unconfirmed* for staff.

What holds here, each with a test:

* Silence never closes an alert: it leads to the next question, then to *unconfirmed*.
* "I tapped by mistake" and the hour of night are not among what `decide` sees, so they can't close or delay anything.
* A reply never puts the next question off: only a planned moment that has passed is replaced by a later one.
"""

from datetime import datetime
from enum import StrEnum

from pydantic import AwareDatetime

from bot.core.protocol import Clocks, Repeat, Tier
from bot.core.screen import Frozen


class Reply(StrEnum):
    """What the patient tapped about the call."""

    CALLED = "called"
    REACHED = "reached"
    NOT_YET = "not_yet"
    CANNOT_REACH = "cannot_reach"
    CANNOT_CALL = "cannot_call"


class Action(StrEnum):
    """What is to be done now."""

    ASK = "ask"
    """Ask "did you reach someone?" and count one loop-back."""
    CONFIRM = "confirm"
    """The patient reached someone: stop asking."""
    SHOW_NUMBER = "show_number"
    """Show the number again and the next step, tell the coordinator; the alert is open (again)."""
    MARK_UNCONFIRMED = "mark_unconfirmed"
    """All questions were asked and nobody confirmed a call: for staff."""
    WAIT = "wait"


class Why(StrEnum):
    """The named reason of a decision."""

    REACHED_SOMEONE = "reached_someone"
    NOT_REACHED_YET = "not_reached_yet"
    ASKED_TOO_EARLY = "asked_too_early"
    TIME_TO_ASK = "time_to_ask"
    NOBODY_CONFIRMED = "nobody_confirmed"
    NO_LOOP_BACK = "no_loop_back"
    CLOSED_BY_STAFF = "closed_by_staff"


class Alert(Frozen):
    """What a decision looks at. `loop_backs`: how often the patient was asked so far.

    `next_step_at`: the moment planned for the next step (None: none planned; `decide` then acts at once).
    """

    tier: Tier
    raised_at: AwareDatetime
    loop_backs: int = 0
    last_reply: Reply | None = None
    replied_at: AwareDatetime | None = None
    next_step_at: AwareDatetime | None = None
    unconfirmed: bool = False
    closed: bool = False


class Decision(Frozen):
    """What to do, why, and when to look again (None: not any more)."""

    action: Action
    reason: Why
    next_step_at: AwareDatetime | None


def first_step_at(tier: Tier, clocks: Clocks, at: datetime) -> datetime | None:
    """Return when an alert raised at `at` is first asked after; None for a tier without a loop-back."""
    repeat = clocks.loop_back.get(tier)
    return at + repeat.after if repeat is not None else None


def decide(alert: Alert, clocks: Clocks, at: datetime) -> Decision:
    """Return what to do at `at`: a reply given at that very moment is answered, otherwise the clock decides."""
    if alert.closed:
        return Decision(action=Action.WAIT, reason=Why.CLOSED_BY_STAFF, next_step_at=None)
    if alert.last_reply in {Reply.CALLED, Reply.REACHED}:
        return Decision(action=Action.CONFIRM, reason=Why.REACHED_SOMEONE, next_step_at=None)
    if alert.last_reply is not None and alert.replied_at == at:
        again_at = _asked_again_at(alert, clocks, at)
        return Decision(action=Action.SHOW_NUMBER, reason=Why.NOT_REACHED_YET, next_step_at=again_at)
    return _by_the_clock(alert, clocks.loop_back.get(alert.tier), at)


def _by_the_clock(alert: Alert, repeat: Repeat | None, at: datetime) -> Decision:
    if repeat is None:
        return Decision(action=Action.WAIT, reason=Why.NO_LOOP_BACK, next_step_at=None)
    if alert.next_step_at is not None and at < alert.next_step_at:
        return Decision(action=Action.WAIT, reason=Why.ASKED_TOO_EARLY, next_step_at=alert.next_step_at)
    if alert.unconfirmed or alert.loop_backs >= repeat.times:
        return Decision(action=Action.MARK_UNCONFIRMED, reason=Why.NOBODY_CONFIRMED, next_step_at=None)
    return Decision(action=Action.ASK, reason=Why.TIME_TO_ASK, next_step_at=at + repeat.after)


def _asked_again_at(alert: Alert, clocks: Clocks, at: datetime) -> datetime | None:
    """Return when "not yet" is followed up: at the moment already planned if that is still to come."""
    if alert.unconfirmed:
        return None
    if alert.next_step_at is not None and alert.next_step_at > at:
        return alert.next_step_at
    return first_step_at(alert.tier, clocks, at)
