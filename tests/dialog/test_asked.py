"""The buttons about an alert say when their message was made, within Telegram's 64 bytes."""

from datetime import timedelta

import pytest

from bot.app.alerts.messages import Asked
from bot.chat.buttons import MAX_BYTES, decode, encode
from bot.core.screen import Action, Screen
from bot.dialog.asked import asked_of, marked
from bot.dialog.call_screens import alert_tap
from bot.dialog.widgets import button, rows
from tests.contract import samples
from tests.fakes.work import AT, work_on

KEY = b"k" * 32
YEARS = timedelta(days=3650)


def screen(alert):
    made = (button("button.reached", alert_tap(alert, "cannot_reach")), button("button.tip_today", Action(kind="tip")))
    return Screen(name="call", lines=(), rows=rows(made))


def actions(shown):
    return [b.action for row in shown.rows for b in row]


@pytest.fixture
def on(database):
    return lambda act, at: database.run(lambda stores: act(work_on(stores, at=at)))


def test_marked_buttons_fit_and_say_when_their_message_and_the_first_one_were_made(on):
    alert = samples.alert(1, raised_at=AT).model_copy(update={"id": 36**6 - 1})
    first, other = actions(on(lambda w: marked(w, screen(alert), alert), AT + YEARS))
    assert (asked_of(first), other.revision) == (Asked(YEARS // timedelta(microseconds=1)), 0)
    (second, _) = actions(on(lambda w: marked(w, screen(alert), alert, repeats=first), AT + YEARS * 2))
    (third, _) = actions(on(lambda w: marked(w, screen(alert), alert, repeats=second), AT + YEARS * 3))
    assert asked_of(third).made_at(alert, AT + 9 * YEARS) == AT + 3 * YEARS
    assert asked_of(third).repeats == first.revision, "the message that was asked first"
    data = encode(third, KEY, 7)
    assert len(data) <= MAX_BYTES
    assert decode(data, KEY, 7) == third


def test_marked_by_a_clock_that_was_set_back_counts_from_when_the_alert_was_raised(on):
    alert = samples.alert(1, raised_at=AT)
    (early, _) = actions(on(lambda w: marked(w, screen(alert), alert), AT - timedelta(hours=1)))
    assert asked_of(early) == Asked(0)
    (late, _) = actions(on(lambda w: marked(w, screen(alert), alert), AT + timedelta(hours=2)))
    assert asked_of(late).made_at(alert, AT + timedelta(hours=1)) == AT + timedelta(hours=1), "never in the future"
