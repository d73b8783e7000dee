"""Outcomes that staff note: what each does to the concerns, and which page or message it counts for."""

from datetime import time, timedelta

import pytest

from bot.app.alerts import ownership, queue
from bot.app.patients import timeline
from bot.app.ports.errors import NeedsContactError, RefusedError
from bot.app.records.messages import OutboxState
from bot.core.screen import Action
from bot.dialog import staff_chat
from bot.dialog.staff_times import shown_word
from tests.app.concerns.test_cases import BEN, Life
from tests.app.concerns.test_cases import life as made_life
from tests.contract import samples

life = made_life
HOUR = timedelta(hours=1)
BREATHING = {"safety_now": "yes", "which_now": "breathing"}


def noted(life: Life, outcome, day, hours=0.0, *, shown=None, by="lead-1", act=ownership.finish, alert=None):
    number = (alert or life.alerts()[0]).id
    return life.run(act, number, outcome, shown_at=shown, at=life.at(day, hours), by=by)


@pytest.mark.parametrize(
    ("outcome", "state", "reached"),
    [("seen", "reached", True), ("false_alarm", "settled", False), ("out_of_care", "settled", None)],
)
def test_outcome_of_staff_changes_what_the_alert_names(life, outcome, state, reached):
    life.check(0, safety_new="yes", which_new="eyes")
    closed = noted(life, outcome, 0, 2)
    assert (life.state("eyes"), closed.outcome, closed.closed_by) == (state, outcome, "lead-1")
    concern = life.run(lambda s: s.concerns.of_patient(life.anna.id)).value.concern("eyes")
    if reached is not None:
        assert (concern.reached_level is not None) is reached


def test_k28_double_vision_seen_is_not_asked_to_call_again(life):
    life.check(0, safety_new="yes", which_new="eyes")
    noted(life, "seen", 0, 2)
    assert not [name for name in life.check(1) if name.startswith("call.")]


def test_false_alarm_comes_back_as_new(life):
    life.check(0, numbness="mild")
    noted(life, "false_alarm", 0, 1)
    assert "call.soon" in life.check(9, numbness="mild")
    assert life.state("numbness") == "open"


def test_not_reached_is_an_attempt_and_leaves_the_alert_open(life):
    life.check(0, numbness="strong")
    left = noted(life, "not_reached", 0, 1)
    assert (left.outcome, left.closed_at, life.state("numbness")) == ("not_reached", None, "open")
    with pytest.raises(NeedsContactError, match="nobody is known to have spoken"):
        life.run(ownership.close, left.id, at=life.at(0, 2), by="lead-1")


def test_not_reached_never_closes_even_what_the_patient_reached(life):
    life.check(0, numbness="strong")
    (alert,) = life.alerts()
    noted(life, "not_reached", 0, 1)
    life.reply(alert, "reached", 0, 2)
    with pytest.raises(NeedsContactError, match="could not be reached"):
        life.run(ownership.close, alert.id, at=life.at(0, 3), by="lead-1")


def test_not_reached_after_contact_hides_nothing(life):
    life.check(0, numbness="strong")
    noted(life, "spoke_to_patient", 0, 1, act=ownership.note)
    again = noted(life, "not_reached", 0, 3, act=ownership.note)
    assert (again.outcome, again.noted_at, life.state("numbness")) == ("spoke_to_patient", life.at(0, 1), "reached")
    events = life.run(lambda w: timeline.timeline(w, w.patients.get(life.anna.id)))
    outcomes = [(event.at, event.what) for event in events if event.what.startswith("outcome.")]
    assert outcomes == [
        (life.at(0, 3), "outcome.not_reached"),
        (life.at(0, 1), "outcome.spoke_to_patient"),
    ]


def test_k43_outcome_on_an_older_page_leaves_what_opened_since(life):
    life.check(0, numbness="strong")
    page = life.at(0, 2)
    life.check(0.5, **BREATHING)
    (numb,) = life.alerts()
    noted(life, "spoke_to_patient", 1, shown=page, alert=numb)
    assert (life.state("numbness"), life.state("breathing")) == ("reached", "open")
    assert life.check(2) == ["done.open"]


def test_k43_what_joined_the_alert_after_the_page_keeps_it_open(life):
    life.check(0, numbness="strong")
    (alert,) = life.alerts()
    page = life.at(0, 0.2)
    life.check(0.5, **BREATHING)
    joined = {"symptoms": ("numbness", "breathing"), "named_at": life.at(0.5)}
    life.run(lambda s: s.alerts.save(s.alerts.get(alert.id).model_copy(update=joined)))
    left = noted(life, "spoke_to_patient", 1, shown=page)
    assert (left.outcome, left.owner, left.closed_at) == (None, None, None), "what opened since needs an owner"
    assert (life.state("numbness"), life.state("breathing")) == ("reached", "open")
    assert noted(life, "spoke_to_patient", 1, 1, shown=life.at(1, 0.9)).closed_by == "lead-1"
    assert life.state("breathing") == "reached"


@pytest.mark.parametrize("ahead", [HOUR, timedelta(seconds=1)])
def test_page_from_the_future_counts_as_the_oldest(life, ahead):
    life.check(0, numbness="mild")
    life.check(0.5, numbness="strong")
    alert = life.alerts()[0]
    noted(life, "spoke_to_patient", 1, shown=life.at(1) + ahead, act=ownership.note, alert=alert)
    assert life.state("numbness") == "open"


def test_page_says_that_it_showed_a_later_rise(life):
    life.check(0, numbness="mild")
    life.check(0.5, numbness="strong")
    noted(life, "spoke_to_patient", 1, shown=life.at(0.9), act=ownership.note)
    assert life.state("numbness") == "reached"


def test_attempt_about_soon_is_due_again_at_the_next_shift(life, team):
    team.join("ann")
    team.add_shift("ann", start=time(8), end=time(16))
    life.check(0, numbness="mild")
    noted(life, "not_reached", 0, 8)
    (row,) = life.run(queue.queue, at=life.at(0, 9))
    assert row.next_attempt_at == life.at(0, 22), "08:00 in Berlin"


# -- out of care


def test_out_of_care_ends_everything_without_a_message(life):
    helper = samples.full_caregiver(life.anna.id, chat_id=BEN).model_copy(update={"ended_at": None})
    life.run(lambda s: s.caregivers.add(helper))
    life.check(0, **BREATHING)
    life.opened(1)
    before = len(life.database.outbox())
    noted(life, "out_of_care", 1, 1)
    patient = life.patient()
    assert (patient.state, patient.next_due_at, patient.follow_up) == ("withdrawn", None, None)
    assert life.run(lambda s: s.checkins.open_of(patient.id)) is None
    new = [q.row for q in life.database.outbox()[before:] if q.row.patient_id is not None]
    assert new == []
    waiting = [q for q in life.database.outbox() if q.row.patient_id is not None and q.state is OutboxState.WAITING]
    assert waiting == []
    assert life.state("breathing") == "settled"


def test_out_of_care_settles_what_another_alert_names(life):
    life.check(0, numbness="strong")
    life.check(1, **BREATHING)
    noted(life, "out_of_care", 1, 1, shown=life.at(1, 0.5))
    assert (life.state("numbness"), life.state("breathing")) == ("settled", "settled")


def test_out_of_care_on_an_alert_of_long_ago_ends_what_is_known_since(life):
    """Found by a random life: what somebody had spoken about since stayed, as if the patient were still in care."""
    life.check(0, numbness="strong")
    old = life.alerts()[0]
    noted(life, "seen", 0, 1)
    life.check(1, **BREATHING)
    noted(life, "seen", 1, 1, alert=life.alerts()[-1])
    life.run(ownership.reopen, old.id, at=life.at(2), by="lead-1")
    life.run(ownership.note, old.id, "out_of_care", at=life.at(2, 1), by="lead-1")
    assert (life.state("numbness"), life.state("breathing")) == ("settled", "settled")


def test_out_of_care_is_refused_if_the_patient_reported_since(life):
    life.check(0, numbness="strong")
    life.check(1, **BREATHING)
    with pytest.raises(RefusedError, match="reported something since"):
        noted(life, "out_of_care", 1, 1, shown=life.at(0.5))
    assert (life.patient().state, life.state("numbness")) == ("active", "open")


def test_out_of_care_is_not_for_operators(life):
    life.check(0, numbness="strong")
    life.run(lambda s: s.staff.add(samples.staff("op-1", role="operator")))
    with pytest.raises(RefusedError, match="only a coordinator or lead"):
        noted(life, "out_of_care", 0, 1, by="op-1")


# -- the buttons of the team's chats


def test_k43_button_of_an_older_message_leaves_what_rose_since(life, team):
    team.join("ann")
    life.check(0, numbness="mild")
    life.check(0.5, numbness="strong")
    alert = life.alerts()[0]
    person = life.run(lambda s: s.staff.by_name("ann"))

    def tapped(word, message_at, at):
        action = Action(kind="staff", subject=alert.id, choice=word, question=shown_word(message_at))
        life.run(staff_chat.tapped, person, action, at=at)

    tapped("reached", life.at(0, 2), life.at(1))
    assert life.state("numbness") == "open"
    tapped("reached", life.at(0.9), life.at(1))
    assert life.state("numbness") == "reached"


def test_messages_buttons_say_when_it_was_made(life, team):
    team.join("ann")
    life.check(0, numbness="strong")
    team.sweep(life.at(0, 1))
    ((shown, _),) = team.news("ann")
    words = {b.action.choice: b.action.question for row in shown.rows for b in row if b.action is not None}
    assert words["reached"] == shown_word(life.at(0, 1))
    person, alert = life.run(lambda s: s.staff.by_name("ann")), life.alerts()[0]
    action = Action(kind="staff", subject=alert.id, choice="outcome", question=words["reached"])
    life.run(staff_chat.tapped, person, action, at=life.at(0, 5))
    ((menu, _),) = team.news("ann")
    assert {b.action.question for row in menu.rows for b in row if b.action.choice != "back"} == {words["reached"]}


def test_out_of_care_in_the_chat_is_asked_again(life, team):
    team.join("ann")
    life.check(0, numbness="strong")
    number = life.alerts()[0].id
    team.tap("ann", number, "out_of_care", at=life.at(0, 1))
    assert life.state("numbness") == "open"
    assert [screen.name for screen, _ in team.news("ann")] == ["staff.out_of_care"]
    team.tap("ann", number, "end_care", at=life.at(0, 1))
    assert (life.state("numbness"), life.patient().state) == ("settled", "withdrawn")


def test_no_action_in_the_chat_asks_for_the_reason(life, team):
    team.join("ann")
    life.check(0, numbness="mild")
    number = life.alerts()[0].id
    team.tap("ann", number, "no_action", at=life.at(0, 1))
    assert life.state("numbness") == "open"
    ((shown, _),) = team.news("ann")
    assert shown.name == "staff.no_action"
    words = [b.action.choice for row in shown.rows for b in row if b.action is not None]
    assert words == ["why_expected", "why_plan", "why_visit", "back"]
    team.tap("ann", number, "why_plan", at=life.at(0, 1))
    assert (life.state("numbness"), life.alerts()[0].outcome) == ("reached", "no_action")


def test_no_action_in_the_chat_is_refused_above_soon_without_asking_why(life, team):
    """The button of an older message, from before the alert rose."""
    team.join("ann")
    life.check(0, numbness="strong")
    number = life.alerts()[0].id
    for word in ("no_action", "why_plan"):
        team.tap("ann", number, word, at=life.at(0, 1))
        assert "staff.no_action" not in [screen.name for screen, _ in team.news("ann")]
    assert (life.state("numbness"), life.alerts()[0].outcome) == ("open", None)


@pytest.mark.parametrize(("answers", "minutes"), [(BREATHING, 15), ({"numbness": "strong"}, 60)])
def test_attempt_shows_when_to_call_again(life, team, answers, minutes):
    team.join("ann")
    life.check(0, **answers)
    number = life.alerts()[0].id
    team.sweep(life.at(0, 0.1))
    team.news("ann")
    team.tap("ann", number, "not_reached", at=life.at(0, 1))
    ((shown, _),) = team.news("ann")
    (line,) = [line for line in shown.lines if line.key == "staff.call_again"]
    assert line.values["time"] == f"{(life.at(0, 2) + timedelta(minutes=minutes)):%H:%M}", "in the clinic's time"
    (row,) = life.run(queue.queue, at=life.at(0, 1))
    assert row.next_attempt_at == life.at(0, 1) + timedelta(minutes=minutes)
