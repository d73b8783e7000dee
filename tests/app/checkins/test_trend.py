"""What "My answers" is made of: the finished check-ins, the questions on a scale, and the days with a call."""

from datetime import date, datetime, timedelta

import pytest

from bot.app.alerts import for_team, raising
from bot.app.alerts.naming import Found
from bot.app.checkins import trend
from bot.app.records.concerns import ConcernChange
from bot.core.changes import What
from bot.core.checkin import State
from bot.core.concern_values import ConcernState
from bot.core.protocol import Tier
from tests.app.concerns.test_cases import Life, life
from tests.contract import samples

__all__ = ["Life", "life"]
SECOND = timedelta(seconds=1)


def stored(life, day, state=State.DONE):
    row = samples.checkin(life.anna.id, life.at(day), state, opened_at=life.at(day))
    return life.run(lambda s: s.checkins.add(row)).id


def test_finished_check_ins_are_the_newest_150_since_then(life, monkeypatch):
    assert trend.TREND_CHECKINS == 150
    numbers = [stored(life, day) for day in (1, 2, 3)]
    stored(life, 4, State.EXPIRED)

    def found(since=None):
        return [row.id for row in life.run(trend.finished, life.anna, since)]

    assert found() == numbers[::-1]
    assert found(life.at(2)) == numbers[:0:-1]
    assert found(life.at(2) + SECOND) == numbers[2:]
    monkeypatch.setattr(trend, "TREND_CHECKINS", 2)
    assert found() == numbers[2:], "of the newest two one is not finished"


def test_pair_of_questions_is_of_the_composite_rule(life):
    severity, interference = trend.severity_pair(life.clinic.protocol)
    assert (severity.id, interference.id) == ("numbness", "interference")
    rules = [rule for rule in life.clinic.protocol.rules if rule.composite is None]
    without = life.clinic.protocol.model_copy(update={"rules": tuple(rules)})
    assert trend.severity_pair(without) == (None, None)
    assert "numbness" in {question.id for question in trend.function_questions(without)}


def test_function_questions_are_the_other_scales(life):
    found = {question.id for question in trend.function_questions(life.clinic.protocol)}
    assert {"stairs", "chair", "buttons", "arms"} <= found
    assert not found & {"numbness", "interference", "change", "safety_now"}


def called(life, day=9, since=None):
    return life.run(trend.calls, life.patient(), since, at=life.at(day))


def test_call_of_an_alert_is_of_its_day_and_tier(life):
    """Nothing that changed is stored of it, as with alerts of older versions."""
    for tier, day in ((Tier.URGENT, 1), (Tier.EMERGENCY, 3)):
        life.run(lambda s, t=tier, d=day: s.alerts.add(samples.alert(life.anna.id, tier=t, raised_at=life.at(d))))
    assert called(life) == [(date(2026, 3, 5), Tier.EMERGENCY), (date(2026, 3, 3), Tier.URGENT)]
    assert called(life, since=life.at(3)) == [(date(2026, 3, 5), Tier.EMERGENCY)]
    assert called(life, since=life.at(3) + SECOND) == []


def test_call_is_of_the_tier_that_was_asked_about_on_the_patients_day(life):
    found = Found(Tier.EMERGENCY, ("now.yes",))
    late = datetime.combine(date(2026, 3, 4), life.at(0).timetz()) + timedelta(hours=14, minutes=30)
    alert = life.run(raising.raise_alert, life.patient(), found, at=late)
    life.run(lambda s: s.alerts.save(s.alerts.get(alert.id).model_copy(update={"asked_tier": Tier.SOON})))
    assert called(life) == [(date(2026, 3, 5), Tier.SOON)]


def test_alert_for_the_team_alone_is_no_call(life):
    life.run(for_team.raise_for_team, life.patient(), "level_ended", ("numbness",), at=life.at(1))
    assert called(life) == []


@pytest.mark.parametrize(
    ("changes", "is_call"),
    [
        ({}, True),
        ({"what": What.ROSE}, True),
        ({"what": What.REOPENED}, True),
        ({"what": What.FOUND_AGAIN}, False),
        ({"what": What.REACHED}, False),
        ({"checkin_id": None}, True),
        ({"checkin_id": None, "actor": "caregiver:P-0001"}, True),
        ({"checkin_id": None, "actor": "system"}, False),
        ({"checkin_id": None, "actor": "lead-1"}, False),
        ({"actor": "system"}, True),
        ({"tier": Tier.ROUTINE}, False),
    ],
)
def test_what_an_answer_or_a_tap_opened_is_a_call(life, changes, is_call):
    made = {"what": What.OPENED, "checkin_id": 1, "actor": "patient:P-0001", "tier": Tier.URGENT, **changes}
    change = ConcernChange(patient_id=life.anna.id, symptom="eyes", state=ConcernState.OPEN, at=life.at(2), **made)
    life.run(lambda s: s.concerns.add_change(change))
    assert called(life) == ([(date(2026, 3, 4), Tier.URGENT)] if is_call else [])
