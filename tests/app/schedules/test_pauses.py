"""Pauses: the newest word holds, and no pause outlives the one who could end it."""

from datetime import date, timedelta

import pytest

from bot.app.patients import participation, registry
from bot.app.records.patients import PatientState
from bot.app.schedules.plans import OPEN_ENDED, pauses_ended
from bot.core.schedule import Pause
from bot.core.screen import Action
from bot.dialog import conversation, leaving
from tests.app.conftest import AT
from tests.fakes.work import work_on

TODAY = AT.date()
DAY = timedelta(days=1)


def patient(database, anna):
    return database.run(lambda stores: stores.patients.get(anna.id))


def test_dated_pause_replaces_an_open_one(database, clinic, anna):
    database.run(lambda s: participation.pause(work_on(s, clinic, AT, actor="operator"), anna.code, None))
    assert patient(database, anna).next_due_at is None
    later = AT + 20 * DAY
    database.run(
        lambda s: participation.pause(work_on(s, clinic, later, actor="operator"), anna.code, later.date() + 5 * DAY)
    )
    now = patient(database, anna)
    assert now.state is PatientState.ACTIVE
    assert later.date() + 5 * DAY < now.next_due_at.date() <= later.date() + 12 * DAY


def test_week_of_pause_by_the_patient_ends_in_an_open_pause_too(database, clinic, anna):
    database.run(lambda s: participation.pause(work_on(s, clinic, AT, actor="operator"), anna.code, None))
    resting = patient(database, anna)
    database.run(lambda s: leaving.tapped(work_on(s, clinic, AT), resting, Action(kind=leaving.KIND, choice="pause")))
    assert patient(database, anna).next_due_at.date() <= TODAY + 14 * DAY


def test_open_pause_replaces_a_dated_one(database, clinic, anna):
    database.run(lambda s: participation.pause(work_on(s, clinic, AT, actor="operator"), anna.code, TODAY + 5 * DAY))
    database.run(lambda s: participation.pause(work_on(s, clinic, AT + 2 * DAY, actor="operator"), anna.code, None))
    now = patient(database, anna)
    assert (now.state, now.next_due_at) == (PatientState.PAUSED, None)
    assert now.pauses == (Pause(first=TODAY, last=TODAY + DAY), Pause(first=TODAY + 2 * DAY, last=OPEN_ENDED))


def test_enrolling_again_in_an_open_pause_resumes_check_ins(database, clinic, anna):
    database.run(lambda s: participation.pause(work_on(s, clinic, AT, actor="operator"), anna.code, None))
    holiday = Pause(first=date(2026, 5, 1), last=date(2026, 5, 9))
    paused = patient(database, anna)
    database.run(lambda s: s.patients.save(paused.model_copy(update={"pauses": (*paused.pauses, holiday)})))
    database.run(lambda s: participation.withdraw(work_on(s, clinic, AT), anna.code))
    token = database.run(lambda s: registry.invite_again(work_on(s, clinic, AT, actor="operator"), anna.code))[1]
    database.run(lambda s: conversation.start(work_on(s, clinic, AT), 8, token, "en"))
    for step, choice in (
        ("welcome", "next"),
        ("consent1", "next"),
        ("consent2", "next"),
        ("consent3", "agree"),
        ("language", "lang-en"),
        ("zone", "own"),
        ("time", "morning"),
    ):
        tap = Action(
            kind="enrol", subject=0, revision=patient(database, anna).enrol_revision, question=step, choice=choice
        )
        database.run(lambda s, tap=tap: conversation.tap(work_on(s, clinic, AT), 8, tap))
    now = patient(database, anna)
    assert now.state is PatientState.ACTIVE
    assert now.next_due_at is not None
    assert now.pauses == (holiday,)


@pytest.mark.parametrize(
    ("first", "last", "left"),
    [
        (-3, -1, [(-3, -1)]),
        (-3, 0, [(-3, -1)]),
        (-3, 4, [(-3, -1)]),
        (0, 0, []),
        (0, 4, []),
        (1, 4, [(1, 4)]),
    ],
)
def test_ended_today(first, last, left):
    span = (Pause(first=TODAY + first * DAY, last=TODAY + last * DAY),)
    assert pauses_ended(span, TODAY) == tuple(Pause(first=TODAY + a * DAY, last=TODAY + b * DAY) for a, b in left)
