"""A new phone, and the "no" on it: what was answered before is judged all the same, and nothing more is asked."""

from datetime import timedelta

import pytest

from bot.app.checkins import timing
from bot.app.patients import participation, registry
from bot.app.records.patients import PatientState
from bot.core.protocol import Tier
from bot.core.screen import Action
from bot.dialog import conversation
from tests.app.conftest import AT
from tests.contract import samples
from tests.fakes.work import work_on

NEW_PHONE = 8


@pytest.fixture
def on_new_phone(database, clinic, anna, choose):
    """Something is worse; then the link for a new phone is opened, and its first screen is shown."""
    choose("yes")
    token = database.run(lambda s: registry.invite_again(work_on(s, clinic, AT, actor="operator"), anna.code))[1]
    database.run(lambda s: conversation.start(work_on(s, clinic, AT), NEW_PHONE, token, "en"))


def on_phone(database, clinic, chat, choice):
    tap = Action(kind="phone", choice=choice)
    database.run(lambda s: conversation.tap(work_on(s, clinic, AT), chat, tap))


def test_half_an_answer_counts_while_a_move_is_not_settled(database, clinic, anna, on_new_phone):
    row = database.run(lambda s: s.checkins.open_of(anna.id))
    later = AT + timedelta(days=1)
    database.run(lambda s: timing.step(work_on(s, clinic, later), row))
    (alert,) = database.run(lambda s: s.alerts.of_patient(anna.id))
    assert alert.tier is Tier.SOON
    assert database.run(lambda s: s.patients.get(anna.id)).state is PatientState.ACTIVE


def test_reminder_comes_on_the_old_phone_until_the_new_one_agrees(database, clinic, anna, on_new_phone):
    before = len(database.outbox())
    row = database.run(lambda s: s.checkins.open_of(anna.id))
    database.run(lambda s: timing.step(work_on(s, clinic, AT + timedelta(days=3)), row))
    assert {q.row.chat_id for q in database.outbox()[before:]} == {anna.chat_id}


def test_a_no_on_the_new_phone_ends_nothing_on_the_old_one(database, clinic, anna, on_new_phone):
    on_phone(database, clinic, NEW_PHONE, "decline")
    now = database.run(lambda s: s.patients.get(anna.id))
    assert (now.state, now.chat_id, now.second_chat_id) == (PatientState.ACTIVE, anna.chat_id, None)
    assert database.run(lambda s: s.checkins.open_of(anna.id)) is not None
    gone = [q.row.screen for q in database.outbox() if q.row.chat_id == NEW_PHONE][-1]
    assert (gone.name, gone.lines[0].values["emergency"]) == ("phone.gone", "112")


def test_who_leaves_leaves_no_caregiver_behind(database, clinic, anna):
    helper = samples.full_caregiver(anna.id).model_copy(update={"state": "active", "chat_id": 9, "ended_at": None})
    database.run(lambda s: s.caregivers.add(helper))
    database.run(lambda s: participation.withdraw(work_on(s, clinic, AT), anna.code))
    (ended,) = database.run(lambda s: s.caregivers.of_patient(anna.id))
    assert (ended.state, ended.chat_id, ended.ended_at) == ("ended", None, AT)
    last = [q.row for q in database.outbox() if q.row.chat_id == 9][-1]
    assert last.screen.name == "care.goodbye"


def test_the_task_to_find_someone_unreachable_is_closed_by_their_new_phone(database, clinic, anna):
    database.run(lambda s: conversation.membership(work_on(s, clinic, AT), anna.chat_id, reachable=False))
    assert [task.kind for task in database.run(lambda s: s.tasks.open())] == ["unreachable"]
    token = database.run(lambda s: registry.invite_again(work_on(s, clinic, AT, actor="operator"), anna.code))[1]
    assert [task.kind for task in database.run(lambda s: s.tasks.open())] == ["unreachable"], "not yet opened"
    database.run(lambda s: conversation.start(work_on(s, clinic, AT), NEW_PHONE, token, "en"))
    assert [task.kind for task in database.run(lambda s: s.tasks.open())] == ["unreachable"], "it has not agreed"
    on_phone(database, clinic, NEW_PHONE, "agree")
    assert database.run(lambda s: s.tasks.open()) == []
    assert database.run(lambda s: s.patients.get(anna.id)).unreachable_at is None
