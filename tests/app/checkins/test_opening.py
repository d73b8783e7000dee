"""The day's check-in is asked once, whatever moves the plan on that day."""

from datetime import time, timedelta

import pytest

from bot.app.checkins import opening
from bot.app.concerns import follow_up
from bot.app.operations import sweeps
from bot.app.records.patients import PatientState
from bot.app.schedules import plan_edits
from bot.app.schedules.plan_edits import PlanEdit
from bot.core.schedule import Pause
from bot.core.screen import Action
from bot.dialog import settings
from tests.app.conftest import AT
from tests.fakes.outbox import message_counts
from tests.fakes.work import treated, work_on


def patient(database, anna):
    return database.run(lambda stores: stores.patients.get(anna.id))


def local_due(database, clinic, anna):
    return follow_up.local_day(patient(database, anna), clinic, patient(database, anna).next_due_at)


@pytest.mark.parametrize("kind", ["scheduled", "follow_up", "baseline"])
def test_a_finding_after_the_time_was_changed_asks_no_second_time_today(database, clinic, anna, kind, choose):
    def later_today(stores):
        row = stores.checkins.open_of(anna.id)
        stores.checkins.save(row.model_copy(update={"kind": kind}))
        today = treated(stores, stores.patients.get(anna.id), start=AT.date() - timedelta(days=28))
        stores.patients.save(today.model_copy(update={"send_time": time(18)}))

    database.run(later_today)
    assert follow_up.rescheduled(patient(database, anna), clinic, AT).next_due_at.date() == AT.date()
    for choice in ("yes", "none", "none"):
        choose(choice)
    choose("+none", kind="toggle")
    choose("none")
    found = patient(database, anna)
    assert found.follow_up is not None
    assert local_due(database, clinic, anna) == AT.date() + timedelta(days=1)


@pytest.mark.parametrize("kind", ["worse", "extra"])
def test_requested_check_in_replaces_no_planned_one(database, clinic, anna, kind):
    def extra(stores):
        row = stores.checkins.open_of(anna.id)
        stores.checkins.save(row.model_copy(update={"kind": kind}))
        treated(stores, stores.patients.get(anna.id), start=AT.date() - timedelta(days=28))

    database.run(extra)
    tap = Action(kind="set", subject=0, revision=0, question="time", choice="t1800")
    database.run(lambda s: settings.tapped(work_on(s, clinic, AT), s.patients.get(anna.id), tap))
    now = patient(database, anna)
    planned = follow_up.rescheduled(now, clinic, AT)
    assert (now.state, now.next_due_at) == (PatientState.ACTIVE, planned.next_due_at)
    assert now.next_due_at.date() == AT.date()


@pytest.mark.parametrize("closed", [False, True])
def test_check_in_due_before_a_clock_set_back_replaces_none(database, clinic, anna, closed):
    """That time comes a second time; the check-in that is open, be it that one or a later, stays open."""
    first = database.run(lambda s: s.checkins.open_of(anna.id))

    def opened(due_at):
        asked = {"form": "quick", "kind": "scheduled", "due_at": due_at}
        return database.run(
            lambda s: opening.open_checkin(work_on(s, clinic, due_at), s.patients.get(anna.id), **asked)
        )

    current = opened(AT + timedelta(hours=5)) if closed else first
    before = database.run(message_counts)
    assert opened(first.due_at) is None
    assert database.run(lambda s: s.checkins.open_of(anna.id)).id == current.id
    assert database.run(message_counts) == before


@pytest.fixture
def due(database, clinic, anna):
    """Asked every day, last yesterday; today's check-in fell due a second ago, and no sweep was there for it."""

    def begin(stores):
        stores.checkins.save(stores.checkins.open_of(anna.id).model_copy(update={"due_at": AT - timedelta(days=1)}))
        row = treated(stores, stores.patients.get(anna.id), start=AT.date() - timedelta(days=28))
        row = row.model_copy(update={"regimen": "combination"})
        stores.patients.save(follow_up.rescheduled(row, clinic, AT - timedelta(days=1)))

    database.run(begin)
    database.run(lambda s: store_due(s, clinic, anna))
    timestamp = patient(database, anna).next_due_at
    assert timestamp.date() == AT.date()
    return timestamp


def store_due(stores, clinic, anna):
    row = stores.patients.get(anna.id)
    while row.next_due_at.date() < AT.date():
        row = follow_up.rescheduled(row, clinic, row.next_due_at)
    stores.patients.save(row)


def edited(database, clinic, at, edit):
    database.run(lambda s: plan_edits.apply(work_on(s, clinic, at, actor="ann"), "P-0001", edit))


def opened_today(database, clinic, anna, at):
    database.run(lambda s: sweeps.check_ins_due(work_on(s, clinic, at), 50))
    rows = database.run(lambda s: s.checkins.of_patient(anna.id))
    return [row.due_at for row in rows if row.due_at.date() == AT.date()]


@pytest.mark.parametrize("weekdays", [(0, 3), (0, 1, 2, 3, 4, 5, 6)])
def test_a_change_made_before_the_sweep_passes_over_nothing_that_fell_due(database, clinic, anna, due, weekdays):
    """The bot was down, or busy; today is a Monday."""
    later = due + timedelta(minutes=3)
    edited(database, clinic, later, PlanEdit(weekdays=weekdays))
    assert opened_today(database, clinic, anna, later) == [due]


def test_what_a_change_takes_away_from_today_is_not_asked(database, clinic, anna, due):
    later = due + timedelta(minutes=3)
    edited(database, clinic, later, PlanEdit(pause=Pause(first=AT.date(), last=AT.date())))
    assert opened_today(database, clinic, anna, later) == []


def test_an_hour_that_is_moved_to_the_evening_is_asked_for_then_alone(database, clinic, anna, due):
    later = due + timedelta(minutes=3)
    edited(database, clinic, later, PlanEdit(send_time=time(18)))
    assert opened_today(database, clinic, anna, later) == []
    evening = patient(database, anna).next_due_at
    assert opened_today(database, clinic, anna, evening) == [evening]


def test_an_hour_that_is_moved_to_before_now_is_asked_for_at_once(database, clinic, anna, due):
    later = due + timedelta(hours=5)
    edited(database, clinic, later, PlanEdit(send_time=time(9, 30)))
    assert len(opened_today(database, clinic, anna, later)) == 1
    assert opened_today(database, clinic, anna, later + timedelta(minutes=1)) == opened_today(
        database, clinic, anna, later
    ), "and once"
