""" "It was a mistake" below the question about a call: asked again in the same message, and never an all-clear."""

import pytest

from bot.app.alerts import help_requests, mistakes
from bot.app.operations import sweeps
from bot.app.records.alerts import AlertState
from bot.core.screen import Action
from bot.dialog import taps
from tests.app.alerts.test_replies import FOUND, prompts
from tests.app.concerns.test_cases import BEN, Life, life
from tests.contract import samples

__all__ = ["Life", "life"]

ASKED = {"emergency": "safety_now", "urgent": "safety_new", "soon": "numbness"}


def newest(life, chat=7):
    return [q.row for q in life.database.outbox() if q.row.chat_id == chat][-1]


def press(life, choice, day, hours, chat=7):
    """Tap a choice of the newest message; return the message that follows."""
    buttons = [b for row in newest(life, chat).screen.rows for b in row if b.action is not None]
    (action,) = [b.action for b in buttons if b.action.choice == choice]
    life.run(taps.tap, chat, action, at=life.at(day, hours))
    return newest(life, chat)


def mistaken(life, tier):
    answers, hours = FOUND[tier]
    life.check(0, **answers)
    alert = life.alerts()[-1]
    life.prompt(alert, 0, hours)
    return alert, hours, press(life, "was_mistake", 0, hours + 0.01)


@pytest.mark.parametrize("tier", FOUND)
def test_mistake_asks_the_question_again_in_the_same_message(life, tier):
    alert, _, row = mistaken(life, tier)
    assert row.slot == f"loopback:{alert.id}:1"
    assert len(prompts(life)) == 1, "in its place"
    assert row.screen.name == f"change.{ASKED[tier]}"
    assert row.screen.lines[0].values["emergency"] == "112", "it takes the place of a message with the numbers"
    assert [b.action.kind for b in row.screen.rows[-1]] == ["help_now"]
    assert life.alerts()[-1].mistake_at is not None


@pytest.mark.parametrize("tier", FOUND)
def test_mistake_that_is_answered_with_none_is_taken_back_and_asked_no_more(life, tier):
    alert, hours, _ = mistaken(life, tier)
    row = press(life, "none", 0, hours + 0.02)
    while row.screen.name.startswith("change."):
        row = press(life, "none", 0, hours + 0.03)  # what an EMERGENCY left unasked
    assert row.slot == f"loopback:{alert.id}:1"
    assert [line.key for line in row.screen.lines] == ["done.open.mistake", "numbers.both"]
    assert [b.copy_value for made in row.screen.rows for b in made] == ["112", "+49 30 901820"]
    assert life.alerts()[-1].closed_at is None, "the team's alert goes on"
    assert life.check((hours + 5) / 24) == ["done.open"], "no all-clear"
    assert "done.open.mistake" in life.words()
    life.run_prompts(life.at(0, 2 * hours + 6))
    assert len(prompts(life)) == 1


@pytest.mark.parametrize(("tier", "choice"), [("emergency", "yes"), ("urgent", "not_sure"), ("soon", "mild")])
def test_mistake_that_is_answered_as_before_stays_open_and_is_asked_again(life, tier, choice):
    _, hours, _ = mistaken(life, tier)
    row = press(life, choice, 0, hours + 0.02)
    for named in ("which_now", "which_new"):
        if row.screen.name == f"change.{named}":
            press(life, "-" + {"which_now": "breathing", "which_new": "eyes"}[named], 0, hours + 0.03)
            press(life, "+" + {"which_now": "breathing", "which_new": "eyes"}[named], 0, hours + 0.03)
            row = press(life, "done", 0, hours + 0.04)
    if choice == "yes":
        shown = [q.row.screen.name for q in life.database.outbox()[-3:]]
        assert "call.emergency" in shown, "the same yes again acts"
    else:
        assert row.screen.name == "call.reply.rest"
        assert row.screen.lines[-1].key == f"call.reply.not_yet.{tier}"
    life.run_prompts(life.at(0, 2 * hours + 1))
    assert len(prompts(life)) == 2


def test_k33_mistake_of_another_person_is_only_logged(life):
    helper = life.helper()
    life.check(0, caregiver=helper, safety_new="yes", which_new="eyes")
    alert = life.alerts()[-1]
    life.prompt(alert, 0, 1)
    row = press(life, "was_mistake", 0, 1.1)
    assert (row.screen.name, life.state("eyes")) == ("call.mistake.other", "open")
    assert life.alerts()[-1].mistake_at is None
    life.prompt(alert, 0, 2)
    assert press(life, "was_mistake", 0, 2.1, chat=BEN).screen.name == "change.safety_new"
    asked = len(prompts(life))
    press(life, "none", 0, 2.2, chat=BEN)
    life.run_prompts(life.at(0, 9))
    assert len(prompts(life)) == asked, "the daughter took it back"
    assert life.alerts()[-1].closed_at is None
    assert set(life.check(9.5 / 24)) == {"done.open"}, "no all-clear"


def everything(life):
    """What is stored about the patient's answers, concerns and alerts."""
    stores = life.database.run
    return (
        stores(lambda s: s.concerns.of_patient(life.anna.id).value),
        life.alerts(),
        stores(lambda s: s.checkins.of_patient(life.anna.id, limit=10)),
        stores(lambda s: [s.answers.of_checkin(row.id) for row in s.checkins.of_patient(life.anna.id, limit=10)]),
    )


@pytest.mark.parametrize("tier", FOUND)
@pytest.mark.parametrize("given_by", ["patient", "helper"])
@pytest.mark.parametrize("word", ["mistake", "was_mistake"])
def test_p11_another_persons_mistake_changes_nothing_and_has_the_numbers(life, tier, given_by, word):
    helper = life.helper()
    answers, _ = FOUND[tier]
    life.check(0, caregiver=helper if given_by == "helper" else None, **answers)
    (alert,) = life.alerts()
    before = everything(life)
    chat = 7 if given_by == "helper" else BEN
    life.run(taps.tap, chat, Action(kind="alert", subject=alert.id, choice=word), at=life.at(0, 0.01))
    row = newest(life, chat)
    assert row.screen.name == "call.mistake.other"
    call = next(line for line in row.screen.lines if line.key.startswith("call.reply.not_yet"))
    assert call.key == f"call.reply.not_yet.{tier}"
    assert [b.copy_value for made in row.screen.rows for b in made] == ["112", "+49 30 901820"]
    assert everything(life) == before


@pytest.mark.parametrize("tier", FOUND)
@pytest.mark.parametrize("word", ["mistake", "was_mistake"])
def test_p11_helper_who_tapped_can_call_it_a_mistake(life, tier, word):
    answers, _ = FOUND[tier]
    life.check(0, caregiver=life.helper(), **answers)
    (alert,) = life.alerts()
    life.run(taps.tap, BEN, Action(kind="alert", subject=alert.id, choice=word), at=life.at(0, 0.01))
    assert newest(life, BEN).screen.name == f"change.{ASKED[tier]}"
    assert life.alerts()[0].mistake_at is not None


def test_p11_mistake_in_the_middle_of_a_form_by_the_other_person_asks_nothing_again(life):
    helper = life.helper()
    life.opened(0)
    life.tap("no", life.at(0))
    life.tap("yes", life.at(0), caregiver=helper)
    before = everything(life)
    (alert,) = life.alerts()
    life.run(taps.tap, 7, Action(kind="alert", subject=alert.id, choice="mistake"), at=life.at(0, 0.01))
    assert newest(life).screen.name == "call.mistake.other"
    assert everything(life) == before
    life.run(taps.tap, BEN, Action(kind="alert", subject=alert.id, choice="mistake"), at=life.at(0, 0.02))
    assert newest(life, BEN).screen.name == "ask.safety_now"


def test_p11_each_is_asked_again_for_what_they_said_themselves(life):
    """The mother found a sign by name, later her daughter an EMERGENCY: the mother's mistake is about her own."""
    helper = life.helper()
    life.check(0, numbness="mild", interference="a_little")
    life.check(1, caregiver=helper, safety_new="yes", which_new="eyes", still_numbness="same", numbness="mild")
    (alert,) = life.alerts()
    life.run(taps.tap, 7, Action(kind="alert", subject=alert.id, choice="mistake"), at=life.at(1, 0.01))
    names = [q.row.screen.name for q in life.database.outbox() if q.row.chat_id == 7][-2:]
    assert "change.safety_new" not in names, "that is her daughter's"
    assert "call.mistake.other" not in names


def test_p11_help_that_the_other_asked_for_is_not_ones_own_mistake(life):
    helper = life.helper()
    acting = life.patient().model_copy(update={"caregiver": helper})
    life.run(help_requests.need_help, acting, None, at=life.at(0))
    (alert,) = life.alerts()
    life.run(taps.tap, 7, Action(kind="alert", subject=alert.id, choice="mistake"), at=life.at(0, 0.1))
    assert newest(life).screen.name == "call.mistake.other"
    life.run(taps.tap, BEN, Action(kind="alert", subject=alert.id, choice="mistake"), at=life.at(0, 0.2))
    assert newest(life, BEN).screen.name == "call.reply.mistake"


def test_p11_once_all_is_taken_back_who_raised_it_decides_whose_it_was(life):
    helper = life.helper()
    life.check(0, caregiver=helper, safety_new="yes", which_new="eyes")
    (alert,) = life.alerts()
    life.run(taps.tap, BEN, Action(kind="alert", subject=alert.id, choice="mistake"), at=life.at(0, 0.1))
    press(life, "none", 0, 0.2, chat=BEN)
    life.run(taps.tap, 7, Action(kind="alert", subject=alert.id, choice="mistake"), at=life.at(0, 0.3))
    row = newest(life)
    assert row.screen.name == "call.mistake.other"
    assert {"112", "+49 30 901820"} <= {b.copy_value for made in row.screen.rows for b in made}


def test_p11_what_both_said_each_can_take_back(life):
    helper = life.helper()
    life.check(0, safety_new="yes", which_new="eyes")
    life.check(1, caregiver=helper, still_eyes="worse")
    (alert,) = life.alerts()
    for chat in (7, BEN):
        life.run(taps.tap, chat, Action(kind="alert", subject=alert.id, choice="mistake"), at=life.at(1, 0.1))
        assert "call.mistake.other" not in [q.row.screen.name for q in life.database.outbox() if q.row.chat_id == chat]


def test_p11_tap_on_the_others_mistake_is_only_logged(life):
    life.check(0, caregiver=life.helper(), **FOUND["urgent"][0])
    (alert,) = life.alerts()
    life.run(taps.tap, 7, Action(kind="alert", subject=alert.id, choice="mistake"), at=life.at(0, 0.1))
    lines = life.run(lambda s: s.audit.lines("P-0001", limit=50))
    assert [(line.actor, line.detail["alert"]) for line in lines if line.action == "patient_mistake_of_other"] == [
        ("patient:P-0001", alert.id)
    ]
    assert "patient_mistake" not in [line.action for line in lines]


def test_yes_below_the_reply_to_a_mistake_counts_for_what_opened_before_it(life):
    """Found by a random life: the button counted as if it were made with the alert, so the "yes" was lost."""
    life.run(help_requests.need_help, life.patient(), None, at=life.at(0))
    life.reply(life.alerts()[0], "reached", 0, 0.5)
    life.run(help_requests.need_help, life.patient(), None, at=life.at(0, 5))
    (alert,) = life.alerts()
    life.prompt(alert, 0, 6)
    assert press(life, "was_mistake", 0, 6.1).screen.name == "call.reply.mistake"
    assert press(life, "reached", 0, 6.2).screen.name == "call.reply.reached"
    assert life.state("help") == "reached"


@pytest.mark.parametrize(
    ("choice", "shown", "state"), [("same", "done.open.mistake", "reached"), ("worse", "call.reply.rest", "open")]
)
def test_mistake_about_a_sign_asked_by_name_asks_for_that_sign_again(life, choice, shown, state):
    life.check(0, safety_new="yes", which_new="eyes")
    life.reply(life.alerts()[-1], "reached", 0, 1)
    life.staff(life.alerts()[-1], "spoke_to_patient", 0, 2)
    life.check(1, still_eyes="worse")
    life.prompt(life.alerts()[-1], 1, 1)
    row = press(life, "was_mistake", 1, 1.1)
    assert row.screen.name == "change.still_eyes"
    row = press(life, choice, 1, 1.2)
    assert (row.screen.lines[0].key, life.state("eyes")) == (shown, state)


def test_mistake_while_the_check_in_is_open_asks_there_below_all_messages(life):
    life.opened(0)
    life.tap("no", life.at(0))
    life.tap("yes", life.at(0))
    (alert,) = life.alerts()
    life.prompt(alert, 0, 0.25)
    row = press(life, "was_mistake", 0, 0.3)
    assert (row.mode, row.screen.name) == ("new", "ask.safety_now")


def test_mistake_about_what_is_open_asks_for_that_and_not_for_what_comes_next(life):
    """Found in a chaos run: the team had spoken about the first finding, and the next question was asked instead."""
    life.opened(0, "baseline")
    life.check(0, start=False, until="known_chair", chair="much")
    life.tap("no", life.at(0))
    (alert,) = life.alerts()
    life.reply(alert, "reached", 0, 0.1)
    life.tap("", life.at(0, 0.1), kind="go_on")
    life.check(0, start=False, until="floor")
    life.tap("cannot", life.at(0, 0.1))
    life.run(sweeps.checkin_clocks, at=life.at(0, 2.2), limit=50)
    assert (life.state("chair"), life.state("floor"), life.cursor()) == ("reached", "open", "falls")
    life.prompt(alert, 0, 3.5)
    row = press(life, "was_mistake", 0, 3.6)
    assert (row.screen.name, life.cursor()) == ("ask.floor", "floor")


def test_mistake_asks_first_for_the_answer_that_raised_it(life):
    """It may have been "no" to "was it so before?", which the item itself would not ask again."""
    life.opened(0, "baseline")
    life.check(0, start=False, until="known_chair", chair="much")
    life.tap("no", life.at(0))
    row = pressed_on_call_screen(life, 0, 0.1)
    assert (row.screen.name, life.cursor()) == ("ask.known_chair", "known_chair")


def test_mistake_about_what_a_half_answered_form_found_asks_for_it_again(life):
    """It had no call screen: the form is asked on, and nothing of it was acted on."""
    life.opened(0)
    for choice in ("no", "none", "none", "mild"):
        life.tap(choice, life.at(0))
    life.run(sweeps.checkin_clocks, at=life.at(0, 1.5), limit=50)
    assert (life.state("numbness"), life.cursor()) == ("open", "interference")
    life.prompt(life.alerts()[0], 0, 26)
    row = press(life, "was_mistake", 0, 26.1)
    assert (row.screen.name, life.cursor()) == ("ask.numbness", "numbness")


def pressed_on_call_screen(life, day, hours):
    (screen,) = [q.row.screen for q in life.database.outbox() if q.row.screen.name in {"call.urgent", "call.emergency"}]
    life.press(screen, "mistake", day, hours)
    return newest(life)


@pytest.mark.parametrize("tier", ["emergency", "urgent"])
def test_mistake_on_the_call_screen_of_a_finished_form_asks_below_all_messages(life, tier):
    """Found in the browser: it was only noted, and asked again when the question about the call came."""
    life.check(0, **FOUND[tier][0])
    row = pressed_on_call_screen(life, 0, 0.1)
    assert row.screen.name == f"change.{ASKED[tier]}"
    assert "call.reply.mistake" in [q.row.screen.name for q in life.database.outbox()], "with the numbers"
    row = press(life, "none", 0, 0.2)
    while row.screen.name.startswith("change."):
        row = press(life, "none", 0, 0.3)
    assert [line.key for line in row.screen.lines] == ["done.open.mistake", "numbers.both"]
    assert life.alerts()[-1].closed_at is None


def test_mistake_on_the_call_screen_while_the_form_is_open_asks_below_all_messages(life):
    life.opened(0)
    life.tap("no", life.at(0))
    life.tap("yes", life.at(0))
    row = pressed_on_call_screen(life, 0, 0.1)
    assert (row.mode, row.screen.name) == ("new", "ask.safety_now")


def test_mistake_about_help_is_noted_with_the_numbers(life):
    life.run(help_requests.need_help, life.patient(), None, at=life.at(0))
    (alert,) = life.alerts()
    life.prompt(alert, 0, 1)
    assert press(life, "was_mistake", 0, 1.1).screen.name == "call.reply.mistake"
    assert life.state("help") == "open"
    assert life.alerts()[0].state is AlertState.OPEN


# -- the question behind what an alert names


def asked_again(life, **acting):
    """The check-in and the question that would be asked again."""
    patient = life.patient().model_copy(update=acting)
    found = life.run(mistakes.asked_again, patient, life.alerts()[-1], at=life.at(0, 1))
    return found if found is None else (found[0].id, found[1])


@pytest.mark.parametrize(
    ("answers", "question"),
    [
        ({"safety_now": "yes", "which_now": "breathing"}, "safety_now"),
        ({"safety_now": "not_sure", "which_now": "breathing"}, "safety_now"),
        ({"safety_new": "yes", "which_new": "eyes"}, "safety_new"),
        ({"safety_new": "not_sure", "which_new": "eyes"}, "safety_new"),
        ({"safety_new": "yes", "which_new": "not_sure"}, "safety_new"),
        ({"numbness": "strong"}, "numbness"),
    ],
)
def test_question_behind_an_answer_is_the_screen_or_its_own(life, answers, question):
    life.check(0, **answers)
    (alert,) = life.alerts()
    assert asked_again(life) == (alert.checkin_id, question)


def test_sign_of_the_second_screen_is_not_behind_a_yes_on_the_first(life):
    life.check(0, safety_new="yes", which_new="eyes")
    (alert,) = life.alerts()
    yes = samples.answer(alert.checkin_id, life.anna.id, "safety_now", "yes", at=life.at(0, 0.5))
    life.run(lambda s: s.answers.supersede(alert.checkin_id, "safety_now", life.at(0, 0.5)))
    life.run(lambda s: s.answers.record(yes))
    assert life.run(lambda s: s.checkins.get(alert.checkin_id)).value.answers["safety_now"] == ("yes",)
    assert asked_again(life)[1] == "safety_new"


def test_nothing_is_asked_again_of_an_alert_that_is_closed_or_has_no_check_in_of_a_known_form(life):
    life.check(0, safety_new="yes", which_new="eyes")
    (alert,), patient = life.alerts(), life.patient()

    def asked(**changes):
        return life.run(mistakes.asked_again, patient, alert.model_copy(update=changes), at=life.at(0, 1))

    assert asked() is not None
    assert (asked(closed_at=life.at(0)), asked(checkin_id=None), asked(checkin_id=99)) == (None, None, None)

    def rename(stores):
        row = stores.checkins.get(alert.checkin_id)
        stores.checkins.save(row.model_copy(update={"value": row.value.model_copy(update={"form": "former"})}))

    life.run(rename)
    assert asked() is None
