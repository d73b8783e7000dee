"""The buttons of the call screens, as the storyboard lists them, and "my team knows"."""

import pytest

from bot.content.texts import Texts
from bot.dialog import alerts
from bot.dialog.call_screens import alert_tap
from tests.app.alerts.test_replies import FOUND, labels, raised
from tests.app.concerns.test_cases import Life, life

__all__ = ["Life", "life"]

TEXTS = Texts.load(("en", "es", "ru"))
BUTTONS = {
    "emergency": ["button.copy_emergency", "button.called", "button.cannot_call", "button.card", "button.mistake"],
    "urgent": ["button.called", "button.cannot_reach", "button.card", "button.can_wait", "button.mistake"],
    "soon": ["button.called", "button.team_knows", "button.remind_call", "button.tip_today"],
}


def call(life, tier):
    return [q.row.screen for q in life.database.outbox() if q.row.screen.name == f"call.{tier}"][-1]


@pytest.mark.parametrize("tier", FOUND)
def test_call_screen_has_the_buttons_of_its_tier(life, tier):
    raised(life, tier)
    assert labels(call(life, tier)) == BUTTONS[tier]


def test_emergency_copies_the_emergency_number(life, clinic):
    raised(life, "emergency")
    assert call(life, "emergency").rows[0][0].copy_value == clinic.emergency_number


def test_k25_it_can_wait_never_lowers_the_words(life):
    raised(life, "urgent")
    following = life.press(call(life, "urgent"), "can_wait", 0, 0.1)
    assert following.lines[0].key == "call.reply.can_wait"
    assert (life.alerts()[0].declared, life.state("eyes")) == ("can_wait", "open")
    assert life.prompt(life.alerts()[0], 0, 1).name == "loopback.ask"


@pytest.mark.parametrize(("language", "now"), [("en", " now"), ("es", " ahora"), ("ru", " сейчас")])
def test_k25_words_after_it_can_wait_say_now(language, now):
    (said,) = TEXTS.forms(language, "call.reply.can_wait")
    assert now in said
    assert "{team_number}" in said
    assert not any(word in said for word in ("today", "hoy", "сегодня"))


# -- my team knows


def test_my_team_knows_asks_once_whether_they_said_so(life):
    raised(life, "soon")
    asked = life.press(call(life, "soon"), "knows", 0, 1)
    assert [line.key for line in asked.lines] == ["call.knows"]
    assert labels(asked) == ["button.yes", "button.not_about_this"]
    assert life.state("numbness") == "open", "not before the answer"


def test_my_team_knows_and_yes_ends_the_questions_and_the_team_still_sees_it(life):
    raised(life, "soon")
    following = life.press(life.press(call(life, "soon"), "knows", 0, 1), "team_knows", 0, 1.1)
    assert following.lines[0].key == "call.reply.team_knows"
    (alert,) = life.alerts()
    assert life.state("numbness") == "reached"
    assert (alert.last_reply, alert.next_patient_prompt_at, alert.closed_at) == ("team_knows", None, None)
    assert life.check(1, numbness="mild") != ["done.open"]


def test_my_team_knows_but_not_about_this_changes_nothing(life):
    raised(life, "soon")
    following = life.press(life.press(call(life, "soon"), "knows", 0, 1), "not_about_this", 0, 1.1)
    assert following.lines[0].key == "call.reply.not_about_this"
    assert life.state("numbness") == "open"
    assert life.prompt(life.alerts()[0], 0, 24).name == "loopback.ask"


def test_my_team_knows_counts_for_what_its_message_named(life):
    """The answer comes after a stronger finding, by which the numbness rose."""
    raised(life, "soon")
    asked = life.press(call(life, "soon"), "knows", 0, 1)
    life.check(0.1, numbness="strong")
    following = life.press(asked, "team_knows", 0, 3)
    assert life.state("numbness") == "open"
    assert following.name == "call.reply.rest"
    assert life.alerts()[0].last_reply is None


def test_my_team_knows_on_anothers_alert_changes_nothing(life):
    alert, _ = raised(life, "soon")
    other = life.patient().model_copy(update={"id": 99})
    for word in ("knows", "team_knows", "not_about_this"):
        assert life.run(alerts.tapped, other, alert_tap(alert, word), at=life.at(1)) is None
    assert life.state("numbness") == "open"
