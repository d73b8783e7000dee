"""Ways to a false all-clear or a lost red flag that a review tried: each test is named by what must hold."""

from pathlib import Path

import pytest

import bot
from bot.app.alerts import escalation, ownership
from bot.app.checkins import answering
from bot.app.concerns import agreeing
from bot.app.operations import sweeps
from bot.core.protocol import Tier
from bot.core.screen import Action
from bot.dialog import checkins, conversation, feel_worse, taps
from bot.dialog.replies import Meaning
from tests.app.alerts.test_joining import escalate, sent_to, team, the_alert
from tests.app.concerns.test_cases import Life, changed, life
from tests.contract import samples

__all__ = ["Life", "life", "team"]
SOON, URGENT = {"numbness": "mild"}, {"numbness": "strong"}
EMERGENCY = {"safety_now": "yes", "which_now": "breathing"}


def names_since(life, seen):
    return [q.row.screen.name for q in life.database.outbox()[seen:]]


def concern(life, symptom):
    return life.run(lambda s: s.concerns.of_patient(life.anna.id)).value.concern(symptom)


def test_unnamed_emergency_that_reopened_stays_open_when_an_urgent_sign_is_named(life):
    life.check(0, safety_now="not_sure", which_now="not_sure")
    life.staff(life.alerts()[-1], "spoke_to_patient", 0, 1)
    assert concern(life, "sign_not_named").state.value == "reached"
    life.check(1, safety_now="yes", which_now="not_sure")
    assert life.state("sign_not_named") == "open"
    life.check(2, safety_new="yes", which_new="eyes")
    assert life.state("sign_not_named") == "open"


def test_false_alarm_from_a_page_leaves_what_opened_since_even_if_the_patient_was_reached(life):
    life.check(0, **URGENT)
    alert = life.alerts()[-1]
    life.check(0.01, **EMERGENCY)
    life.reply(alert, "reached", 0, 0.6)
    assert life.state("breathing") == "reached"
    life.run(ownership.note, alert.id, "false_alarm", at=life.at(0, 0.7), by="lead-1", shown_at=life.at(0, 0.1))
    assert life.state("breathing") == "reached", "the page did not show it"


def test_yes_and_named_after_an_agreement_ended_opens_the_sign_for_a_call(life):
    life.check(0, safety_new="yes", which_new="eyes")
    life.staff(life.alerts()[-1], "spoke_to_patient", 0, 1)
    life.run(agreeing.agree_level, "P-0001", "eyes", "there", 28, at=life.at(0, 2), by="lead-1")
    assert life.state("eyes") == "settled"
    life.run(sweeps.levels_ended, 50, at=life.at(28, 3))
    assert life.state("eyes") == "open"
    life.check(29, safety_new="yes", which_new="eyes")
    found = concern(life, "eyes")
    assert (found.state.value, found.is_for_team, found.tier) == ("open", False, Tier.URGENT)


def test_i_feel_worse_starts_at_the_first_screen_after_none_on_it(life):
    life.run(feel_worse.feel_worse, life.patient(), at=life.at(0.5))
    life.tap("none", life.at(0.5, 0.01))
    assert life.cursor() == "safety_new"
    life.run(feel_worse.feel_worse, life.patient(), at=life.at(0.5, 0.1))
    assert life.cursor() == "safety_now"


def test_i_feel_worse_while_an_emergency_is_open_is_below_the_call_screen(life):
    life.check(0, **EMERGENCY)
    seen = len(life.database.outbox())
    life.run(feel_worse.feel_worse, life.patient(), at=life.at(0.5))
    assert "call.emergency" in names_since(life, seen)


def test_not_yet_on_a_prompt_outlives_the_other_persons_not_yet_on_an_older_one(life):
    helper = life.helper()
    life.check(0, safety_new="yes", which_new="face")
    (alert,) = life.alerts()
    first = life.prompt(alert, 0, 1)
    second = life.prompt(alert, 0, 2)
    life.press(second, "not_yet", 0, 2.1, caregiver=helper)
    life.press(first, "not_yet", 0, 2.15)
    life.press(second, "reached", 0, 2.2)
    assert life.state("face") == "open", "the helper said not yet on this very message"


def test_taking_back_down_to_an_urgent_level_of_an_earlier_episode_is_not_reached(life):
    life.check(0, numbness="strong")
    life.staff(life.alerts()[-1], "spoke_to_patient", 0, 1)
    for day in (1, 2, 4, 5):
        life.check(day)
    assert life.state("numbness") == "settled"
    life.check(10, numbness="very_strong")
    assert life.state("numbness") == "open"
    changed(life, "numbness", "strong", day=10.01)
    assert life.state("numbness") == "open", "answered at once, strong is OPEN: nobody spoke about its return"


def test_two_ambers_meet_after_an_alert_with_an_urgent_was_closed(life):
    life.check(0, safety_new="yes", which_new="vision")
    life.staff(life.alerts()[-1], "spoke_to_patient", 0, 1)
    assert life.alerts()[-1].closed_at is not None
    life.check(20, change="yes", autonomic="dizzy", still_vision="same")
    shown = life.check(22, numbness="mild", still_vision="same", change="yes", autonomic="dizzy")
    assert {life.state("dizzy"), life.state("numbness")} == {"open"}
    assert "call.urgent" in shown


def test_emergency_that_joins_an_alert_nobody_was_notified_of_reaches_who_joined_since(life):
    life.check(0, **EMERGENCY)
    escalate(life, 0)  # nobody is in the team: escalation stops
    row = samples.staff("ann", state="active", chat_id=100)
    life.run(lambda s: s.staff.add(row))

    life.run(escalation.resume_open, at=life.at(5))
    escalate(life, 5)
    seen = len(life.database.outbox())
    life.check(6, safety_now="yes", which_now="heart")
    escalate(life, 6, 0.01)
    assert sent_to(life, 100, seen) != []


def test_yes_is_not_about_what_only_the_team_was_asked(life):
    life.check(0, numbness="medium")
    life.staff(life.alerts()[-1], "spoke_to_patient", 0, 1)
    life.run(agreeing.agree_level, "P-0001", "numbness", "medium", 28, at=life.at(0, 2), by="lead-1")
    life.check(27, safety_new="yes", which_new="vision", numbness="medium")
    life.run(sweeps.levels_ended, 50, at=life.at(28, 3))
    assert life.state("numbness") == "open"
    alert = life.alerts()[-1]
    assert "numbness" in alert.symptoms
    life.reply(alert, "reached", 28, 4)
    assert (life.state("vision"), life.state("numbness")) == ("reached", "open")


def test_remind_me_on_an_old_soon_message_does_not_put_off_an_emergency(life):
    life.check(0, **SOON)
    (_alert,) = life.alerts()
    soon = [q.row.screen for q in life.database.outbox() if q.row.screen.name == "call.soon"][-1]
    life.check(0.01, **EMERGENCY)
    planned = the_alert(life).next_patient_prompt_at
    life.press(soon, "remind", 0, 0.3)
    assert the_alert(life).next_patient_prompt_at <= planned


@pytest.mark.parametrize("after", [0.8, 1.5], ids=["last prompt pending", "unconfirmed"])
def test_second_emergency_after_the_last_prompt_has_prompts_of_its_own(life, after):
    life.check(0, **EMERGENCY)
    (_alert,) = life.alerts()
    for hours in (0.25, 0.5, 0.75):
        life.run_prompts(life.at(0, hours))
    assert the_alert(life).safety_follow_ups == 3
    if after > 1:
        life.run_prompts(life.at(0, 1.0))
    life.check(after / 24, safety_now="yes", which_now="heart")
    seen = len(life.database.outbox())
    for more in (0.25, 0.5, 0.75, 1):
        life.run_prompts(life.at(0, after + more + 0.01))
    assert names_since(life, seen).count("loopback.ask") >= 1


@pytest.mark.parametrize("late", [0.5, 30])
def test_yes_on_the_change_screen_of_a_safety_question_acts(life, late):
    life.check(0)
    row = life.run(lambda s: s.checkins.of_patient(life.anna.id))[0]
    tap = Action(kind="change", subject=row.id, question="safety_now", choice="yes")
    seen = len(life.database.outbox())
    life.run(lambda w: taps.tap(w, 7, tap), at=life.at(0, late))
    assert "call.emergency" in names_since(life, seen)
    assert life.state("sign_not_named") == "open"


def english(key):

    text = (Path(bot.__file__).parent / "content/locales/en/chat.po").read_text().split(f'msgid "{key}"')[1]
    return text.split("msgid")[0]


def test_the_end_of_an_emergency_form_names_the_emergency_number(life):
    life.check(0, **EMERGENCY)
    ends = [q.row.screen for q in life.database.outbox() if q.row.screen.name.startswith("done.")]
    assert any("{emergency}" in english(line.key) for line in ends[-1].lines), [english(x.key) for x in ends[-1].lines]


@pytest.mark.parametrize("owner", ["lead-1", "desk"])
def test_urgent_that_joins_the_alert_of_an_owner_without_a_chat_reaches_somebody(life, team, owner):
    if owner == "desk":
        life.run(lambda s: s.staff.add(samples.staff("desk", state="active", chat_id=None)))
    life.check(0, **URGENT)
    escalate(life, 0)
    life.run(ownership.note, the_alert(life).id, "spoke_to_patient", at=life.at(0, 1), by=owner)
    seen = len(life.database.outbox())
    life.check(1, safety_new="yes", which_new="eyes")
    assert life.state("eyes") == "open"
    for hours in (0.1, 1.1, 4.1, 24):
        escalate(life, 1, hours)
    assert any(sent_to(life, chat, seen) for chat in team.values())


def test_not_sure_on_the_list_is_not_gone(life):
    life.check(0, change="yes", autonomic="dizzy")
    life.staff(life.alerts()[-1], "spoke_to_patient", 0, 1)
    assert life.state("dizzy") == "reached"
    for day in (2, 4, 6):
        life.check(day, "full", autonomic="not_sure")
    assert life.state("dizzy") != "settled"


def test_new_emergency_after_called_on_an_unconfirmed_alert_has_prompts(life):
    life.check(0, **EMERGENCY)
    (_alert,) = life.alerts()
    for hours in (0.25, 0.5, 0.75, 1.0):
        life.run_prompts(life.at(0, hours))
    life.reply(the_alert(life), "called", 0, 1.1)
    life.check(1.2 / 24, safety_now="yes", which_now="heart")
    seen = len(life.database.outbox())
    for more in (0.25, 0.5, 0.75, 1):
        life.run_prompts(life.at(0, 1.2 + more + 0.01))
    assert names_since(life, seen).count("loopback.ask") >= 1


def test_contact_noted_on_an_older_page_is_not_about_what_opened_since(life):
    """The patient said yes for it; the helper's "not yet" on that message must still open it."""
    helper = life.helper()
    life.check(0, **URGENT)
    alert = life.alerts()[-1]
    life.check(0.01, **EMERGENCY)
    asked = life.at(0, 0.5)
    life.reply(alert, "reached", 0, 0.6, made=asked)
    life.run(ownership.note, alert.id, "spoke_to_patient", at=life.at(0, 0.7), by="lead-1", shown_at=life.at(0, 0.1))
    assert not concern(life, "breathing").by_staff
    life.reply(alert, "not_yet", 0, 0.8, made=asked, caregiver=helper)
    assert life.state("breathing") == "open"


def test_answers_of_an_older_form_are_not_given_again_today(life):
    """Five forms in a day, as of somebody afraid; then the first one's "anything new" is changed."""
    life.check(0, numbness="strong")
    life.staff(life.alerts()[-1], "spoke_to_patient", 0, 1)
    life.check(0.1)
    row = life.run(lambda s: s.checkins.of_patient(life.anna.id))[0]
    for n in range(5):
        life.check(0.2 + n / 50, "again", numbness="strong")
    assert concern(life, "numbness").usual is None
    row = life.run(lambda s: s.checkins.get(row.id))
    life.run(answering.change, life.patient(), row, "change", ("yes",), at=life.at(1))
    assert concern(life, "numbness").usual is None, "not answered today"


def test_words_that_name_a_sign_open_a_form_below_the_call_screen(life):

    life.check(0, **URGENT)
    seen = len(life.database.outbox())
    life.run(lambda w: conversation.message(w, 7, Meaning(kind="red_flag")), at=life.at(0.5))
    assert {"call.urgent", "ask.safety_now"} <= set(names_since(life, seen)), names_since(life, seen)
    life.check(1, **EMERGENCY)
    seen = len(life.database.outbox())
    life.run(lambda w: conversation.message(w, 7, Meaning(kind="red_flag")), at=life.at(1, 0.2))
    assert {"call.emergency", "ask.safety_now"} <= set(names_since(life, seen)), names_since(life, seen)


def test_after_an_agreement_ended_yes_and_named_has_prompts_and_call_words(life):
    life.check(0, safety_new="yes", which_new="eyes")
    life.staff(life.alerts()[-1], "spoke_to_patient", 0, 1)
    life.run(agreeing.agree_level, "P-0001", "eyes", "there", 28, at=life.at(0, 2), by="lead-1")
    life.run(sweeps.levels_ended, 50, at=life.at(28, 3))
    life.check(29, safety_new="yes", which_new="eyes")
    seen = len(life.database.outbox())
    for hours in (1, 2, 3, 4):
        life.run_prompts(life.at(29, hours + 0.01))
    life.check(30)
    assert "loopback.ask" in names_since(life, seen)


def test_screen_left_open_is_never_called_new_or_stronger_in_an_older_alert(life):
    life.check(0, **SOON)
    alert = life.alerts()[-1]
    life.run(ownership.note, alert.id, "spoke_to_patient", at=life.at(0, 1), by="lead-1")
    life.opened(1)
    for _ in range(8):
        cursor = life.cursor()
        if cursor is None:
            break
        if cursor == "safety_new":
            life.tap("", life.at(1), kind="skip")
        else:
            life.tap({"change": "no", "numbness": "mild", "interference": "not_at_all"}.get(cursor, "none"), life.at(1))
    assert life.state("unanswered") == "open"
    soon = [q.row.screen for q in life.database.outbox() if q.row.screen.name == "call.soon"][-1]
    keys = [line.key for line in soon.lines]
    assert "call.soon.left_open" in keys
    assert "call.soon.why" not in keys


@pytest.mark.parametrize("who", ["owner", "no chat"])
def test_not_yet_notifies_the_team(life, team, who):
    life.check(0, **EMERGENCY)
    escalate(life, 0)
    alert = the_alert(life)
    life.run(ownership.acknowledge, alert.id, at=life.at(0, 0.1), by="ann" if who == "owner" else "lead-1")
    seen = len(life.database.outbox())
    life.press(life.prompt(alert, 0, 0.25), "cannot_reach", 0, 0.3)
    life.run_prompts(life.at(0, 0.5))
    life.run_prompts(life.at(0, 0.75))
    life.run_prompts(life.at(0, 1.0))
    life.run_prompts(life.at(0, 1.3))
    escalate(life, 0, 2)
    assert any(sent_to(life, chat, seen) for chat in team.values())


def test_emergency_alert_has_no_urgent_so_two_ambers_meet(life):
    life.check(0, **EMERGENCY)
    life.run(ownership.note, the_alert(life).id, "spoke_to_patient", at=life.at(0, 1), by="lead-1")
    life.check(20, change="yes", autonomic="dizzy", still_breathing="gone")
    shown = life.check(21, numbness="mild", still_dizzy="same", still_breathing="gone")
    assert "call.urgent" in shown


# -- fifth pass: who gave which answer of one form


def helped(life, *, last):
    """The helper sees double vision in the patient and names it; `last` answers the rest of the form."""
    helper = life.helper()
    life.opened(0)
    life.tap("no", life.at(0))
    life.tap("none", life.at(0))
    life.tap("yes", life.at(0), caregiver=helper)
    life.tap("", life.at(0), kind="go_on", caregiver=helper)
    life.tap("+eyes", life.at(0), kind="toggle", caregiver=helper)
    life.tap("", life.at(0), kind="submit", caregiver=helper)
    by = helper if last == "helper" else None
    life.tap("+none", life.at(0), kind="toggle", caregiver=by)
    life.tap("none", life.at(0), caregiver=by)
    assert life.cursor() is None
    return helper


@pytest.mark.parametrize("last", ["helper", "patient"])
def test_patient_cannot_take_back_the_sign_that_the_helper_named(life, last):
    helped(life, last=last)
    assert life.state("eyes") == "open"
    changed(life, "safety_new", "none", day=0.05)
    assert concern(life, "eyes").retracted_at is None, "only the helper can take it back"


def test_sign_that_the_helper_named_is_no_all_clear_after_the_patients_no(life):
    helped(life, last="patient")
    changed(life, "safety_new", "none", day=0.05)
    shown = life.check(1.1, still_eyes="gone")
    assert (life.state("eyes"), set(shown)) == ("open", {"done.open"})


def test_helpers_word_that_it_was_there_before_is_confirmed_by_staff_if_the_patient_ends_the_form(life):
    helper = life.helper()
    life.opened(0, "baseline")
    life.check(0, "baseline", start=False, until="numbness")
    for choice in ("mild", "yes_known"):
        while life.cursor() == "interference":
            life.tap("not_at_all", life.at(0), caregiver=helper)
        life.tap(choice, life.at(0), caregiver=helper)
    life.check(0, "baseline", start=False)
    memory = life.run(lambda s: s.concerns.of_patient(life.anna.id)).value
    assert memory.usual("numbness").reference.step == 1
    assert memory.usual("numbness").confirm_until is not None


def test_own_soon_answer_can_be_taken_back_if_the_helper_ended_the_form(life):
    helper = life.helper()
    life.opened(0)
    for choice in ("no", "none", "none", "mild"):
        life.tap(choice, life.at(0))
    life.tap("not_at_all", life.at(0), caregiver=helper)
    assert life.state("numbness") == "open"
    changed(life, "numbness", "none", day=0.05)
    assert concern(life, "numbness").retracted_at is not None


def test_helper_and_patient_in_one_form_after_an_hour(life):
    """The clock hears the half-answered form: whose answer is it?"""
    helper = life.helper()
    life.opened(0, "full")
    life.check(0, "full", start=False, until="pain", numbness="mild", caregiver=helper)
    life.run(sweeps.checkin_clocks, 50, at=life.at(0, 1.1))
    assert life.state("numbness") == "open"
    assert set(concern(life, "numbness").givers) == {life.patient().model_copy(update={"caregiver": helper}).giver}


# -- sixth pass: the next helper; when an answer was given


def test_never_an_all_clear_after_helpers_strong_numbness_that_only_the_patient_denied(life):
    helper = life.helper()
    life.opened(0)
    for choice in ("no", "none", "none"):
        life.tap(choice, life.at(0))
    life.tap("mild", life.at(0), caregiver=helper)
    life.tap("not_at_all", life.at(0))
    assert life.state("numbness") == "open"
    changed(life, "numbness", "none", day=0.05)
    shown = life.check(1.1)
    assert set(shown) == {"done.open"}


def test_old_change_screen_none_does_not_take_back_a_later_yes(life):
    """The change screen of screen 2 stays in the chat; Yes in today's form; None on yesterday's change screen."""
    life.check(0, safety_new="yes", which_new="eyes")
    row = life.run(lambda s: s.checkins.of_patient(life.anna.id))[0]
    life.staff(life.alerts()[-1], "spoke_to_patient", 0, 1)
    life.check(0.5, safety_new="yes", which_new="eyes", still_eyes="worse")
    assert life.state("eyes") == "open"
    tap = Action(kind="change", subject=row.id, question="safety_new", choice="none")
    life.run(lambda w: taps.tap(w, 7, tap), at=life.at(0.6))
    assert (life.state("eyes"), concern(life, "eyes").retracted_at) == ("open", None)


def test_took_back_the_first_after_confirming_it_daily(life):
    """Found on Monday; "the same" on Tuesday and Wednesday; on Wednesday the Monday's answer "was a mistake"."""
    life.check(0, safety_new="yes", which_new="eyes")
    life.check(1, still_eyes="same")
    life.check(2, still_eyes="same")
    alert = the_alert(life)
    asked = life.press(life.prompt(alert, 2, 5), "was_mistake", 2, 5.1)
    actions = {b.action.choice: b.action for row in asked.rows for b in row if b.action is not None}
    life.run(lambda w: taps.tap(w, 7, actions.get("none") or actions["gone"]), at=life.at(2, 5.2))
    assert concern(life, "eyes").retracted_at is None, "the answers of Tuesday and Wednesday were not taken back"


def test_taking_back_the_morning_leaves_what_was_said_in_the_evening(life):
    """Yes in the morning by mistake; Yes in the evening in earnest; then the morning's answer is corrected."""
    life.check(0, safety_new="yes", which_new="eyes")
    life.check(0.4, safety_new="yes", which_new="eyes", still_eyes="same")
    morning = life.run(lambda s: s.checkins.of_patient(life.anna.id))[1]
    life.run(answering.change, life.patient(), morning, "safety_new", ("none",), at=life.at(0.41))
    assert (life.check(1.4, still_eyes="gone"), life.state("eyes")) == (["done.open"], "open")


@pytest.mark.parametrize("corrected", [False, True], ids=["control", "corrected"])
def test_taking_back_the_morning_leaves_the_evenings_emergency(life, corrected):
    life.check(0, **EMERGENCY)
    life.check(0.4, **EMERGENCY)
    morning = life.run(lambda s: s.checkins.of_patient(life.anna.id))[1]
    if corrected:
        life.run(answering.change, life.patient(), morning, "safety_now", ("none",), at=life.at(0.41))
    seen = len(life.database.outbox())
    life.run_prompts(life.at(0.4, 0.3))
    assert "loopback.ask" in names_since(life, seen)


def test_taking_back_the_morning_leaves_the_evenings_numbness(life):
    life.check(0, numbness="strong")
    life.check(0.4, numbness="strong")
    morning = life.run(lambda s: s.checkins.of_patient(life.anna.id))[1]
    life.run(answering.change, life.patient(), morning, "numbness", ("none",), at=life.at(0.41))
    assert (life.check(1.4), life.state("numbness")) == (["done.open"], "open")


def test_taking_back_a_milder_answer_of_the_morning_does_not_reach_the_evenings(life):
    """Below EMERGENCY, back to the reached level: the evening's higher answer is still there."""
    life.check(0, numbness="medium")
    life.staff(life.alerts()[-1], "spoke_to_patient", 0, 1)
    life.check(0.2, numbness="very_strong")
    life.check(0.4, numbness="very_strong")
    morning = life.run(lambda s: s.checkins.of_patient(life.anna.id))[1]
    life.run(answering.change, life.patient(), morning, "numbness", ("medium",), at=life.at(0.41))
    assert life.state("numbness") == "open"


def test_false_alarm_from_an_old_page_is_no_all_clear(life):
    life.check(0, **URGENT)
    alert = life.alerts()[-1]
    life.check(0.01, **EMERGENCY)
    life.reply(alert, "reached", 0, 0.6)
    life.run(ownership.note, alert.id, "false_alarm", at=life.at(0, 0.7), by="lead-1", shown_at=life.at(0, 0.1))
    assert life.check(1) != ["done.routine"]


def test_unnamed_emergency_is_asked_about_at_its_tier_after_an_urgent_sign_was_named(life):
    life.check(0, safety_now="not_sure", which_now="not_sure")
    life.staff(life.alerts()[-1], "spoke_to_patient", 0, 1)
    life.check(1, safety_now="yes", which_now="not_sure")
    life.check(1.005, safety_new="yes", which_new="eyes")
    life.run_prompts(life.at(1, 0.4))
    screens = [q.row.screen for q in life.database.outbox() if q.row.screen.name == "loopback.ask"]
    assert screens[-1].lines[-1].key == "loopback.number.emergency"


def test_helper_names_the_sign_and_the_patient_says_it_was_a_mistake_on_the_prompt(life):
    """The way of the buttons: the follow-up's "It was a mistake", which is for the helper to say."""
    helped(life, last="patient")
    (alert,) = life.alerts()
    assert life.press(life.prompt(alert, 0, 1), "was_mistake", 0, 1.1).name == "call.mistake.other"
    assert not any(q.row.screen.name.startswith("change.") for q in life.database.outbox()), "nothing is asked again"
    seen = len(life.database.outbox())
    for hours in (2.1, 3.2, 4.3):
        life.run_prompts(life.at(0, hours))
    assert "loopback.ask" in names_since(life, seen), "the helper took nothing back"


def test_emergency_by_the_helper_denied_by_the_patient_is_asked_about(life):
    """Confusion: the helper says so and names it, the patient finds it a mistake."""
    helper = life.helper()
    life.opened(0)
    life.tap("no", life.at(0))
    life.tap("yes", life.at(0), caregiver=helper)
    life.tap("+mind", life.at(0), kind="toggle", caregiver=helper)
    life.tap("", life.at(0), kind="submit")
    assert life.state("mind") == "open"
    changed(life, "safety_now", "none", day=0.005)
    seen = len(life.database.outbox())
    life.run_prompts(life.at(0, 0.3))
    assert "loopback.ask" in names_since(life, seen)


def test_yes_again_after_it_was_a_mistake_acts(life):
    life.check(0, safety_now="yes", which_now="heart")
    alert = the_alert(life)
    asked = life.press(life.prompt(alert, 0, 0.3), "was_mistake", 0, 0.4)
    life.reply(alert, "reached", 0, 0.45)
    yes = next(b.action for row in asked.rows for b in row if b.action is not None and b.action.choice == "yes")
    seen = len(life.database.outbox())
    life.run(lambda w: taps.tap(w, 7, yes), at=life.at(0, 0.5))
    assert "call.emergency" in names_since(life, seen)
    assert life.state("sign_not_named") == "open"


def test_worse_after_somebody_spoke_about_the_answer_before_it_acts_in_the_same_form(life):
    life.check(0, safety_new="yes", which_new="vision")
    life.staff(life.alerts()[0], "spoke_to_patient", 0, 1)
    life.opened(1)
    life.check(1, start=False, until="still_vision")
    life.tap("unsure", life.at(1))
    life.staff(life.alerts()[-1], "spoke_to_patient", 1, 1)
    for kind, choice in (("go_on", ""), ("back", ""), ("choose", "same"), ("back", "")):
        life.tap(choice, life.at(1, 2), kind=kind)
    seen = len(life.database.outbox())
    life.tap("worse", life.at(1, 2.1))
    assert life.state("vision") == "open"
    assert "call.urgent" in names_since(life, seen)


@pytest.mark.parametrize("numbness", ["none", "mild", "strong"])
def test_alert_names_the_sign_of_a_yes_that_was_answered_before_it_was_named(life, numbness):
    """Someone spoke with the patient between the yes and the name; whatever else is new, staff read the name."""
    life.check(0, until="which_new", safety_new="yes")
    life.reply(life.alerts()[-1], "reached", 0, 0.1)
    life.check(0.01, start=False, which_new="eyes", numbness=numbness)
    assert life.state("eyes") == "reached"
    assert "eyes" in life.alerts()[-1].symptoms


def test_level_above_the_one_that_staff_agreed_is_known_to_nobody(life):
    """Strong, about which nobody spoke; mild the next day, which staff agree; then medium."""
    life.check(0, numbness="strong")
    life.check(1, numbness="mild")
    life.run(agreeing.agree_level, "P-0001", "numbness", "mild", 28, at=life.at(1, 2), by="lead-1")
    assert life.state("numbness") == "settled"
    assert "done.known" not in life.check(2, numbness="medium")
    assert life.state("numbness") == "open"


def test_false_alarm_about_a_level_that_ended_lets_its_return_raise(life):
    life.check(0, numbness="strong")
    life.staff(life.alerts()[-1], "spoke_to_patient", 0, 1)
    life.run(agreeing.agree_level, "P-0001", "numbness", "strong", 14, at=life.at(0, 2), by="lead-1")
    life.check(1, numbness="strong")
    life.run(sweeps.levels_ended, 50, at=life.at(15))
    assert life.state("numbness") == "open", "staff have to decide"
    life.staff(life.alerts()[-1], "false_alarm", 15, 1)
    assert life.state("numbness") == "settled"
    assert "call.urgent" in life.check(16, numbness="strong")
    assert life.state("numbness") == "open"


def test_yes_that_is_changed_to_not_sure_acts_after_somebody_spoke(life):
    life.check(0, safety_now="yes", which_now="not_sure")
    life.staff(life.alerts()[-1], "spoke_to_patient", 0, 1)
    assert life.state("sign_not_named") == "reached"
    seen = len(life.database.outbox())
    changed(life, "safety_now", "not_sure", day=0.1)
    assert "call.emergency" in names_since(life, seen)
    assert life.state("sign_not_named") == "open"


def test_none_by_one_and_yes_by_the_other_on_the_same_screen_is_asked_and_ends_as_a_yes(life):
    helper = life.helper()
    life.opened(0)
    life.tap("no", life.at(0))
    row = life.run(lambda s: s.checkins.open_of(life.anna.id))
    same = {"subject": row.id, "revision": row.value.revision, "question": "safety_now"}
    life.run(checkins.tapped, life.patient(), Action(kind="choose", choice="none", **same), at=life.at(0))
    acting = life.patient().model_copy(update={"caregiver": helper})
    life.run(checkins.tapped, acting, Action(kind="choose", choice="yes", **same), at=life.at(0, 0.01))
    assert [alert.tier.name for alert in life.alerts()] == ["EMERGENCY"]
    assert life.cursor() == "which_now"
    life.check(0.01, start=False, which_now="breathing")
    assert {"done.after_call"} == {name for name in names_since(life, 0) if name.startswith("done.")}
    assert life.state("breathing") == "open"


@pytest.mark.parametrize(
    ("found", "skipped", "words"),
    [
        (EMERGENCY, "still_breathing", "done.open.call.emergency"),
        (URGENT, "numbness", "done.open.call.urgent"),
    ],
)
def test_skip_about_what_is_open_is_no_sign_that_it_went_away(life, found, skipped, words):
    life.check(0, **found)
    life.opened(1, "again")
    life.check(1, start=False, until=skipped)
    assert life.cursor() == skipped
    life.tap("", life.at(1), kind="skip")
    life.check(1, start=False)
    said = life.words()
    assert words in said
    assert not {"done.open.ask", "done.open.ask.emergency", "done.open.gone"} & set(said)


def test_agreed_sign_that_is_named_in_a_second_step_opens_and_meets_the_other(life):
    """Eyes at an agreed level; yes, a weak face; then "Change an answer" adds the eyes: myasthenia, whatever the order."""
    life.check(0, safety_new="yes", which_new="eyes")
    life.staff(life.alerts()[-1], "spoke_to_patient", 0, 1)
    life.run(agreeing.agree_level, "P-0001", "eyes", "there", 28, at=life.at(0, 2), by="lead-1")
    life.check(1, safety_new="yes", which_new="face")
    seen = len(life.database.outbox())
    changed(life, "which_new", "eyes", "face", day=1.05)
    assert life.state("eyes") == "open"
    assert "call.emergency" in names_since(life, seen)


def test_unnamed_urgent_yes_stays_open_when_an_emergency_sign_is_named_another_day(life):
    life.check(0, safety_new="yes", which_new="not_sure")
    life.check(1, safety_now="yes", which_now="breathing")
    assert (life.state("breathing"), life.state("sign_not_named")) == ("open", "open")
    unnamed = concern(life, "sign_not_named")
    assert (unnamed.own_tier, unnamed.highest.tier) == (Tier.URGENT, Tier.URGENT)
    life.staff(life.alerts()[-1], "spoke_to_patient", 1, 1)
    assert (life.state("breathing"), life.state("sign_not_named")) == ("reached", "reached")


@pytest.mark.parametrize("first", [{"safety_now": "yes", "which_now": "not_sure"}, {}])
def test_emergency_sign_named_after_its_own_screen_ends_what_was_not_named(life, first):
    if first:
        life.check(0, **first)
    life.check(1, safety_now="yes", which_now="breathing")
    assert (life.state("breathing"), life.state("sign_not_named")) == ("open", "settled")


def test_unnamed_urgent_yes_that_somebody_spoke_about_ends_when_an_emergency_sign_is_named(life):
    life.check(0, safety_new="yes", which_new="not_sure")
    life.staff(life.alerts()[-1], "spoke_to_patient", 0, 1)
    life.check(1, safety_now="yes", which_now="breathing")
    assert (life.state("breathing"), life.state("sign_not_named")) == ("open", "settled")
