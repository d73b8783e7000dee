"""What one person tapped about a call, as it is queued for the other: behind every call screen, and never in its place."""

import pytest

from bot.app.records.messages import Lane
from bot.core.screen import Action
from bot.dialog import conversation
from tests.app.conftest import AT
from tests.dialog.test_caregivers import BEN, link, opened
from tests.fakes.work import runner


@pytest.fixture
def run(database, clinic):
    return runner(database, clinic)


@pytest.fixture
def alert(database, run, clinic, anna, choose):
    """An EMERGENCY of a patient with a helper."""
    opened(run, clinic, link(database, clinic, anna))
    run(conversation.tap, BEN, Action(kind="care", choice="agree"))
    choose("no")
    choose("yes")
    (raised,) = run(lambda s: s.alerts.of_patient(anna.id))
    return raised


def queued(database, run, chat, alert, word):
    """Tap a button of the alert; return what is queued by it, by chat and name."""
    seen = len(database.outbox())
    run(conversation.tap, chat, Action(kind="alert", subject=alert.id, choice=word))
    return [q.row for q in database.outbox()[seen:]]


@pytest.mark.parametrize("by", ["patient", "helper"])
@pytest.mark.parametrize("word", ["called", "reached", "at_hospital"])
def test_line_for_the_other_waits_behind_call_screens_and_edits_none(database, run, anna, alert, word, by):
    chats = (anna.chat_id, BEN)
    chat, other = chats if by == "patient" else chats[::-1]
    queued(database, run, other, alert, "not_yet")
    rows = queued(database, run, chat, alert, word)
    (line,) = [row for row in rows if row.chat_id == other]
    assert (line.screen.name, line.mode, line.screen.silent) == ("call.other", "new", True)
    assert line.lane > Lane.RED_FLAG
    theirs = {q.row.slot for q in database.outbox() if q.row.chat_id == other and q.row.screen.name != "call.other"}
    assert line.slot not in theirs, "it replaces none of their messages"
    assert "call.other" not in [row.screen.name for row in rows if row.chat_id == chat]


@pytest.mark.parametrize("word", ["not_yet", "mistake", "is_urgent", "can_wait", "remind", "card"])
def test_other_replies_are_not_shown_to_the_other(database, run, alert, word):
    assert "call.other" not in [row.screen.name for row in queued(database, run, BEN, alert, word)]


def test_helper_who_has_not_agreed_is_shown_nothing(database, run, clinic, anna, choose):
    opened(run, clinic, link(database, clinic, anna))
    choose("no")
    choose("yes")
    (raised,) = run(lambda s: s.alerts.of_patient(anna.id))
    assert [row.chat_id for row in queued(database, run, anna.chat_id, raised, "called")] == [anna.chat_id]


def test_line_has_the_time_of_the_tap_where_the_patient_is(database, run, anna, alert):
    (line,) = [row for row in queued(database, run, BEN, alert, "called") if row.chat_id == anna.chat_id]
    assert line.screen.lines[0].values["time"] == f"{AT.hour + 1:02}:{AT.minute:02}", "Berlin, in winter"
