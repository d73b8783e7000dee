"""A clock that jumps settles nothing, and leaves no time in the future."""

from datetime import timedelta

import pytest

from bot.app.alerts import ownership
from bot.app.checkins import answering
from bot.app.concerns import agreeing
from bot.app.concerns.memory import recall
from bot.app.operations import outages, sweeps
from bot.core.protocol import Tier
from tests.app.checkins.test_half_answers import life
from tests.fakes.team import Team

__all__ = ["life"]
DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)
NONE_MINUTES = timedelta(seconds=40)


def found_and_reached(life):
    life.check(0, safety_new="yes", which_new="eyes", numbness="strong")
    life.staff(life.alerts()[0], "spoke_to_patient", 0, 1)
    assert life.state("numbness") == "reached"


def forward(life, day):
    life.run(lambda s: outages.note_jump(s, life.at(day)))


def set_back(life, *, from_day, to_day):
    life.run(sweeps.heartbeat, 50, at=life.at(from_day))
    life.run(sweeps.heartbeat, 50, at=life.at(to_day))


def test_days_counted_across_a_jump_forward_settle_nothing(life):
    found_and_reached(life)
    life.check(1)
    forward(life, 3)
    for day in (3, 4):
        life.check(day)
        assert life.state("numbness") == "reached"
    life.check(5)
    assert life.state("numbness") == "settled", "three days since the jump"


def test_without_a_jump_three_days_settle_it(life):
    found_and_reached(life)
    for day in (1, 3, 4):
        life.check(day)
    assert life.state("numbness") == "settled"


def test_a_mistake_is_not_settled_by_a_day_that_was_none(life):
    life.check(0, numbness="strong")
    row = life.run(lambda s: s.checkins.of_patient(life.anna.id))[0]
    life.run(answering.change, life.patient(), row, "numbness", ("none",), at=life.at(0))
    forward(life, 1)
    life.check(1.01)
    assert life.state("numbness") == "open", "minutes after the jump"
    life.check(2)
    assert life.state("numbness") == "settled"


def test_what_was_found_while_the_clock_was_ahead_can_be_reached_today(life):
    life.check(2, safety_new="yes", which_new="eyes")
    set_back(life, from_day=2, to_day=0)
    (alert,) = life.alerts()
    assert alert.named_at <= life.at(0)
    memory = life.run(recall, life.patient(), at=life.at(0, 0.1)).value
    concern = memory.concern("eyes")
    for timestamp in (concern.opened_at, concern.first_found_at, concern.worsened_at, *concern.givers.values()):
        assert timestamp <= life.at(0)
    life.staff(alert, "spoke_to_patient", 0, 1)
    assert life.state("eyes") == "reached"


def test_yes_on_an_old_message_does_not_count_for_what_rose_after_the_clock_was_set_back(life):
    life.check(2, numbness="mild")
    set_back(life, from_day=2, to_day=0)
    old = life.alerts()[0]
    life.check(1, numbness="strong")
    life.reply(old, "reached", 1, 1, made=old.raised_at)
    assert life.state("numbness") == "open"


def test_alert_of_a_clock_that_was_ahead_escalates_on_time(life, clinic):
    Team(life.database, clinic, life.anna).join("ann")
    life.check(2, safety_now="yes", which_now="heart")
    life.run(sweeps.team_clocks, 50, at=life.at(2))
    assert life.alerts()[0].escalation_level == 1
    set_back(life, from_day=2, to_day=0)
    life.run(sweeps.team_clocks, 50, at=life.at(0) + 31 * MINUTE)
    assert life.alerts()[0].escalation_level == 4, "everyone and the operator"


def test_half_an_answer_of_a_clock_that_was_ahead_counts(life):
    life.opened(2)
    for choice in ("no", "none", "none", "mild"):
        life.tap(choice, life.at(2))
    set_back(life, from_day=2, to_day=0)
    life.run(sweeps.checkin_clocks, 50, at=life.at(0) + MINUTE)
    life.run(sweeps.checkin_clocks, 50, at=life.at(0) + HOUR + MINUTE)
    assert [alert.tier for alert in life.alerts()] == [Tier.SOON]


@pytest.mark.parametrize(("apart", "count"), [(NONE_MINUTES, 1), (2 * MINUTE, 2)])
def test_one_jump_that_several_replicas_notice_is_stored_once(life, apart, count):
    for at in (life.at(0), life.at(0) + apart):
        life.run(lambda s, at=at: outages.note_jump(s, at))
    assert len(life.run(lambda s: s.concerns.jumps_after(0))) == count


def test_memory_is_corrected_once_for_each_jump(life):
    found_and_reached(life)
    forward(life, 1)
    life.check(2)
    before = life.run(recall, life.patient(), at=life.at(2, 1))
    assert life.run(recall, life.patient(), at=life.at(2, 2)) == before
    assert before.value.concern("numbness").usual.days == 1


def test_outcome_of_staff_after_the_jump_counts(life):
    life.check(0, safety_new="yes", which_new="eyes")
    forward(life, 3)
    alert = life.alerts()[0]
    life.run(ownership.note, alert.id, "spoke_to_patient", at=life.at(3, 1), by="lead-1")
    assert life.state("eyes") == "reached"


def test_agreement_made_after_the_clock_was_set_back_ends_on_time(life):
    life.run(agreeing.agree_level, "P-0001", "numbness", "strong", 7, at=life.at(60), by="lead-1")
    life.run(sweeps.levels_ended, 50, at=life.at(60))
    set_back(life, from_day=60, to_day=0)
    life.run(agreeing.agree_level, "P-0001", "numbness", "strong", 14, at=life.at(0), by="lead-1")
    life.check(13, numbness="strong")
    life.run(sweeps.levels_ended, 50, at=life.at(14))
    assert life.state("numbness") == "open"


def test_what_a_check_in_said_while_the_clock_was_ahead_is_not_of_the_future(life):
    life.check(2, safety_new="yes", which_new="eyes")
    set_back(life, from_day=2, to_day=0)
    row = life.run(recall, life.patient(), at=life.at(0, 0.1))
    times = [heard.at for symptoms in row.heard.checkins.values() for heard in symptoms.values()]
    assert times
    assert max(times) <= life.at(0)
