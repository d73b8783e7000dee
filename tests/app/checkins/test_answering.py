"""An answer changed after the end: what it means now is raised, asked again daily, and kept together with the first one."""

from datetime import timedelta

import pytest

from bot.app.alerts import ownership
from bot.app.checkins import answering, opening
from bot.core.protocol import Tier
from tests.app.conftest import AT
from tests.fakes.work import work_on


@pytest.fixture
def done(database, choose, anna):
    """A check-in that ended with nothing."""
    for choice in ("no", "none", "none", "none"):
        choose(choice)
    return database.run(lambda s: s.checkins.of_patient(anna.id))[0]


@pytest.fixture
def change(database, clinic, anna):
    def given(row, question, *choices):
        return database.run(
            lambda s: answering.change(
                work_on(s, clinic, AT), s.patients.get(anna.id), s.checkins.get(row.id), question, choices
            )
        )

    return given


def test_a_worse_answer_raises_and_is_asked_again_daily(database, anna, done, change):
    assert database.run(lambda s: s.patients.get(anna.id)).follow_up is None
    change(done, "numbness", "mild")
    (alert,) = database.run(lambda s: s.alerts.of_patient(anna.id))
    assert alert.tier is Tier.SOON
    follow_up = database.run(lambda s: s.patients.get(anna.id)).follow_up
    assert (follow_up.groups, follow_up.since) == (("numbness",), AT.date())


def test_both_answers_are_kept_and_it_is_in_the_record(database, anna, done, change):
    change(done, "numbness", "mild")
    given = [a.choices for a in database.run(lambda s: s.answers.of_checkin(done.id)) if a.question == "numbness"]
    assert given == [("none",), ("mild",)]
    assert "answer_changed" in [line.action for line in database.run(lambda s: s.audit.lines(anna.code))]


def test_a_lower_answer_closes_no_alert(database, anna, done, change):
    change(done, "numbness", "strong")
    before = database.run(lambda s: s.alerts.of_patient(anna.id))
    assert [(a.tier, a.symptoms) for a in before] == [(Tier.URGENT, ("numbness",))]
    change(done, "numbness", "none")
    (after,) = database.run(lambda s: s.alerts.of_patient(anna.id))
    assert (after.state, after.closed_at, after.symptoms) == (before[0].state, None, before[0].symptoms)


def test_what_cannot_be_changes_nothing(database, done, change):
    assert change(done, "numbness", "purple") is None
    assert change(done, "stairs", "none") is None
    assert database.run(lambda s: s.checkins.get(done.id)) == done


@pytest.mark.parametrize("closed", [False, True])
def test_what_is_known_raises_no_second_alert(database, clinic, anna, choose, done, change, closed):
    change(done, "numbness", "mild")
    (first,) = database.run(lambda s: s.alerts.of_patient(anna.id))
    if closed:
        database.run(
            lambda s: ownership.note(work_on(s, clinic, AT, actor="lead-1"), first.id, "no_action", reason="plan")
        )
        database.run(lambda s: ownership.close(work_on(s, clinic, AT, actor="lead-1"), first.id))
    later = AT + timedelta(days=1)

    def again(stores):
        patient = stores.patients.get(anna.id)
        opening.open_checkin(work_on(stores, clinic, later), patient, form="quick", kind="scheduled", due_at=later)

    database.run(again)
    for choice in ("no", "none", "none", "none"):
        choose(choice, at=later)
    assert database.run(lambda s: s.checkins.open_of(anna.id)) is None
    newest = database.run(lambda s: s.checkins.of_patient(anna.id))[0]
    change(newest, "numbness", "mild")
    assert len(database.run(lambda s: s.alerts.of_patient(anna.id))) == 1
