"""What a human knows about and is still there with no new outcome becomes a task: after 7 days, or 28 at SOON."""

from datetime import timedelta

import pytest

from bot.app.alerts import ownership
from bot.app.concerns import agreeing
from bot.app.operations import sweeps
from tests.app.concerns.test_cases import Life
from tests.app.concerns.test_cases import life as made_life

life = made_life
TICK = timedelta(microseconds=1)


def swept(life: Life, at) -> list[str]:
    life.run(sweeps.levels_ended, 50, at=at)
    return [task.kind for task in life.run(lambda s: s.tasks.open(life.anna.id)) if task.kind == "still_there"]


def spoke(life: Life, day, hours=1.0, *, close=True):
    number = life.alerts()[0].id
    life.run(
        ownership.finish if close else ownership.note, number, "spoke_to_patient", at=life.at(day, hours), by="ann"
    )


def done(life: Life, day):
    for task in life.run(lambda s: s.tasks.open(life.anna.id)):
        life.run(lambda s, n=task.id: s.tasks.close(n, life.at(day)))


@pytest.mark.parametrize(
    ("found", "days"),
    [({"numbness": "strong"}, 7), ({"numbness": "medium"}, 28), ({"safety_new": "yes", "which_new": "eyes"}, 7)],
)
def test_still_there_with_no_new_outcome_is_one_task(life, found, days):
    life.check(0, **found)
    spoke(life, 0)
    for day in (1, 2, 3, 5):
        life.check(day, **(found if "numbness" in found else {"still_eyes": "same"}))
    assert swept(life, life.at(days, 1) - TICK) == []
    assert swept(life, life.at(days, 1)) == ["still_there"]
    done(life, days + 1)
    assert swept(life, life.at(days + 2)) == [], "staff have seen it"


def test_what_is_gone_needs_no_decision(life):
    life.check(0, numbness="strong")
    spoke(life, 0)
    life.check(3, numbness="none")
    assert swept(life, life.at(20)) == []


def test_what_comes_back_after_the_week_does(life):
    life.check(0, numbness="strong")
    spoke(life, 0)
    life.check(6, numbness="none")
    assert swept(life, life.at(8)) == []
    life.check(9, numbness="medium")
    assert swept(life, life.at(9, 1)) == ["still_there"]


def test_an_outcome_puts_it_off_and_closes_the_task(life):
    life.check(0, numbness="strong")
    spoke(life, 0, close=False)
    life.check(3, numbness="strong")
    spoke(life, 5, close=False)
    assert swept(life, life.at(7, 2)) == []
    assert swept(life, life.at(12, 1)) == ["still_there"]
    spoke(life, 13)
    assert swept(life, life.at(13, 2)) == []
    life.check(14, numbness="strong")
    assert swept(life, life.at(20, 1)) == ["still_there"], "a week after that outcome"


def test_patients_own_word_is_no_outcome_for_good(life):
    life.check(0, numbness="strong")
    (alert,) = life.alerts()
    life.reply(alert, "reached", 0, 2)
    life.check(4, numbness="strong")
    assert swept(life, life.at(7, 2)) == ["still_there"]


def test_agreed_level_closes_the_task(life):
    life.check(0, numbness="strong")
    spoke(life, 0)
    assert swept(life, life.at(7, 1)) == ["still_there"]
    life.run(agreeing.agree_level, "P-0001", "numbness", "strong", 14, reason="seen", at=life.at(8), by="lead-1")
    assert swept(life, life.at(8, 1)) == []
