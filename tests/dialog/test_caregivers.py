"""Caregivers who join: links that expired or were replaced, and what one who hasn't agreed yet may do."""

import re
from datetime import timedelta

import pytest

from bot.app.records.patients import PatientState
from bot.core.protocol import Tier
from bot.core.screen import Action
from bot.dialog import caregivers, conversation
from bot.dialog.replies import Meaning
from tests.app.conftest import AT
from tests.fakes.work import runner, work_on

BEN = 8
DAY = timedelta(days=1)


@pytest.fixture
def run(database, clinic):
    return runner(database, clinic)


def link(database, clinic, anna):
    """Let the patient make a link; return its token."""
    database.run(lambda s: caregivers.tapped(work_on(s, clinic, AT), anna, Action(kind="care", choice="make")))
    rows = [q.row for q in database.outbox() if q.row.screen.name == "care.link"]
    return re.search(r"start=(\S+)", rows[-1].screen.lines[0].values["link"])[1]


def opened(run, clinic, token, at=AT, chat=BEN):
    run(conversation.start, chat, token, None, at=at)
    return run(lambda s: s.caregivers.by_chat(chat))


def test_a_link_too_old_opens_nothing(database, run, clinic, anna):
    token = link(database, clinic, anna)
    valid = clinic.protocol.clocks.invite_valid
    assert opened(run, clinic, token, at=AT + valid) is None
    assert opened(run, clinic, token, at=AT + valid - DAY).state == "asked"


def test_a_new_link_ends_the_earlier_one(database, run, clinic, anna):
    first, second = link(database, clinic, anna), link(database, clinic, anna)
    assert opened(run, clinic, first) is None
    assert opened(run, clinic, second).state == "asked"


def test_old_button_for_a_link_does_not_end_the_caregiver_who_answers_now(database, run, clinic, anna):
    opened(run, clinic, link(database, clinic, anna))
    run(conversation.tap, BEN, Action(kind="care", choice="agree"))
    run(conversation.tap, anna.chat_id, Action(kind="care", choice="make"))
    assert [c.state for c in run(lambda s: s.caregivers.of_patient(anna.id))] == ["active"]


def test_the_patients_own_chat_is_no_caregivers(database, run, clinic, anna):
    token = link(database, clinic, anna)
    assert run(caregivers.opened, token, anna.chat_id, None) is None


def taps(row):
    """A tap of each kind that answers or decides, on the question that is open."""
    question, revision = row.value.cursor, row.value.revision
    return {
        "answer": Action(kind="choose", subject=row.id, revision=revision, question=question, choice="yes"),
        "stop": Action(kind="stop", choice="leave"),
        "quiet": Action(kind="set", question="quiet"),
    }


@pytest.mark.parametrize("what", ["answer", "stop"])
def test_who_has_not_agreed_yet_answers_and_decides_nothing(database, run, clinic, anna, what):
    opened(run, clinic, link(database, clinic, anna))
    row = run(lambda s: s.checkins.open_of(anna.id))
    run(conversation.tap, BEN, taps(row)[what])
    assert run(lambda s: s.checkins.open_of(anna.id)) == row
    assert run(lambda s: s.patients.get(anna.id).state) is PatientState.ACTIVE


def test_who_has_agreed_answers_and_still_decides_nothing(database, run, clinic, anna):
    opened(run, clinic, link(database, clinic, anna))
    run(conversation.tap, BEN, Action(kind="care", choice="agree"))
    row = run(lambda s: s.checkins.open_of(anna.id))
    for word in ("pause", "leave", "erase", "leave_yes", "erase_yes", "week"):
        run(conversation.tap, BEN, Action(kind="stop", choice=word))
        patient = run(lambda s: s.patients.get(anna.id))
        assert (patient.state, patient.pauses) == (PatientState.ACTIVE, ())
    run(conversation.tap, BEN, taps(row)["answer"])
    assert run(lambda s: s.checkins.open_of(anna.id)).value.answers["change"] == ("yes",)


# -- words that stand for a choice, or name a red flag


def test_a_number_answers_only_what_is_asked(database, run, clinic, anna, choose):
    choose("no")
    choose("none")
    choose("yes")
    row = run(lambda s: s.checkins.open_of(anna.id))
    assert row.value.state == "paused", "a call screen stands: go on, or finish"
    seen = len(database.outbox())
    for number in (1, 2, 9):
        run(conversation.message, anna.chat_id, Meaning("choice", number))
    assert run(lambda s: s.checkins.open_of(anna.id)).value == row.value
    names = [q.row.screen.name for q in database.outbox()[seen:]]
    assert set(names) == {"said"}, "the numbers, each time"


def test_a_number_beyond_the_choices_is_no_answer(run, clinic, anna):
    before = run(lambda s: s.checkins.open_of(anna.id)).value
    run(conversation.message, anna.chat_id, Meaning("choice", 9))
    assert run(lambda s: s.checkins.open_of(anna.id)).value == before
    run(conversation.message, anna.chat_id, Meaning("choice", 1))
    assert run(lambda s: s.checkins.open_of(anna.id)).value.answers["change"] == ("no",)


def names_red_flag(database, run, clinic, anna, at):
    """Say words that name a red flag; return the screens that came."""
    seen = len(database.outbox())
    run(conversation.message, anna.chat_id, Meaning("red_flag"), at=at)
    return [q.row.screen.name for q in database.outbox()[seen:]]


def test_red_flag_text_asks_the_first_safety_screen_below_the_call_screen_of_what_is_open(
    database, run, clinic, anna, choose
):
    choose("no")
    choose("yes")
    (alert,) = run(lambda s: s.alerts.of_patient(anna.id))
    assert alert.tier is Tier.EMERGENCY
    for minutes in (59, 600):
        shown = names_red_flag(database, run, clinic, anna, AT + timedelta(minutes=minutes))
        assert list(dict.fromkeys(shown)) == ["call.emergency", "ask.safety_now"]
    run(lambda s: s.alerts.save(s.alerts.get(alert.id).model_copy(update={"state": "closed", "closed_at": AT})))
    again = names_red_flag(database, run, clinic, anna, AT + timedelta(minutes=700))
    assert again[-1] == "ask.safety_now"
    assert "call.emergency" not in again, "one that staff closed is over"


@pytest.mark.parametrize(("kind", "shown"), [("unknown", "said"), ("red_flag", "said"), ("despair", "call.despair")])
def test_words_of_one_who_has_not_agreed_get_the_numbers(database, run, clinic, anna, kind, shown):
    opened(run, clinic, link(database, clinic, anna))
    seen = len(database.outbox())
    run(conversation.message, BEN, Meaning(kind))
    screens = [q.row.screen for q in database.outbox()[seen:]]
    assert [s.name for s in screens] == [shown]
    assert screens[0].rows[0][0].copy_value == clinic.emergency_number
    assert run(lambda s: s.alerts.of_patient(anna.id)) == []
