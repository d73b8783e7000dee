"""A patient may replace the helper: the next one is another person, who has given nothing yet."""

import pytest

from bot.app.checkins import answering
from bot.dialog import taps
from tests.app.alerts.test_joining import the_alert
from tests.app.concerns.test_cases import Life, life
from tests.contract import samples

__all__ = ["Life", "life"]
EYES = {"safety_new": "yes", "which_new": "eyes"}
CARA = 9


def replaced(life, helper):
    """End the first helper's part and let another one join."""
    life.run(lambda s: s.caregivers.save(helper.model_copy(update={"state": "ended", "chat_id": None})))
    made = samples.full_caregiver(life.anna.id, chat_id=CARA)
    return life.run(lambda s: s.caregivers.add(made.model_copy(update={"ended_at": None, "token_hash": "cara"})))


def concern(life, symptom):
    return life.run(lambda s: s.concerns.of_patient(life.anna.id)).value.concern(symptom)


def mistaken(life, acting, day, hours):
    """Tap "It was a mistake" on the safety follow-up; if it is asked again, answer with the least. Return the screen."""
    asked = life.press(life.prompt(the_alert(life), day, hours), "was_mistake", day, hours + 0.1, caregiver=acting)
    actions = {b.action.choice: b.action for row in asked.rows for b in row if b.action is not None}
    if tap := actions.get("none") or actions.get("gone"):
        life.run(lambda w: taps.tap(w, acting.chat_id, tap), at=life.at(day, hours + 0.2))
    return asked.name


def changed(life, acting, day):
    """Change the answer of the newest check-in to "none", which "Change an answer" offers to both."""
    patient = life.patient().model_copy(update={"caregiver": acting})
    row = life.run(lambda s: s.checkins.of_patient(life.anna.id))[0]
    life.run(answering.change, patient, row, "safety_new", ("none",), at=life.at(day))


def test_the_next_helper_cannot_take_back_what_the_first_reported(life):
    first = life.helper()
    life.check(0, caregiver=first, **EYES)
    second = replaced(life, first)
    assert mistaken(life, second, 0, 2) == "call.mistake.other"
    changed(life, second, 0.2)
    assert (life.state("eyes"), concern(life, "eyes").retracted_at) == ("open", None)
    assert set(life.check(1.2, still_eyes="gone")) == {"done.open"}
    assert life.state("eyes") == "open"


def test_a_helper_takes_back_what_they_reported_themselves(life):
    first = life.helper()
    life.check(0, caregiver=first, **EYES)
    mistaken(life, first, 0, 2)
    assert concern(life, "eyes").retracted_at is not None


@pytest.mark.parametrize("refuses", ["first", "second"])
def test_two_helpers_who_differ_on_one_message_count_as_not_yet(life, refuses):
    first = life.helper()
    life.check(0, caregiver=first, **EYES)
    alert, made = the_alert(life), life.at(0, 2)
    words = ("not_yet", "reached") if refuses == "first" else ("reached", "not_yet")
    life.reply(alert, words[0], 0, 2.1, made=made, caregiver=first)
    second = replaced(life, first)
    life.reply(alert, words[1], 0, 2.2, made=made, caregiver=second)
    assert life.state("eyes") == "open"


def test_an_answer_stored_for_an_unnumbered_helper_stays_and_cannot_be_taken_back(life):
    """What was stored before helpers had a number was given by nobody who is here now."""
    helper = life.helper()
    life.check(0, caregiver=helper, **EYES)
    row = life.run(lambda s: s.concerns.of_patient(life.anna.id))
    old = {"caregiver:P-0001": concern(life, "eyes").first_found_at}
    earlier = row.value.concern("eyes").model_copy(update={"givers": old, "given": {}})
    value = row.value.model_copy(update={"concerns": {**row.value.concerns, "eyes": earlier}})
    life.run(lambda s: s.concerns.save(row.model_copy(update={"value": value})))
    assert mistaken(life, helper, 0, 2) == "call.mistake.other"
    changed(life, helper, 0.2)
    assert (life.state("eyes"), concern(life, "eyes").retracted_at) == ("open", None)
