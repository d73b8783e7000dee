"""A new phone, and the "no" on it: what was answered before is judged all the same, and nothing more is asked."""

from datetime import timedelta

import pytest

from bot.app import checkin_clock, conversation, patients
from bot.app.store import AlertState, PatientState
from bot.core.checkin import State
from bot.core.protocol import Tier
from bot.core.screen import Action
from tests.app.conftest import AT
from tests.contract import samples

NEW_PHONE = 8


@pytest.fixture
def on_new_phone(database, clinic, anna, choose):
    """Something is worse; then the link for a new phone is opened, and its first screen stands there."""
    choose("yes")
    token = database.run(lambda s: patients.invite_again(s, clinic, anna.code, AT))[1]
    database.run(lambda s: conversation.start(s, clinic, NEW_PHONE, token, "en", AT))


def enrol(database, clinic, anna, step, choice):
    revision = database.run(lambda s: s.patient(anna.id)).enrol_revision
    tap = Action(kind="enrol", revision=revision, question=step, choice=choice)
    database.run(lambda s: conversation.tap(s, clinic, NEW_PHONE, tap, AT))


def test_a_concern_counts_when_the_enrolment_is_left_half_done(database, clinic, anna, on_new_phone):
    row = database.run(lambda s: s.open_checkin(anna.id))
    later = AT + timedelta(days=1)
    database.run(lambda s: checkin_clock.step(s, clinic, row, later))
    (alert,) = database.run(lambda s: s.alerts(anna.id))
    assert alert.tier is Tier.SOON
    assert database.run(lambda s: s.open_checkin(anna.id)).next_step_at is None
    assert database.run(lambda s: s.patient(anna.id)).next_due_at is None, "who is enrolling is not asked yet"


def test_no_reminder_comes_between_the_screens_of_an_enrolment(database, clinic, anna, choose):
    token = database.run(lambda s: patients.invite_again(s, clinic, anna.code, AT))[1]
    database.run(lambda s: conversation.start(s, clinic, NEW_PHONE, token, "en", AT))
    before = len(database.tables.all("outbox"))
    row = database.run(lambda s: s.open_checkin(anna.id))
    database.run(lambda s: checkin_clock.step(s, clinic, row, AT + timedelta(days=3)))
    assert len(database.tables.all("outbox")) == before


def test_a_no_on_the_new_phone_ends_all_that_asks(database, clinic, anna, on_new_phone):
    for step in ("welcome", "consent1", "consent2"):
        enrol(database, clinic, anna, step, "next")
    enrol(database, clinic, anna, "consent3", "no")
    now = database.run(lambda s: s.patient(anna.id))
    assert (now.state, now.next_due_at, now.watch) == (PatientState.DECLINED, None, None)
    assert database.run(lambda s: s.open_checkin(anna.id)) is None
    (alert,) = database.run(lambda s: s.alerts(anna.id))
    assert (alert.tier, alert.state, alert.next_step_at) == (Tier.SOON, AlertState.UNCONFIRMED, None)
    assert all(c.withdrawn_at is not None for c in database.run(lambda s: s.consents(anna.id)))
    (row,) = database.run(lambda s: s.checkins(anna.id))
    assert row.value.state is State.EXPIRED


def test_who_leaves_leaves_no_caregiver_behind(database, clinic, anna):
    helper = samples.full_caregiver(anna.id).model_copy(update={"state": "active", "chat_id": 9, "ended_at": None})
    database.run(lambda s: s.add_caregiver(helper))
    database.run(lambda s: patients.withdraw(s, clinic, anna.code, AT, actor="operator"))
    (ended,) = database.run(lambda s: s.caregivers(anna.id))
    assert (ended.state, ended.chat_id, ended.ended_at) == ("ended", None, AT)
    last = [q.row for q in database.tables.all("outbox") if q.row.chat_id == 9][-1]
    assert last.screen.name == "care.goodbye"
