""" "Remind me later": what was answered so far counts at once, and only an open question can be put off."""

from datetime import timedelta

from bot.core.checkin import State
from bot.core.protocol import Tier
from bot.core.screen import Action
from bot.dialog import postpone as later
from tests.app.conftest import AT
from tests.fakes.work import work_on

MINUTE = timedelta(minutes=1)


def postpone(database, clinic, anna, at=AT + MINUTE, **more):
    def work(stores):
        row = stores.checkins.open_of(anna.id)
        tap = Action(kind="later", subject=row.id, **({"choice": "hour"} | more))
        return later.postpone(work_on(stores, clinic, at), anna, tap)

    return database.run(work)


def choices():
    return [word.value for word in later.Postponement]


def test_a_concern_that_is_put_off_is_an_alert_now(database, clinic, anna, choose):
    choose("yes")
    choose("none")
    choose("none")
    before = database.run(lambda s: s.checkins.open_of(anna.id))
    assert before.value.answers["change"] == ("yes",)
    assert database.run(lambda s: s.alerts.of_patient(anna.id)) == []
    assert postpone(database, clinic, anna, choice=choices()[0]) is not None
    assert [a.tier for a in database.run(lambda s: s.alerts.of_patient(anna.id))] == [Tier.SOON]
    row = database.run(lambda s: s.checkins.open_of(anna.id))
    assert (row.value.state, row.remind_at is not None) == (State.ASKING, True), "the question stays open"


def test_what_an_emergency_stopped_is_not_put_off(database, clinic, anna, choose):
    choose("no")
    choose("yes")
    row = database.run(lambda s: s.checkins.open_of(anna.id))
    assert row.value.state is State.STOPPED
    assert postpone(database, clinic, anna, choice=choices()[0]) is None
    assert database.run(lambda s: s.checkins.open_of(anna.id)).remind_at is None
