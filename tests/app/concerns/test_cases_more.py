"""Further cases by their names: "I feel worse now" each time, and what is answered between check-ins."""

from bot.dialog import conversation, feel_worse
from bot.dialog.replies import Meaning
from tests.app.concerns.test_cases import Life, life

__all__ = ["Life", "life"]
RED_FLAG = Meaning(kind="red_flag")


def says(life: Life, day, hours=0.0):
    """Type words that name a red flag; return the screens that come."""
    seen = len(life.database.outbox())
    life.run(lambda w: conversation.message(w, 7, RED_FLAG), at=life.at(day, hours))
    return [q.row.screen.name for q in life.database.outbox()[seen:]]


def worse(life: Life, day, hours=0.0):
    seen = len(life.database.outbox())
    life.run(feel_worse.feel_worse, life.patient(), at=life.at(day, hours))
    return [q.row.screen.name for q in life.database.outbox()[seen:]]


def test_k1_each_i_feel_worse_now_is_a_fresh_first_screen_below_the_call_screen(life):
    worse(life, 0.5)
    life.tap("yes", life.at(0.5, 0.01))
    life.reply(life.alerts()[-1], "called", 0.5, 0.02)
    for shown in (worse(life, 0.5, 4), says(life, 0.5, 4.5)):
        assert [name for name in shown if name.startswith("call.")][:1] == ["call.emergency"]
        assert shown[-1] == "ask.safety_now"
    assert life.cursor() == "safety_now"


def test_i_feel_worse_again_over_half_a_form_shows_one_call_screen_above_its_question(life):
    """The form that is replaced has found something by itself, whose call screen would be the same a second time."""
    worse(life, 0.5)
    life.tap("yes", life.at(0.5, 0.01))
    life.reply(life.alerts()[-1], "called", 0.5, 1)
    for hours in (9, 10):
        seen = len(life.database.outbox())
        worse(life, 0.5, hours)
        waiting = [q.row for q in life.database.outbox()[seen:] if q.state == "waiting" and q.row.mode == "new"]
        mine = [row.screen.name for row in waiting if row.slot.startswith(("alert:", "checkin:"))]
        life.tap("none", life.at(0.5, hours + 0.01))
    assert mine == ["call.emergency", "ask.safety_now"]


def test_k2_words_hours_after_two_times_none_ask_the_first_screen(life):
    worse(life, 0.5)
    for choice in ("none", "none"):
        life.tap(choice, life.at(0.5, 0.01))
    assert says(life, 0.5, 5)[-1] == "ask.safety_now"
    assert life.cursor() == "safety_now"


def test_k10_the_item_that_was_found_is_asked_each_day_and_settles_by_its_answers_alone(life):
    life.check(0, "baseline")
    life.check(1, "full", stairs="cannot")
    life.staff(life.alerts()[-1], "spoke_to_patient", 1, 1)
    for day in (2, 3, 4):
        life.opened(day, "again")
        life.check(day, start=False, until="stairs")
        assert life.cursor() == "stairs", "it is asked again"
        life.tap("", life.at(day), kind="skip")
        assert life.check(day, start=False)[-1:] != ["done.routine"]
    assert life.state("stairs") == "reached", "a skip is no answer"


def test_k41_double_vision_whose_question_was_skipped_is_not_settled(life):
    life.check(0, safety_new="yes", which_new="eyes")
    life.staff(life.alerts()[-1], "seen", 0, 1)
    for day in (1, 2, 3):
        life.opened(day)
        life.check(day, start=False, until="still_eyes")
        assert life.cursor() == "still_eyes"
        life.tap("", life.at(day), kind="skip")
        ends = life.check(day, start=False)
        assert "done.routine" not in ends
    assert life.state("eyes") == "reached"


def test_k24_old_dizziness_that_is_the_same_as_always_is_an_alert_or_two(life):
    life.check(0, "baseline")
    life.check(1, change="yes", autonomic="dizzy")
    life.staff(life.alerts()[-1], "spoke_to_patient", 1, 1)
    for day in range(3, 60, 3):
        life.check(day, change="no", still_dizzy="same")
    assert len(life.alerts()) <= 2
