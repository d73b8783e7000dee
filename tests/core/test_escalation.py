"""The team's clocks: rota, next person, everyone, operator; each step once, and never too late."""

from datetime import UTC, datetime, timedelta

import pytest

from bot.core.escalation import AvailableTeam, EscalationLevel, EscalationStep, UnacknowledgedAlert, escalate
from bot.core.protocol import Ack, Tier

AT = datetime(2026, 3, 1, 3, tzinfo=UTC)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
ACK = {
    Tier.EMERGENCY: Ack(next="15 min", everyone="30 min"),
    Tier.URGENT: Ack(next="1 h", everyone="4 h"),
    Tier.SOON: Ack(next="24 h", everyone="48 h"),
}
TEAM = AvailableTeam(on_call=("ann", "ben"), everyone=("ann", "ben", "cleo"), operators=("otto",))


def waiting(tier, **more):
    return UnacknowledgedAlert(tier=tier, since=AT, **more)


def notified(tier, team=TEAM):
    """Let time run with nobody acknowledging it; return after how long who was notified."""
    state, at, found = waiting(tier), AT, []
    while at is not None:
        decision = escalate(state, team, ACK[tier], at)
        found += [(at - AT, step.level.name, step.notify) for step in decision.steps]
        everyone = state.notified | {who for step in decision.steps for who in step.notify}
        state = state.model_copy(update={"done": state.done + len(decision.steps), "notified": everyone})
        assert decision.next_at is None or decision.next_at > at
        at = decision.next_at
    return found


@pytest.mark.parametrize(
    ("tier", "after"),
    [
        (Tier.EMERGENCY, (0 * MINUTE, 15 * MINUTE, 30 * MINUTE, 30 * MINUTE)),
        (Tier.URGENT, (0 * MINUTE, HOUR, 4 * HOUR, 5 * HOUR)),
        (Tier.SOON, (0 * MINUTE, 24 * HOUR, 48 * HOUR, 72 * HOUR)),
    ],
)
def test_each_level_is_reached_once_at_its_time(tier, after):
    assert notified(tier) == [
        (after[0], "ROTA", ("ann",)),
        (after[1], "NEXT", ("ben",)),
        (after[2], "EVERYONE", ("cleo",)),
        (after[3], "OPERATOR", ("otto",)),
    ]


def test_level_is_not_due_a_microsecond_early():
    state = waiting(Tier.EMERGENCY, done=1, notified=frozenset({"ann"}))
    early = escalate(state, TEAM, ACK[Tier.EMERGENCY], AT + 15 * MINUTE - timedelta(microseconds=1))
    assert (early.steps, early.next_at) == ((), AT + 15 * MINUTE)


def test_missed_levels_are_reached_together():
    late = escalate(waiting(Tier.EMERGENCY), TEAM, ACK[Tier.EMERGENCY], AT + HOUR)
    assert late.steps == (
        EscalationStep(level=EscalationLevel.ROTA, notify=("ann",)),
        EscalationStep(level=EscalationLevel.NEXT, notify=("ben",)),
        EscalationStep(level=EscalationLevel.EVERYONE, notify=("cleo",)),
        EscalationStep(level=EscalationLevel.OPERATOR, notify=("otto",)),
    )
    assert late.next_at is None


@pytest.mark.parametrize("tier", [Tier.EMERGENCY, Tier.URGENT, Tier.SOON])
def test_with_nobody_on_call_everyone_is_notified_at_once(tier):
    alone = TEAM.model_copy(update={"on_call": ()})
    assert notified(tier, alone)[0] == (timedelta(0), "ROTA", ("ann", "ben", "cleo"))


def test_with_one_on_call_the_next_level_is_everyone():
    short = TEAM.model_copy(update={"on_call": ("ann",)})
    assert notified(Tier.URGENT, short)[1] == (HOUR, "NEXT", ("ben", "cleo"))


def test_only_soon_waits_for_the_morning():
    opens = AT + 5 * HOUR
    closed = TEAM.model_copy(update={"in_hours": False, "opens_at": opens})
    assert notified(Tier.SOON, closed)[0] == (5 * HOUR, "ROTA", ("ann",))
    assert notified(Tier.SOON, closed)[1][0] == 24 * HOUR, "its clocks run all the same"
    assert notified(Tier.URGENT, closed)[0][0] == timedelta(0)
    assert notified(Tier.EMERGENCY, closed)[0][0] == timedelta(0)


def test_soon_waits_no_longer_than_until_it_would_be_the_next_persons():
    closed = TEAM.model_copy(update={"in_hours": False, "opens_at": AT + 60 * HOUR})
    assert notified(Tier.SOON, closed)[0][0] == 24 * HOUR
    never = TEAM.model_copy(update={"in_hours": False, "opens_at": None})
    assert notified(Tier.SOON, never)[0][0] == timedelta(0), "a rota without shifts has no morning"


def test_with_only_an_operator_the_operator_is_notified_at_once():
    alone = AvailableTeam(operators=("otto",))
    assert notified(Tier.EMERGENCY, alone)[0] == (timedelta(0), "ROTA", ("otto",))
