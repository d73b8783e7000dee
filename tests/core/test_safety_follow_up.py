"""The safety follow-up of rule 8, clock by clock, and what can't close or delay an alert."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import strategies as st

from bot.content.loader import load_protocol
from bot.core.protocol import Tier
from bot.core.safety_follow_up import Alert, AlertAction, DecisionReason, Reply, decide, first_prompt_at
from tests.core.drawn import drawn

CLOCKS = load_protocol().clocks
AT = datetime(2026, 3, 2, 23, 50, tzinfo=UTC)  # in quiet hours: they must not matter
MIN, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
NOT_REACHED = [Reply.NOT_YET, Reply.CANNOT_REACH, Reply.CANNOT_CALL]


def raised(tier, **fields):
    return Alert(tier=tier, raised_at=AT, next_patient_prompt_at=first_prompt_at(tier, CLOCKS, AT), **fields)


def asked_until_the_end(tier, reply=None):
    """Run the clock of an alert; return (minutes since it was raised, action) of every step."""
    alert, at, steps = raised(tier), AT, []
    while alert.next_patient_prompt_at is not None and len(steps) < 10:
        at = alert.next_patient_prompt_at
        decision = decide(alert, CLOCKS, at)
        steps.append(((at - AT) // MIN, decision.action))
        asked = alert.safety_follow_ups + (decision.action is AlertAction.ASK)
        alert = alert.model_copy(
            update={"safety_follow_ups": asked, "next_patient_prompt_at": decision.next_patient_prompt_at}
        )
        if reply is not None and decision.action is AlertAction.ASK:
            at += MIN
            alert = alert.model_copy(update={"last_reply": reply, "replied_at": at})
            alert = alert.model_copy(
                update={"next_patient_prompt_at": decide(alert, CLOCKS, at).next_patient_prompt_at}
            )
    return steps


ASK, END = AlertAction.ASK, AlertAction.MARK_UNCONFIRMED
SILENT = {
    Tier.EMERGENCY: [(15, ASK), (30, ASK), (45, ASK), (60, END)],
    Tier.URGENT: [(60, ASK), (120, ASK), (180, ASK), (240, END)],
    Tier.SOON: [(1440, ASK), (2880, ASK), (4320, END)],
}


@pytest.mark.parametrize("tier", SILENT, ids=lambda t: t.name)
def test_rule_8_safety_follow_up_clock_of(tier):
    assert asked_until_the_end(tier) == SILENT[tier]


@pytest.mark.parametrize("reply", NOT_REACHED)
@pytest.mark.parametrize("tier", SILENT, ids=lambda t: t.name)
def test_rule_8_not_yet_is_asked_again_as_often_and_no_later(tier, reply):
    assert asked_until_the_end(tier, reply) == SILENT[tier]


def test_rule_8_reached_stops_the_asking():
    reply = Reply.REACHED
    assert asked_until_the_end(Tier.EMERGENCY, reply) == [(15, ASK)]
    found = decide(raised(Tier.URGENT, last_reply=reply, replied_at=AT), CLOCKS, AT)
    assert (found.action, found.reason, found.next_patient_prompt_at) == (
        AlertAction.CONFIRM,
        DecisionReason.REACHED_SOMEONE,
        None,
    )


def test_k16_called_is_asked_about_after_the_wait():
    """ "I have called" is not "somebody spoke with me": asked after 15 minutes, an hour, a day, up to the last time."""
    # Each time the answer comes a minute after the question.
    ask, end = AlertAction.ASK, AlertAction.MARK_UNCONFIRMED
    assert asked_until_the_end(Tier.EMERGENCY, Reply.CALLED) == [(15, ask), (31, ask), (47, ask), (63, end)]
    for tier, minutes in ((Tier.EMERGENCY, 15), (Tier.URGENT, 60), (Tier.SOON, 24 * 60)):
        at = AT + 5 * MIN
        found = decide(raised(tier, last_reply=Reply.CALLED, replied_at=at), CLOCKS, at)
        assert (found.action, found.next_patient_prompt_at) == (AlertAction.WAIT, at + minutes * MIN)


@pytest.mark.parametrize("reply", NOT_REACHED)
def test_not_reached_shows_the_number_and_keeps_the_planned_time(reply):
    at = AT + 5 * MIN
    found = decide(raised(Tier.EMERGENCY, last_reply=reply, replied_at=at), CLOCKS, at)
    assert (found.action, found.reason) == (AlertAction.SHOW_NUMBER, DecisionReason.NOT_REACHED_YET)
    assert found.next_patient_prompt_at == AT + 15 * MIN


@pytest.mark.parametrize("planned", [None, AT, AT - HOUR])
def test_not_reached_is_asked_again_even_when_nothing_is_planned_any_more(planned):
    alert = raised(Tier.URGENT, last_reply=Reply.NOT_YET, replied_at=AT).model_copy(
        update={"next_patient_prompt_at": planned}
    )
    assert decide(alert, CLOCKS, AT).next_patient_prompt_at == AT + HOUR


def test_not_reached_after_the_last_question_stays_with_staff():
    alert = raised(Tier.URGENT, last_reply=Reply.NOT_YET, replied_at=AT, unconfirmed=True)
    found = decide(alert, CLOCKS, AT)
    assert (found.action, found.next_patient_prompt_at) == (AlertAction.SHOW_NUMBER, None)
    silent = decide(alert, CLOCKS, AT + DAY)
    assert (silent.action, silent.reason, silent.next_patient_prompt_at) == (END, DecisionReason.NOBODY_CONFIRMED, None)


def test_too_early_waits_for_the_planned_time():
    found = decide(raised(Tier.EMERGENCY), CLOCKS, AT + MIN)
    assert (found.action, found.reason, found.next_patient_prompt_at) == (
        AlertAction.WAIT,
        DecisionReason.ASKED_TOO_EARLY,
        AT + 15 * MIN,
    )


def test_after_an_outage_the_questions_do_not_come_in_a_burst():
    found = decide(raised(Tier.EMERGENCY), CLOCKS, AT + 5 * HOUR)
    assert (found.action, found.next_patient_prompt_at) == (AlertAction.ASK, AT + 5 * HOUR + 15 * MIN)


def test_closed_by_staff_is_not_asked_after():
    found = decide(raised(Tier.URGENT, closed=True), CLOCKS, AT + DAY)
    assert (found.action, found.reason, found.next_patient_prompt_at) == (
        AlertAction.WAIT,
        DecisionReason.CLOSED_BY_STAFF,
        None,
    )


def test_routine_has_no_safety_follow_up():
    assert first_prompt_at(Tier.ROUTINE, CLOCKS, AT) is None
    found = decide(raised(Tier.ROUTINE), CLOCKS, AT)
    assert (found.action, found.reason, found.next_patient_prompt_at) == (
        AlertAction.WAIT,
        DecisionReason.NO_SAFETY_FOLLOW_UP,
        None,
    )


def test_rule_6_a_mistake_and_the_hour_are_nothing_a_decision_could_see():
    assert set(Alert.model_fields) == {
        "tier", "raised_at", "safety_follow_ups", "last_reply", "replied_at", "next_patient_prompt_at", "unconfirmed", "closed",
    }  # fmt: skip


@drawn(
    tier=st.sampled_from([Tier.EMERGENCY, Tier.URGENT, Tier.SOON]),
    safety_follow_ups=st.integers(0, 5),
    reply=st.sampled_from([None, *NOT_REACHED]),
    wait=st.timedeltas(timedelta(0), timedelta(days=9)),
    some=10,
)
def test_rule_7_silence_never_confirms_and_always_leads_on(tier, safety_follow_ups, reply, wait):
    at = AT + wait
    found = decide(raised(tier, safety_follow_ups=safety_follow_ups, last_reply=reply, replied_at=AT - MIN), CLOCKS, at)
    assert found.action in {AlertAction.WAIT, ASK, END}
    assert found.next_patient_prompt_at is None if found.action is END else found.next_patient_prompt_at > at
