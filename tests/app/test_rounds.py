"""The day's check-in is asked once, whatever moves the plan on that day."""

from datetime import time, timedelta

import pytest

from bot.app import checkins, rounds, settings
from bot.app.store import PatientState
from bot.core.screen import Action
from tests.app.conftest import AT


def patient(database, anna):
    return database.run(lambda store: store.patient(anna.id))


def local_due(database, clinic, anna):
    return rounds.local_day(patient(database, anna), clinic, patient(database, anna).next_due_at)


@pytest.mark.parametrize("kind", ["scheduled", "again", "baseline"])
def test_a_finding_after_the_time_was_changed_asks_no_second_time_today(database, clinic, anna, kind, choose):
    def later_today(store):
        row = store.open_checkin(anna.id)
        store.save_checkin(row.model_copy(update={"kind": kind}))
        planned_today = {"send_time": time(18), "ici_start": AT.date() - timedelta(days=28)}
        store.save_patient(store.patient(anna.id).model_copy(update=planned_today))

    database.run(later_today)
    assert rounds.rescheduled(patient(database, anna), clinic, AT).next_due_at.date() == AT.date()
    for choice in ("yes", "none", "none"):
        choose(choice)
    choose("+none", kind="toggle")
    choose("none")
    found = patient(database, anna)
    assert found.watch is not None
    assert local_due(database, clinic, anna) == AT.date() + timedelta(days=1)


@pytest.mark.parametrize("kind", ["worse", "extra"])
def test_what_was_asked_for_takes_the_place_of_no_planned_one(database, clinic, anna, kind):
    def extra(store):
        row = store.open_checkin(anna.id)
        store.save_checkin(row.model_copy(update={"kind": kind}))
        planned_today = {"ici_start": AT.date() - timedelta(days=28)}
        store.save_patient(store.patient(anna.id).model_copy(update=planned_today))

    database.run(extra)
    tap = Action(kind="set", subject=0, revision=0, question="time", choice="t1800")
    database.run(lambda s: settings.tapped(s, clinic, patient(database, anna), tap, AT))
    now = patient(database, anna)
    planned = rounds.rescheduled(now, clinic, AT)
    assert (now.state, now.next_due_at) == (PatientState.ACTIVE, planned.next_due_at)
    assert now.next_due_at.date() == AT.date()


@pytest.mark.parametrize("closed", [False, True])
def test_what_fell_due_before_the_clock_was_set_back_takes_the_place_of_nothing(database, clinic, anna, closed):
    """That moment comes a second time; the check-in that is open, be it that one or a later, stays open."""
    first = database.run(lambda s: s.open_checkin(anna.id))

    def opened(due_at):
        asked = {"form": "quick", "kind": "scheduled", "due_at": due_at, "at": due_at}
        return database.run(lambda s: checkins.open_checkin(s, clinic, patient(database, anna), **asked))

    stands = opened(AT + timedelta(hours=5)) if closed else first
    before = database.run(lambda s: s.outbox_counts())
    assert opened(first.due_at) is None
    assert database.run(lambda s: s.open_checkin(anna.id)).id == stands.id
    assert database.run(lambda s: s.outbox_counts()) == before
