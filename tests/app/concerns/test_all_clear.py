"""Ways to a false all-clear, or to an alert that can never end, that an attacker found."""

import pytest

from bot.app.alerts import help_requests
from bot.app.alerts.naming import Found
from bot.app.alerts.raising import raise_alert
from bot.app.alerts.writer import act_on
from bot.app.checkins import answering
from bot.core.alert import Close, Note
from bot.core.protocol import Tier
from bot.core.screen import Action
from bot.dialog import taps
from tests.app.concerns.test_cases import Life, life

__all__ = ["Life", "life"]

CLEAR = {"done.routine", "done.incomplete"}


def change(life, question, choice, at):
    row = life.run(lambda s: s.checkins.of_patient(life.anna.id))[0]
    life.run(answering.change, life.patient(), row, question, (choice,), at=at)


def shown_since(life, seen):
    return [queued.row.screen.name for queued in life.database.outbox()[seen:]]


def is_open(life):
    return any(alert.closed_at is None for alert in life.alerts())


def test_naming_an_urgent_sign_names_no_emergency_of_another_day(life):
    life.check(0, safety_now="yes", which_now="not_sure")
    life.check(1, safety_new="yes", which_new="eyes")
    assert (life.state("sign_not_named"), life.state("eyes")) == ("open", "open")


def test_sign_that_is_named_later_leaves_what_a_human_knows_reached(life):
    life.check(0, safety_now="yes", which_now="not_sure")
    life.staff(life.alerts()[0], "spoke_to_patient", 0, 1)
    life.check(1, safety_new="yes", which_new="eyes")
    assert (life.state("sign_not_named"), life.state("eyes")) == ("reached", "open")


@pytest.mark.parametrize("is_closed", [True, False])
def test_sign_added_to_a_finished_check_in_acts_at_once(life, is_closed):
    life.check(0, numbness="strong")
    if is_closed:
        life.staff(life.alerts()[0], "spoke_to_patient", 0, 1)
    seen = len(life.database.outbox())
    change(life, "safety_new", "yes", life.at(0, 2))
    change(life, "which_new", "eyes", life.at(0, 2))
    assert shown_since(life, seen).count("call.urgent") == 1
    assert life.alerts()[-1].symptoms[-2:] == ("sign_not_named", "eyes")
    assert is_open(life)


def test_what_is_found_after_staff_closed_the_alert_of_the_form_raises_another(life):
    life.opened(0, "full")
    life.check(0, start=False, until="chair", stairs="much")
    life.staff(life.alerts()[0], "spoke_to_patient", 0, 1)
    life.check(0.1, start=False, autonomic="dizzy")
    assert [(a.symptoms, a.closed_at is None) for a in life.alerts()] == [(("stairs",), False), (("dizzy",), True)]


@pytest.mark.parametrize(
    ("item", "level", "known"), [("numbness", "medium", "known_before"), ("stairs", "cannot", "known_stairs")]
)
def test_known_before_that_is_changed_to_no_opens_a_concern(life, item, level, known):
    life.check(0, "baseline", **{item: level, known: "yes_known"})
    change(life, known, "no", life.at(0, 1))
    assert life.state(item) == "open"
    assert life.alerts()[0].symptoms == (item,)
    assert not CLEAR & {life.check(day, "full", **{item: level})[-1] for day in (2, 4)}


def test_alert_of_a_pair_names_both(life):
    life.check(0, "baseline")
    life.check(1, change="yes", autonomic="dizzy")
    life.check(2, numbness="mild")
    life.staff(life.alerts()[-1], "spoke_to_patient", 2, 3)
    assert (life.state("dizzy"), life.state("numbness")) == ("reached", "reached")


@pytest.mark.parametrize("outcome", ["not_reached", "no_action"])
def test_emergency_that_nobody_was_reached_about_is_open_after_an_upgrade(life, outcome):
    def earlier(work):
        alert = raise_alert(work, life.anna, Found(Tier.EMERGENCY, ("now.breathing",)))
        for act in (Note(outcome=outcome, by="lead-1"), Close(by="lead-1")):
            alert = act_on(work.alerts, alert, act, work.at)

    life.run(earlier, at=life.at(0, 1))
    assert life.check(1) == ["done.open"]


@pytest.mark.parametrize("is_closed", [True, False])
def test_help_asked_for_again_after_someone_spoke_raises_again(life, is_closed):
    life.run(help_requests.need_help, life.patient(), None, at=life.at(0))
    if is_closed:
        life.staff(life.alerts()[0], "spoke_to_patient", 0, 0.2)
    else:
        life.reply(life.alerts()[0], "reached", 0, 0.2)
    life.run(help_requests.need_help, life.patient(), None, at=life.at(0, 0.5))
    assert life.state("help") == "open"
    assert [alert.closed_at is None for alert in life.alerts()] == ([False, True] if is_closed else [True])
    assert life.alerts()[-1].next_patient_prompt_at == life.at(0, 1.5), "the patient is asked again after an hour"


@pytest.mark.parametrize("is_done", [True, False])
def test_help_on_an_old_screen_shows_the_call_screen(life, is_done):
    row = life.opened(0)
    life.check(0, start=False) if is_done else life.opened(1)
    life.run(taps.tap, life.anna.chat_id, Action(kind="help_now", subject=row.id), at=life.at(1, 1))
    assert life.state("help") == "open"


def test_something_new_every_day_is_not_gone(life):
    life.check(0, change="yes")
    for day in range(1, 9):
        life.check(day, change="yes", autonomic="dizzy")
    assert life.state("other") == "open"


@pytest.mark.parametrize("by_staff", [True, False])
def test_not_yet_after_yes_can_be_reached_again(life, by_staff):
    life.check(0, safety_new="yes", which_new="eyes")
    (alert,) = life.alerts()
    for word, hours in (("reached", 1), ("not_yet", 1.5)):
        life.reply(alert, word, 0, hours)
    assert life.state("eyes") == "open"
    life.staff(alert, "spoke_to_patient", 0, 3) if by_staff else life.reply(alert, "reached", 0, 3)
    assert life.state("eyes") == "reached"


def test_not_yet_of_another_person_reopens_the_alert_that_staff_closed(life):
    life.check(0, safety_new="yes", which_new="eyes")
    (alert,) = life.alerts()
    life.reply(alert, "reached", 0, 1)
    life.staff(alert, "drug_held", 0, 2)
    life.reply(alert, "not_yet", 0, 3, made=life.at(0, 1), caregiver=life.helper())
    assert (life.state("eyes"), is_open(life)) == ("open", True)


def test_none_that_was_given_before_the_clock_was_set_back_is_asked_again(life):
    life.opened(2)
    for choice in ("no", "none", "none"):
        life.tap(choice, life.at(2))
    life.tap("none", life.at(0.9))
    assert life.cursor() == "safety_now"


def test_unchanged_finding_hides_nothing_that_is_open_and_more(life):
    life.check(0, safety_now="yes", which_now="breathing")
    life.check(1, numbness="mild")
    assert life.check(2, numbness="mild") == ["done.open"]
    assert {"symptom.numbness", "symptom.breathing", "done.open.ask.emergency"} <= set(life.words())
