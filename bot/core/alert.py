"""The team's side of an alert: who works on it. Stores nothing; the patient's side is `bot/core/safety_follow_up.py`.

Everything that changes who works on an alert belongs in this file. `TEAM_TRANSITIONS` is its table: each row names the
states that an act can lead to. The rules, each with a test:

* An alert is open until it has an owner, then acknowledged, and closed once a team member closes it. The state follows
  from the owner and the time of closing; it is not stored separately.
* An act without a row in the table, or one that its handler refuses, changes nothing: the result is `Refused`, which
  names the act, the state and the reason.
* The first member who acknowledges is the owner; a second one is refused, but the alert may be handed over to them.
* No alert is closed without an outcome noted since something joined it; the outcome is kept when it is reopened.
* While an alert has an owner or is closed, the escalation notifies nobody of it.
* Releasing and reopening lead back to open and restart the escalation: no alert is left without an owner unnoticed. So
  does a finding that joins at EMERGENCY or above the alert's tier: the owner acknowledged the alert without it.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple

from pydantic import AwareDatetime

from bot.core.frozen import Frozen


class TeamState(StrEnum):
    """The state of the team's work on an alert."""

    OPEN = "open"
    """It has no owner: the escalation notifies one person after the other."""
    ACKNOWLEDGED = "acknowledged"
    """It has an owner."""
    CLOSED = "closed"


class TeamSide(Frozen):
    """The team's side of an alert, with the same fields as the stored record (`bot.app.records.alerts.AlertRow`)."""

    owner: str | None = None
    acknowledged_at: AwareDatetime | None = None
    outcome: str | None = None
    noted_at: AwareDatetime | None = None
    closed_by: str | None = None
    closed_at: AwareDatetime | None = None
    notified: tuple[str, ...] = ()
    escalation_level: int = 0
    clock_from: AwareDatetime | None = None
    next_escalation_at: AwareDatetime | None = None
    work_revision: int = 0

    @property
    def state(self) -> TeamState:
        """Return the state that follows from the fields."""
        if self.closed_at is not None:
            return TeamState.CLOSED
        return TeamState.OPEN if self.owner is None else TeamState.ACKNOWLEDGED


# --- Acts of the team


class Acknowledge(Frozen):
    """A team member becomes the owner of an alert without one."""

    by: str


class HandOver(Frozen):
    """An alert gets another owner. `notify`: the new owner follows it in their chat."""

    to: str
    notify: bool


class Note(Frozen):
    """A team member notes an outcome, which replaces an earlier one, and becomes the owner if there is none."""

    outcome: str
    by: str


class Close(Frozen):
    """A team member closes an alert that has an outcome."""

    by: str


class Reopen(Frozen):
    """A closed alert becomes open again, without an owner."""


class Follow(Frozen):
    """A team member views an alert in their chat and follows its changes there from then on."""

    name: str


# --- What was found since


class Rise(Frozen):
    """Something joined the alert, which an outcome noted before is not about.

    `needs_owner`: it needs an owner of its own, as an EMERGENCY does, or what is above the alert's tier.
    """

    needs_owner: bool = True


# --- What the escalation does


class Release(Frozen):
    """The owner left the team or can't be reached: the alert becomes open."""

    name: str


class SkipNotified(Frozen):
    """The member who was notified last can't be reached: the level that notified them is repeated at once."""

    name: str


class Escalate(Frozen):
    """The escalation advanced by `steps` levels, which notified these team members."""

    steps: int
    notify: tuple[str, ...]
    next_at: AwareDatetime | None


class StopEscalation(Frozen):
    """The escalation stops: nobody is left to notify, or the alert isn't open any more."""


class ResumeEscalation(Frozen):
    """Somebody can be notified again: the escalation continues."""


TeamAct = (
    Acknowledge
    | HandOver
    | Note
    | Close
    | Reopen
    | Follow
    | Rise
    | Release
    | SkipNotified
    | Escalate
    | StopEscalation
    | ResumeEscalation
)


class Refusal(StrEnum):
    """The reason why an act was refused."""

    NOT_NOW = "not_now"
    """The state doesn't allow it."""
    OWNED_BY_ANOTHER = "owned_by_another"
    NO_OUTCOME = "no_outcome"
    NOT_THE_OWNER = "not_the_owner"
    NOT_NOTIFIED_LAST = "not_notified_last"


class Refused(Frozen):
    """Nothing changed: the act (`act`: its type's name) is not possible in `state`."""

    act: str
    state: TeamState
    reason: Refusal


class UnlistedTeamStateError(AssertionError):
    """A handler returned a state that its row of `TEAM_TRANSITIONS` doesn't list: an error in the table."""

    def __init__(self, act: TeamAct, state: TeamState, reached: TeamState) -> None:
        super().__init__(f"{type(act).__name__} in {state} led to {reached}, which its transition doesn't list")


def new_team_side(at: datetime) -> TeamSide:
    """Return the team's side of an alert raised at `at`: its escalation begins at once."""
    return TeamSide(next_escalation_at=at)


def apply_act(side: TeamSide, act: TeamAct, at: datetime) -> TeamSide | Refused:
    """Return the team's side after an act at `at`, or why it is refused. Repeating an act returns an equal side.

    UnlistedTeamStateError if the new state is not listed in the act's row of `TEAM_TRANSITIONS`.
    """
    transition = TEAM_TRANSITIONS.get((side.state, type(act)))
    if transition is None:
        return Refused(act=type(act).__name__, state=side.state, reason=Refusal.NOT_NOW)
    changes = transition.handle(side, act, at)
    if isinstance(changes, Refusal):
        return Refused(act=type(act).__name__, state=side.state, reason=changes)
    after = side.model_copy(update=changes)
    if after.state not in transition.leads_to:
        raise UnlistedTeamStateError(act, side.state, after.state)
    return after


def may_act(side: TeamSide, name: str) -> bool:
    """Return whether a member is offered acts on an alert: it has no owner, they own it, or they closed it.

    Others first have it handed over to them, or reopened. In the console they may hand over and note it all the same.
    """
    return (side.closed_by if side.state is TeamState.CLOSED else side.owner) in {None, name}


_Changes = Mapping[str, object]


def _acknowledge(side: TeamSide, act: Acknowledge, at: datetime) -> _Changes | Refusal:
    if side.owner == act.by:
        return {}
    return Refusal.OWNED_BY_ANOTHER if side.owner is not None else _with_new_revision(side, _owned(act.by, at))


def _hand_over(side: TeamSide, act: HandOver, at: datetime) -> _Changes:
    notified = _append_once(side.notified, act.to) if act.notify else side.notified
    return _with_new_revision(side, _owned(act.to, at) | {"notified": notified})


def _note(side: TeamSide, act: Note, at: datetime) -> _Changes:
    owned = _owned(act.by, at) if side.owner is None else {}
    return _with_new_revision(side, owned | {"outcome": act.outcome, "noted_at": at})


def _close(side: TeamSide, act: Close, at: datetime) -> _Changes | Refusal:
    if side.outcome is None:
        return Refusal.NO_OUTCOME
    return _with_new_revision(side, {"closed_by": act.by, "closed_at": at})


def _reopen(side: TeamSide, _act: Reopen, at: datetime) -> _Changes:
    return _with_new_revision(side, {"closed_by": None, "closed_at": None, "notified": ()} | _open_from(at))


def _rise(side: TeamSide, act: Rise, at: datetime) -> _Changes:
    without_outcome = {"outcome": None, "noted_at": None}
    if not act.needs_owner:
        return {} if side.outcome is None else _with_new_revision(side, without_outcome)
    return _with_new_revision(side, without_outcome | {"notified": ()} | _open_from(at))


def _follow(side: TeamSide, act: Follow, _at: datetime) -> _Changes:
    return _with_new_revision(side, {"notified": _append_once(side.notified, act.name)})


def _release(side: TeamSide, act: Release, at: datetime) -> _Changes | Refusal:
    if side.owner != act.name:
        return Refusal.NOT_THE_OWNER
    others = tuple(name for name in side.notified if name != act.name)
    return _with_new_revision(side, {"notified": others} | _open_from(at))


def _skip_notified(side: TeamSide, act: SkipNotified, at: datetime) -> _Changes | Refusal:
    if side.notified[-1:] != (act.name,) or side.next_escalation_at is None:
        return Refusal.NOT_NOTIFIED_LAST
    return {"escalation_level": max(0, side.escalation_level - 1), "next_escalation_at": at}


def _escalate(side: TeamSide, act: Escalate, _at: datetime) -> _Changes:
    done = {
        "escalation_level": side.escalation_level + act.steps,
        "notified": (*side.notified, *act.notify),
        "next_escalation_at": act.next_at,
    }
    return _with_new_revision(side, done)


def _stop_escalation(_side: TeamSide, _act: StopEscalation, _at: datetime) -> _Changes:
    return {"next_escalation_at": None}


def _resume_escalation(_side: TeamSide, _act: ResumeEscalation, at: datetime) -> _Changes:
    return {"next_escalation_at": at}


def _owned(by: str, at: datetime) -> dict[str, object]:
    """Set the owner and stop the escalation."""
    return {"owner": by, "acknowledged_at": at, "next_escalation_at": None}


def _open_from(at: datetime) -> dict[str, object]:
    """Remove the owner and restart the escalation at its first level."""
    return {"owner": None, "acknowledged_at": None, "clock_from": at, "escalation_level": 0, "next_escalation_at": at}


def _with_new_revision(side: TeamSide, changes: Mapping[str, object]) -> _Changes:
    """Count a change that is visible in the team's chats, so that their messages are updated."""
    return {**changes, "work_revision": side.work_revision + 1}


def _append_once(notified: tuple[str, ...], name: str) -> tuple[str, ...]:
    return notified if name in notified else (*notified, name)


class TeamTransition(NamedTuple):
    """A row of the table: the handler of an act in a state, and all states that it can lead to."""

    handle: Callable[[TeamSide, Any, datetime], _Changes | Refusal]
    leads_to: frozenset[TeamState]


def _to(handle: Callable[[TeamSide, Any, datetime], _Changes | Refusal], *leads_to: TeamState) -> TeamTransition:
    return TeamTransition(handle, frozenset(leads_to))


_OPEN, _ACKNOWLEDGED, _CLOSED = TeamState.OPEN, TeamState.ACKNOWLEDGED, TeamState.CLOSED

TEAM_TRANSITIONS: Mapping[tuple[TeamState, type[TeamAct]], TeamTransition] = {
    (_OPEN, Acknowledge): _to(_acknowledge, _ACKNOWLEDGED),
    (_OPEN, HandOver): _to(_hand_over, _ACKNOWLEDGED),
    (_OPEN, Note): _to(_note, _ACKNOWLEDGED),
    # A released or reopened alert keeps its outcome, so it may be closed without an owner.
    (_OPEN, Close): _to(_close, _CLOSED),
    (_OPEN, Follow): _to(_follow, _OPEN),
    (_OPEN, Rise): _to(_rise, _OPEN),
    (_OPEN, SkipNotified): _to(_skip_notified, _OPEN),
    (_OPEN, Escalate): _to(_escalate, _OPEN),
    (_OPEN, StopEscalation): _to(_stop_escalation, _OPEN),
    (_OPEN, ResumeEscalation): _to(_resume_escalation, _OPEN),
    (_ACKNOWLEDGED, Acknowledge): _to(_acknowledge, _ACKNOWLEDGED),
    (_ACKNOWLEDGED, HandOver): _to(_hand_over, _ACKNOWLEDGED),
    (_ACKNOWLEDGED, Note): _to(_note, _ACKNOWLEDGED),
    (_ACKNOWLEDGED, Close): _to(_close, _CLOSED),
    (_ACKNOWLEDGED, Follow): _to(_follow, _ACKNOWLEDGED),
    (_ACKNOWLEDGED, Rise): _to(_rise, _OPEN, _ACKNOWLEDGED),
    (_ACKNOWLEDGED, Release): _to(_release, _OPEN),
    (_ACKNOWLEDGED, StopEscalation): _to(_stop_escalation, _ACKNOWLEDGED),
    (_CLOSED, Reopen): _to(_reopen, _OPEN),
    (_CLOSED, Follow): _to(_follow, _CLOSED),
    (_CLOSED, StopEscalation): _to(_stop_escalation, _CLOSED),
}
"""Every act that is possible in a state, and the states it can lead to."""
