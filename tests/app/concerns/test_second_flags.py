"""A second red flag of one form acts at its tap, whatever the form raised before (found by simulated patients)."""

import pytest

from bot.app.checkins import answering
from bot.app.operations import sweeps
from bot.core.protocol import Tier
from tests.app.concerns.test_cases import Life, life

__all__ = ["Life", "life"]
CALLS = ("call.urgent", "call.emergency")


def shown_since(life, seen):
    return [queued.row.screen.name for queued in life.database.outbox()[seen:]]


def calls_since(life, seen):
    return [name for name in shown_since(life, seen) if name in CALLS]


def test_second_finding_of_a_form_has_a_call_screen_in_the_same_alert(life):
    life.opened(0, "full")
    life.check(0, start=False, until="falls", arms="much")
    (alert,) = life.alerts()
    life.reply(alert, "reached", 0, 0.1)
    seen = len(life.database.outbox())
    life.tap("yes", life.at(0, 0.2))
    assert calls_since(life, seen) == ["call.urgent"]
    (alert,) = life.alerts()
    assert (life.state("arms"), life.state("falls")) == ("reached", "open")
    assert set(alert.symptoms) == {"arms", "falls"}
    assert alert.next_patient_prompt_at is not None, "the patient is asked about it"


def test_second_sign_that_got_worse_has_a_call_screen(life):
    life.check(0, safety_new="yes", which_new="eyes")
    life.check(0.5, safety_new="yes", which_new="vision")
    for alert in life.alerts():
        life.staff(alert, "spoke_to_patient", 0.6)
    life.opened(1, "again")
    life.check(1, start=False, until="still_vision", still_eyes="worse")
    life.reply(life.alerts()[-1], "reached", 1, 0.1)
    seen = len(life.database.outbox())
    life.tap("worse", life.at(1, 0.2))
    assert calls_since(life, seen) == ["call.urgent"]
    assert life.state("vision") == "open"


def test_yes_on_a_safety_screen_that_is_asked_again_acts_at_the_tap(life):
    life.opened(0)
    for choice in ("no", "none", "none", "strong"):
        life.tap(choice, life.at(0))
    life.tap("", life.at(0, 7), kind="go_on")
    life.tap("not_at_all", life.at(0, 7))
    assert life.cursor() == "safety_now", "asked again after six hours"
    life.tap("none", life.at(0, 7))
    assert life.cursor() == "safety_new"
    seen = len(life.database.outbox())
    life.tap("not_sure", life.at(0, 7))
    assert calls_since(life, seen) == ["call.urgent"]
    assert life.state("sign_not_named") == "open"


def test_yes_on_the_second_screen_after_a_mistake_on_the_first(life):
    life.opened(0)
    life.tap("no", life.at(0))
    life.tap("not_sure", life.at(0))
    (alert,) = life.alerts()
    life.run(answering.claim_mistake, life.patient(), alert.checkin_id, at=life.at(0, 0.1))
    life.reply(alert, "reached", 0, 0.1)
    assert life.cursor() == "safety_now"
    life.tap("none", life.at(0, 0.2))
    seen = len(life.database.outbox())
    life.tap("yes", life.at(0, 0.2))
    assert calls_since(life, seen)
    assert life.state("sign_not_named") == "open"


def test_naming_the_sign_after_yes_shows_no_second_call_screen(life):
    seen = len(life.database.outbox())
    life.check(0, safety_new="yes", which_new="eyes")
    assert calls_since(life, seen) == ["call.urgent"]


def test_something_new_is_heard_beyond_a_screen_that_was_left_open(life):
    life.opened(0)
    for choice in ("yes", "none"):
        life.tap(choice, life.at(0))
    life.tap("", life.at(0), kind="skip")
    life.check(0, start=False, until="safety_new")
    life.tap("", life.at(0), kind="skip")
    assert (life.state("unanswered"), life.state("other")) == ("open", "open")
    assert life.check(1)[-1] == "done.open"


def test_yes_acts_while_an_earlier_one_at_a_higher_tier_is_open(life):
    life.check(0, safety_now="yes", which_now="not_sure")
    life.opened(1)
    for choice in ("no", "none"):
        life.tap(choice, life.at(1))
    seen = len(life.database.outbox())
    life.tap("yes", life.at(1))
    assert calls_since(life, seen), "law 8: the screen again"


@pytest.mark.parametrize("hours", [0.05, 6.5], ids=["at once", "asked again hours later"])
@pytest.mark.parametrize("screen", ["safety_now", "safety_new"])
def test_yes_after_a_mistake_that_was_taken_back_acts_again(life, screen, hours):
    """Seen in simulated patients: "mistake", "somebody spoke with me", "none", and then "yes" had no call screen."""
    life.opened(0)
    life.check(0, start=False, until=screen)
    life.tap("yes", life.at(0))
    (alert,) = life.alerts()
    life.run(answering.claim_mistake, life.patient(), alert.checkin_id, at=life.at(0, 0.01))
    life.reply(alert, "reached", 0, 0.02)
    life.tap("none", life.at(0, 0.03))
    if hours < 6:
        life.tap("", life.at(0, 0.04), kind="back")
    else:
        life.check(0, start=False, until="numbness")
        life.tap("none", life.at(0, hours))
        while life.cursor() != screen:
            life.tap("none", life.at(0, hours))
    assert life.cursor() == screen
    seen = len(life.database.outbox())
    life.tap("yes", life.at(0, hours))
    assert calls_since(life, seen)
    assert life.state("sign_not_named") == "open"


def test_yes_that_is_said_again_after_back_acts_again_and_is_one_answer(life):
    """Found in the browser: it had no call screen, and "It was a mistake" took one of two answers back."""
    life.opened(0)
    life.check(0, start=False, until="safety_new")
    life.tap("yes", life.at(0))
    life.tap("", life.at(0, 0.1), kind="go_on")
    life.tap("", life.at(0, 0.1), kind="back")
    seen = len(life.database.outbox())
    life.tap("yes", life.at(0, 0.2))
    assert calls_since(life, seen) == ["call.urgent"]
    (alert,) = life.alerts()
    life.run(answering.claim_mistake, life.patient(), alert.checkin_id, at=life.at(0, 0.3))
    assert life.cursor() == "safety_new"
    life.check(0.02, start=False)
    row = life.run(lambda s: s.concerns.of_patient(life.anna.id))
    assert row.value.concern("sign_not_named").retracted_at is not None


def test_yes_again_after_a_mistake_and_a_call_acts_again(life):
    life.opened(0)
    life.check(0, start=False, until="safety_now")
    life.tap("yes", life.at(0))
    (alert,) = life.alerts()
    life.run(answering.claim_mistake, life.patient(), alert.checkin_id, at=life.at(0, 0.01))
    life.reply(alert, "reached", 0, 0.02)
    seen = len(life.database.outbox())
    life.tap("yes", life.at(0, 0.03))
    assert calls_since(life, seen) == ["call.emergency"]
    assert life.state("sign_not_named") == "open"


def test_not_sure_on_the_first_screen_acts_after_a_sign_of_the_second_was_named(life):
    """The first screen is asked again once its "none" is too old, when a sign of the second has a name already."""
    life.opened(0)
    for choice in ("no", "none", "yes"):
        life.tap(choice, life.at(0))
    life.staff(life.alerts()[0], "spoke_to_patient", 0, 3)
    life.tap("", life.at(0, 4), kind="go_on")
    life.tap("+fading", life.at(0, 4), kind="toggle")
    life.tap("", life.at(0, 30), kind="submit")
    assert life.cursor() == "safety_now"
    seen = len(life.database.outbox())
    life.tap("not_sure", life.at(0, 30))
    assert "call.emergency" in [q.row.screen.name for q in life.database.outbox()[seen:]]
    assert (life.state("sign_not_named"), life.alerts()[-1].tier) == ("open", Tier.EMERGENCY)


def test_sign_that_is_still_there_after_its_tick_was_taken_back_acts(life):
    """Somebody spoke about the tick; hours later the same form hears "none", and then that it is still there."""
    life.check(0, safety_now="yes", which_now="swallow")
    life.staff(life.alerts()[0], "spoke_to_patient", 0, 1)
    life.opened(1)
    life.check(1, start=False, until="which_now", safety_now="yes")
    life.tap("+swallow", life.at(1), kind="toggle")
    alert = life.alerts()[-1]
    life.run(answering.claim_mistake, life.patient(), alert.checkin_id, at=life.at(1, 0.1))
    life.run(sweeps.checkin_clocks, 50, at=life.at(1, 1.2))
    life.reply(alert, "reached", 1, 2)
    assert (life.state("swallow"), life.cursor()) == ("reached", "safety_now")
    life.check(1.2, start=False, until="still_swallow")
    seen = len(life.database.outbox())
    life.tap("same", life.at(1.2))
    assert calls_since(life, seen) == ["call.emergency"]
    assert life.state("swallow") == "open"
