"""The table of the team's side of an alert: each state with each act, and what every act changes."""

from datetime import UTC, datetime, timedelta
from itertools import product

import pytest
from pydantic import ValidationError

from bot.core import alert as core
from bot.core.alert import (
    TEAM_TRANSITIONS,
    Acknowledge,
    Close,
    Escalate,
    Follow,
    HandOver,
    Note,
    Refusal,
    Refused,
    Release,
    Reopen,
    ResumeEscalation,
    Rise,
    SkipNotified,
    StopEscalation,
    TeamSide,
    TeamState,
    UnlistedTeamStateError,
    apply_act,
    may_act,
    new_team_side,
)

RAISED = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
AT = RAISED + timedelta(minutes=20)
LATER = AT + timedelta(minutes=5)
OPEN, ACKNOWLEDGED, CLOSED = TeamState.OPEN, TeamState.ACKNOWLEDGED, TeamState.CLOSED

NEW = new_team_side(RAISED)
NOTIFIED = NEW.model_copy(
    update={"notified": ("anna", "ben"), "escalation_level": 2, "next_escalation_at": LATER, "work_revision": 2}
)
ANNAS = NOTIFIED.model_copy(update={"owner": "anna", "acknowledged_at": RAISED, "next_escalation_at": None})
NOTED = ANNAS.model_copy(update={"outcome": "sent_to_ed", "noted_at": RAISED})
SHUT = NOTED.model_copy(update={"closed_by": "anna", "closed_at": RAISED})
RELEASED = NOTED.model_copy(update={"owner": None, "acknowledged_at": None, "next_escalation_at": RAISED})
SIDES = [NEW, TeamSide(), NOTIFIED, ANNAS, NOTED, SHUT, RELEASED]
ACTS = [
    *(Acknowledge(by=name) for name in ("anna", "ben")),
    *(HandOver(to=name, notify=notify) for name in ("anna", "carl") for notify in (True, False)),
    *(Note(outcome="no_action", by=name) for name in ("anna", "ben")),
    *(Close(by=name) for name in ("anna", "ben")),
    Reopen(),
    Rise(),
    Rise(needs_owner=False),
    *(Follow(name=name) for name in ("anna", "carl")),
    *(Release(name=name) for name in ("anna", "ben")),
    *(SkipNotified(name=name) for name in ("anna", "ben")),
    *(Escalate(steps=n, notify=tell, next_at=LATER) for n, tell in ((0, ()), (1, ("carl",)), (2, ("carl", "dora")))),
    StopEscalation(),
    ResumeEscalation(),
]
SHOWN_NOWHERE = {SkipNotified, StopEscalation, ResumeEscalation}
"""Acts that change no message in the team's chats."""


def kind(act):
    return type(act).__name__


def reached():
    """Return which states each pair of state and act leads to, over all sides and acts."""
    found = {}
    for side, act in product(SIDES, ACTS):
        after = apply_act(side, act, AT)
        if isinstance(after, TeamSide):
            found.setdefault((side.state, type(act)), set()).add(after.state)
    return found


def changed(side, act):
    """Return the fields that an act changes, with their new values."""
    after = apply_act(side, act, AT)
    return {name: getattr(after, name) for name in TeamSide.model_fields if getattr(after, name) != getattr(side, name)}


def test_transitions_list_exactly_the_states_that_are_reached():
    assert reached() == {pair: set(transition.leads_to) for pair, transition in TEAM_TRANSITIONS.items()}


def test_transitions_take_every_act_somewhere():
    assert {act for _, act in TEAM_TRANSITIONS} == {type(act) for act in ACTS} == set(core.TeamAct.__args__)
    assert {state for state, _ in TEAM_TRANSITIONS} == set(TeamState)


@pytest.mark.parametrize("state", TeamState)
@pytest.mark.parametrize("act", ACTS, ids=kind)
def test_work_on_illegal_act_names_act_and_state(state, act):
    side = {OPEN: NOTIFIED, ACKNOWLEDGED: ANNAS, CLOSED: SHUT}[state]
    if (state, type(act)) not in TEAM_TRANSITIONS:
        assert apply_act(side, act, AT) == Refused(act=kind(act), state=state, reason=Refusal.NOT_NOW)


@pytest.mark.parametrize(
    ("side", "act", "reason"),
    [
        (ANNAS, Acknowledge(by="ben"), Refusal.OWNED_BY_ANOTHER),
        (NOTIFIED, Close(by="anna"), Refusal.NO_OUTCOME),
        (ANNAS, Close(by="anna"), Refusal.NO_OUTCOME),
        (ANNAS, Release(name="ben"), Refusal.NOT_THE_OWNER),
        (NOTIFIED, SkipNotified(name="anna"), Refusal.NOT_NOTIFIED_LAST),
        (NOTIFIED.model_copy(update={"next_escalation_at": None}), SkipNotified(name="ben"), Refusal.NOT_NOTIFIED_LAST),
        (NEW, SkipNotified(name="ben"), Refusal.NOT_NOTIFIED_LAST),
        (SHUT, Acknowledge(by="anna"), Refusal.NOT_NOW),
        (SHUT, Escalate(steps=1, notify=("carl",), next_at=None), Refusal.NOT_NOW),
        (ANNAS, Escalate(steps=1, notify=("carl",), next_at=None), Refusal.NOT_NOW),
        (ANNAS, ResumeEscalation(), Refusal.NOT_NOW),
        (NOTIFIED, Reopen(), Refusal.NOT_NOW),
        (NOTIFIED, Release(name="anna"), Refusal.NOT_NOW),
    ],
)
def test_work_on_refused_act_names_its_reason(side, act, reason):
    assert apply_act(side, act, AT) == Refused(act=kind(act), state=side.state, reason=reason)


OWNED = {"acknowledged_at": AT, "next_escalation_at": None}
OPENED = {"owner": None, "acknowledged_at": None, "clock_from": AT, "escalation_level": 0, "next_escalation_at": AT}


@pytest.mark.parametrize(
    ("side", "act", "changes"),
    [
        (NOTIFIED, Acknowledge(by="ben"), {"owner": "ben", **OWNED}),
        (NOTIFIED, HandOver(to="carl", notify=True), {"owner": "carl", **OWNED, "notified": ("anna", "ben", "carl")}),
        (NOTIFIED, HandOver(to="carl", notify=False), {"owner": "carl", **OWNED}),
        (ANNAS, HandOver(to="ben", notify=True), {"owner": "ben", "acknowledged_at": AT}),
        (NOTIFIED, Note(outcome="no_action", by="ben"), {"outcome": "no_action", "noted_at": AT, "owner": "ben", **OWNED}),
        (NOTED, Note(outcome="no_action", by="ben"), {"outcome": "no_action", "noted_at": AT}),
        (NOTED, Close(by="ben"), {"closed_by": "ben", "closed_at": AT}),
        (RELEASED, Close(by="ben"), {"closed_by": "ben", "closed_at": AT}),
        (SHUT, Reopen(), {"closed_by": None, "closed_at": None, "notified": (), **OPENED}),
        (NOTIFIED, Follow(name="carl"), {"notified": ("anna", "ben", "carl")}),
        (SHUT, Follow(name="anna"), {}),
        (NOTED, Release(name="anna"), {"notified": ("ben",), **OPENED}),
        (NOTED, Rise(), {"outcome": None, "noted_at": None, "notified": (), **OPENED}),
        (NOTED, Rise(needs_owner=False), {"outcome": None, "noted_at": None}),
        (NOTIFIED, SkipNotified(name="ben"), {"escalation_level": 1, "next_escalation_at": AT}),
        (NEW.model_copy(update={"notified": ("ben",)}), SkipNotified(name="ben"), {"next_escalation_at": AT}),
        (NEW, Escalate(steps=1, notify=("anna",), next_at=LATER), {"escalation_level": 1, "notified": ("anna",), "next_escalation_at": LATER}),
        (NOTIFIED, Escalate(steps=2, notify=(), next_at=None), {"escalation_level": 4, "next_escalation_at": None}),
        (NOTIFIED, StopEscalation(), {"next_escalation_at": None}),
        (SHUT.model_copy(update={"next_escalation_at": AT}), StopEscalation(), {"next_escalation_at": None}),
        (NOTIFIED, ResumeEscalation(), {"next_escalation_at": AT}),
    ],
)  # fmt: skip
def test_work_on_changes_these_fields_alone(side, act, changes):
    counted = {} if type(act) in SHOWN_NOWHERE else {"work_revision": side.work_revision + 1}
    assert changed(side, act) == changes | counted


def test_acknowledge_by_the_owner_again_changes_nothing():
    assert apply_act(ANNAS, Acknowledge(by="anna"), AT) == ANNAS


def test_what_joins_an_alert_without_an_outcome_changes_nothing_for_its_owner():
    assert apply_act(ANNAS, Rise(needs_owner=False), AT) == ANNAS


def test_begin_starts_the_clocks_unless_a_level_was_agreed():
    assert TeamSide(next_escalation_at=RAISED) == NEW
    assert new_team_side(RAISED) == TeamSide(next_escalation_at=RAISED)


@pytest.mark.parametrize(
    ("side", "anna", "ben"),
    [
        (NEW, True, True),
        (ANNAS, True, False),
        (NOTED, True, False),
        (RELEASED, True, True),
        (SHUT, True, False),
        (SHUT.model_copy(update={"owner": "ben"}), True, False),
    ],
)
def test_acts_are_offered_to_the_owner_or_who_closed(side, anna, ben):
    assert (may_act(side, "anna"), may_act(side, "ben")) == (anna, ben)


def test_no_act_leaves_an_alert_with_neither_owner_nor_clock():
    """Only resting does, when there is nobody to notify, and the last step of the escalation."""
    for side, act in product(SIDES, ACTS):
        after = apply_act(side, act, AT)
        if isinstance(after, TeamSide) and after.state is OPEN and not isinstance(act, StopEscalation):
            assert after.next_escalation_at is not None or side.next_escalation_at is None


def test_a_naive_time_is_refused():
    with pytest.raises(ValidationError):
        TeamSide(acknowledged_at=datetime(2026, 3, 2, 9, 0))  # noqa: DTZ001


def test_work_on_to_an_unlisted_state_names_act_and_states(monkeypatch):
    row = TEAM_TRANSITIONS[OPEN, Acknowledge]
    wrong = {**TEAM_TRANSITIONS, (OPEN, Acknowledge): row._replace(leads_to=frozenset({CLOSED}))}
    monkeypatch.setattr(core, "TEAM_TRANSITIONS", wrong)
    with pytest.raises(UnlistedTeamStateError, match="Acknowledge in open led to acknowledged"):
        apply_act(NEW, Acknowledge(by="anna"), AT)
