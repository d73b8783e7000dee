"""Answers to what is typed: who gets which screen, and what the clinic's settings and protocol change."""

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.app.alerts import help_requests
from bot.core.despair import DespairRule
from bot.core.protocol import Tier
from bot.dialog import conversation
from bot.dialog.replies import UNKNOWN, Meaning
from tests.app.conftest import AT
from tests.contract import samples
from tests.fakes.work import runner, work_on


@pytest.fixture
def run(database, clinic):
    return runner(database, clinic)


@pytest.fixture
def type_(database, clinic, anna):
    """Type something in Anna's chat; return the screens that came."""

    def typed(meaning, *, at=AT, chat=None, **changes):
        seen = len(database.outbox())
        changed = replace(clinic, **changes)
        database.run(lambda stores: conversation.message(work_on(stores, changed, at), chat or anna.chat_id, meaning))
        return [queued.row.screen for queued in database.outbox()[seen:]]

    return typed


def first_lines(screens):
    return [screen.lines[0].key for screen in screens]


def test_k26_crisis_line_of_the_clinic_is_shown_and_copied(type_):
    (shown,) = type_(Meaning("despair"), crisis_number="116 123")
    assert shown.lines[0].values["crisis"] == "116 123"
    assert shown.rows[0][0].copy_value == shown.ahead.number == "116 123"


def test_k26_without_a_crisis_line_the_emergency_number_is_shown(type_, clinic):
    (shown,) = type_(Meaning("despair"))
    assert shown.lines[0].values["crisis"] == clinic.emergency_number


@pytest.mark.parametrize("writer", ["patient", "helper"])
def test_despair_is_shown_to_who_wrote_it_alone(type_, run, database, anna, writer):
    helper = samples.full_caregiver(anna.id, chat_id=8).model_copy(update={"ended_at": None})
    run(lambda s: s.caregivers.add(helper))
    chat = 8 if writer == "helper" else anna.chat_id
    type_(Meaning("despair"), chat=chat)
    rows = [queued.row for queued in database.outbox() if queued.row.screen.name == "call.despair"]
    assert [row.chat_id for row in rows] == [chat]
    assert rows[0].screen.lines[0].key.startswith("call.despair"), "not about the person they help"
    (alert,) = run(lambda s: s.alerts.of_patient(anna.id))
    assert alert.tier is Tier.URGENT


@pytest.mark.parametrize("meaning", [Meaning("red_flag"), Meaning("despair")])
def test_who_can_answer_nothing_gets_urgent_words_with_a_sound(type_, run, anna, meaning):
    run(
        lambda s: s.patients.save(
            s.patients.get(anna.id).model_copy(update={"state": "withdrawn", "next_due_at": None})
        )
    )
    assert [screen.silent for screen in type_(UNKNOWN)] == [False]
    assert [screen.silent for screen in type_(UNKNOWN, at=AT + timedelta(minutes=1))] == [True]
    assert [screen.silent for screen in type_(meaning, at=AT + timedelta(minutes=2))] == [False]


def test_i_feel_worse_after_need_help_shows_the_help_screen_again(type_, run, anna):
    run(help_requests.need_help, anna, None)
    names = [screen.name for screen in type_(Meaning("red_flag"), at=AT + timedelta(minutes=1))]
    assert names[0] == "call.help", "no sign was named, so that no screen says that one was"


def test_sign_after_despair_has_a_call_screen_of_its_own(type_, run, database, clinic, anna):
    type_(Meaning("despair"))
    for minutes in (1, 2):
        seen = len(database.outbox())
        run(help_requests.yes_on_old_screen, anna, Tier.URGENT, at=AT + timedelta(minutes=minutes))
        assert [q.row.screen.name for q in database.outbox()[seen:]] == ["call.urgent"]


def test_k26_switched_off_despair_has_its_screen_and_no_alert(type_, run, clinic, anna):
    protocol = clinic.protocol.model_copy(update={"despair": DespairRule(alert=False)})
    (shown,) = type_(Meaning("despair"), protocol=protocol)
    assert shown.name == "call.despair"
    assert [button.action.choice for (button,) in shown.rows[1:]] == ["worse"], "there is no alert to answer"
    assert run(lambda s: s.alerts.of_patient(anna.id)) == []


def test_k26_despair_again_after_an_hour_notifies_the_team_again(type_, run, anna):
    type_(Meaning("despair"))
    (first,) = run(lambda s: s.alerts.of_patient(anna.id))
    type_(Meaning("despair"), at=AT + timedelta(minutes=59))
    (soon,) = run(lambda s: s.alerts.of_patient(anna.id))
    assert soon.named_at == first.named_at
    type_(Meaning("despair"), at=AT + timedelta(minutes=61))
    (later,) = run(lambda s: s.alerts.of_patient(anna.id))
    assert (later.id, later.tier) == (first.id, Tier.URGENT)


def test_despair_again_shows_its_screen_whatever_else_was_found(type_, run, anna):
    type_(Meaning("despair"))
    (alert,) = run(lambda s: s.alerts.of_patient(anna.id))
    run(lambda s: s.alerts.save(alert.model_copy(update={"rules": (*alert.rules, "new.eyes")})))
    assert [s.name for s in type_(Meaning("despair"), at=AT + timedelta(minutes=5))] == ["call.despair"]


def test_help_after_despair_shows_the_screen_of_what_was_asked_last(type_, run, anna):
    assert [s.name for s in type_(Meaning("despair"))] == ["call.despair"]
    screens = type_(Meaning("red_flag"), at=AT + timedelta(minutes=1))
    assert [s.name for s in screens][-1] == "ask.safety_now"


def test_unknown_words_move_the_numbers_down(type_, database):
    type_(UNKNOWN)
    assert first_lines(type_(UNKNOWN, at=AT + timedelta(seconds=10))) == ["said.cannot_read"]
    waiting = [q.row.slot for q in database.outbox() if q.row.screen.name == "said" and q.state == "waiting"]
    assert len(waiting) == 1, "one that was not sent yet is replaced"


def test_stranger_gets_the_numbers_for_every_meaning(type_):
    for meaning in (UNKNOWN, Meaning("red_flag"), Meaning("despair")):
        assert first_lines(type_(meaning, chat=99)) == ["stranger.said"]
