"""What patients reply about a call: the safety follow-up with its five answers, and what each of them leads to."""

from datetime import timedelta

import pytest

from bot.app.alerts import hospital, ownership
from bot.app.patients import participation
from bot.app.records.alerts import AlertState
from bot.app.records.messages import Lane
from bot.app.records.patients import PatientState
from bot.content.texts import Texts
from bot.core.schedule import Pause
from bot.dialog import alerts
from tests.app.concerns.test_cases import Life, life
from tests.contract import samples

__all__ = ["Life", "life"]

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
FOUND = {
    "emergency": ({"safety_now": "yes", "which_now": "breathing"}, 0.25),
    "urgent": ({"safety_new": "yes", "which_new": "eyes"}, 1),
    "soon": ({"numbness": "mild"}, 24),
}
TEXTS = Texts.load(("en", "es", "ru"))
FIVE = ["button.yes", "button.at_hospital", "button.not_yet", "button.cannot_reach", "button.was_mistake"]


def raised(life, tier):
    answers, hours = FOUND[tier]
    life.check(0, **answers)
    return life.alerts()[-1], hours


def prompts(life, since=0):
    return [q.row for q in life.database.outbox()[since:] if q.row.slot.startswith("loopback:")]


def labels(screen):
    return [b.label.key for row in screen.rows for b in row]


def notices(life, since=0):
    """The texts of notices to the team, by their last line."""
    return [q.row.screen.lines[-1].key for q in life.database.outbox()[since:] if q.row.screen.name == "staff.notice"]


@pytest.fixture
def coordinator(life):
    return life.run(lambda s: s.staff.add(samples.staff("ann", state="active", chat_id=100)))


def owned(life, alert):
    life.run(lambda s: s.alerts.save(s.alerts.get(alert.id).model_copy(update={"owner": "ann", "notified": ("ann",)})))


# -- the question


@pytest.mark.parametrize("tier", FOUND)
def test_safety_follow_up_asks_for_help_or_someone_who_spoke_with_five_answers(life, tier):
    alert, hours = raised(life, tier)
    screen = life.prompt(alert, 0, hours)
    assert [line.key for line in screen.lines] == ["loopback.ask", f"loopback.number.{tier}"]
    assert labels(screen) == FIVE


@pytest.mark.parametrize("tier", FOUND)
def test_safety_follow_up_also_comes_after_i_have_called(life, tier):
    alert, hours = raised(life, tier)
    life.reply(alert, "called", 0, 0.1)
    life.run_prompts(life.at(0, hours + 0.05))
    assert prompts(life) == []
    life.run_prompts(life.at(0, hours + 0.1))
    assert len(prompts(life)) == 1


@pytest.mark.parametrize(
    ("tier", "sent"),
    [("emergency", [0.25, 0.5, 0.75]), ("urgent", [1, 2, 3]), ("soon", [24, 48])],
)
@pytest.mark.parametrize("word", ["not_yet", "cannot_reach"])
def test_not_reached_shows_number_and_next_step_notifies_the_team_and_is_asked_again(
    life, coordinator, tier, sent, word
):
    alert, _ = raised(life, tier)
    owned(life, alert)
    for number, hours in enumerate(sent, start=1):
        seen = len(life.database.outbox())
        following = life.press(life.prompt(alert, 0, hours), word, 0, hours + 0.1)
        assert following.lines[0].key == f"call.reply.{word}.{tier}"
        assert notices(life, seen) == [f"staff.call.{word}"]
        assert life.alerts()[-1].safety_follow_ups == number
    again = 2 * sent[-1] - (sent[-2] if len(sent) > 1 else 0)
    life.run_prompts(life.at(0, again))
    assert life.alerts()[-1].state is AlertState.UNCONFIRMED
    assert len(prompts(life)) == len(sent)
    assert notices(life)[-1] == "staff.call.unconfirmed"


@pytest.mark.parametrize("language", ["en", "es", "ru"])
@pytest.mark.parametrize("word", ["not_yet", "cannot_reach"])
@pytest.mark.parametrize("tier", FOUND)
def test_next_step_after_not_yet_is_the_emergency_department(language, word, tier):
    (said,) = TEXTS.forms(language, f"call.reply.{word}.{tier}")
    assert any(place in said for place in ("emergency department", "urgencias", "приёмное отделение")), said
    assert "{team_number}" in said or "{emergency}" in said


# -- quiet hours


@pytest.mark.parametrize(("tier", "due"), [("emergency", 22.25), ("urgent", 23), ("soon", 22 + 24 + 11)])
def test_quiet_hours_put_off_what_concerns_soon_alone(life, tier, due):
    """Found in Berlin at 22:00; quiet hours are from 21:00 to 9:00. `due`: the hours since that midnight."""
    answers, hours = FOUND[tier]
    life.check(0.5, **answers)
    (alert,) = life.alerts()
    life.run_prompts(alert.raised_at + hours * HOUR - MINUTE)
    assert prompts(life) == []
    life.run_prompts(alert.raised_at + hours * HOUR)
    assert len(prompts(life)) == (tier != "soon")
    life.run_prompts(alert.raised_at + (due - 22) * HOUR)
    assert [row.lane for row in prompts(life)] == [Lane.RED_FLAG]
    assert alert.next_patient_prompt_at == alert.raised_at + hours * HOUR


def test_quiet_hours_end_when_a_soon_is_asked(life):
    life.check(0.5, numbness="mild")
    (alert,) = life.alerts()
    for minutes in (0, 1, 300, 659):
        life.run_prompts(alert.raised_at + DAY + minutes * MINUTE)
        assert prompts(life) == []
    assert life.alerts()[0].next_patient_prompt_at == alert.raised_at + DAY + 11 * HOUR
    assert life.alerts()[0].safety_follow_ups == 0


# -- when nothing is asked any more


def test_reminder_to_call_about_what_was_dealt_with_asks_nothing(life):
    alert, _ = raised(life, "soon")
    life.staff(alert, "spoke_to_patient", 0, 1)
    life.reply(alert, "remind", 0, 2)
    assert life.alerts()[0].next_patient_prompt_at is None


def test_nothing_is_asked_about_what_a_human_knows_by_a_later_message(life):
    life.check(0, numbness="mild")
    life.check(0.1, numbness="strong")
    (alert,) = life.alerts()
    life.reply(alert, "reached", 0, 3)
    life.run_prompts(life.at(1))
    assert (prompts(life), life.alerts()[0].next_patient_prompt_at) == ([], None)
    assert life.alerts()[0].closed_at is None, "the team's clock goes on"


def test_question_about_what_staff_dealt_with_is_planned_no_more(life):
    alert, hours = raised(life, "urgent")
    life.run(ownership.note, alert.id, "seen", at=life.at(0, 0.5), by="lead-1")
    still = {"state": AlertState.OPEN, "next_patient_prompt_at": life.at(0, hours)}
    life.run(lambda s: s.alerts.save(s.alerts.get(alert.id).model_copy(update=still)))
    life.run_prompts(life.at(0, hours))
    assert (prompts(life), life.alerts()[0].next_patient_prompt_at) == ([], None)
    assert life.alerts()[0].safety_follow_ups == 0


def test_fault_in_what_is_remembered_does_not_end_the_questions(life, monkeypatch):
    _alert, hours = raised(life, "emergency")

    def fails(*_args):
        raise LookupError("broken")

    monkeypatch.setattr("bot.app.alerts.replies.recall", fails)
    life.run_prompts(life.at(0, hours))
    assert len(prompts(life)) == 1


# -- at the hospital


def at_hospital(life, day=0, hours=1.0):
    """Two alerts are open; the patient says on one of them that they are at the hospital."""
    life.check(0, numbness="mild")
    life.check(0.01, safety_now="yes", which_now="breathing")
    alert = life.alerts()[-1]
    owned(life, alert)
    screen = life.prompt(alert, day, hours)
    return life.press(screen, "at_hospital", day, hours)


def test_at_the_hospital_all_that_is_open_is_known_and_nothing_is_asked(life, coordinator):
    at_hospital(life)
    assert {life.state("breathing"), life.state("numbness")} == {"reached"}
    assert {(a.state, a.last_reply, a.next_patient_prompt_at) for a in life.alerts()} == {
        (AlertState.CONFIRMED, "at_hospital", None)
    }
    assert all(a.closed_at is None for a in life.alerts()), "the team's clock goes on"


def test_at_the_hospital_the_team_is_notified_in_the_patients_words(life, coordinator):
    at_hospital(life)
    assert notices(life) == ["staff.call.at_hospital"]
    shown = [q.row.screen for q in life.database.outbox() if q.row.screen.name == "call.reply.at_hospital"][-1]
    assert [line.key for line in shown.lines] == ["call.reply.at_hospital", "call.home.paused", "call.home.worse"]
    assert labels(shown) == ["button.card"]


def test_at_the_hospital_check_ins_pause_for_seven_days_then_are_you_home(life):
    at_hospital(life)
    today = life.at(0).date()
    (pause,) = life.patient().pauses
    assert (pause.first, pause.last) == (today, today + 7 * DAY)
    assert life.patient().next_due_at.date() == today + 8 * DAY
    life.run_hospital(life.at(6, 23))
    assert asked_home(life) == []
    life.run_hospital(life.at(7))
    (row,) = asked_home(life)
    assert [line.key for line in row.screen.lines] == ["call.home.ask", "call.home.why"]
    assert labels(row.screen) == ["button.home", "button.not_yet"]
    life.run_hospital(life.at(7, 1))
    assert len(asked_home(life)) == 1


def asked_home(life):
    return [q.row for q in life.database.outbox() if q.row.slot.startswith("home:")]


def home_question(life, day=7):
    life.run_hospital(life.at(day))
    return asked_home(life)[-1].screen


def test_home_resumes_check_ins(life):
    at_hospital(life)
    following = life.press(home_question(life), "home", 7, 1)
    assert [line.key for line in following.lines] == ["pause.over", "done.next"]
    assert life.patient().pauses[-1].last == life.at(6).date()
    assert life.patient().next_due_at <= life.at(8, 1)


def test_not_home_pauses_seven_more_days_notifies_the_team_and_asks_again(life, coordinator):
    at_hospital(life)
    question = home_question(life)
    seen = len(life.database.outbox())
    life.press(question, "not_home", 7, 1)
    assert notices(life, seen) == ["staff.call.still_in_hospital"]
    assert life.patient().pauses[-1].last == life.at(14).date()
    life.press(home_question(life, 14), "home", 14, 1)
    assert life.patient().pauses[-1].last == life.at(13).date()
    assert len(asked_home(life)) == 2


def test_without_an_answer_check_ins_go_on_after_the_pause(life):
    at_hospital(life)
    home_question(life)
    assert life.patient().next_due_at.date() == life.at(8).date()


def test_longer_pause_stays_and_the_question_comes_at_its_end(life):
    today = life.at(0).date()
    longer = Pause(first=today + 3 * DAY, last=today + 20 * DAY)
    life.run(lambda s: s.patients.save(s.patients.get(1).model_copy(update={"pauses": (longer,)})))
    at_hospital(life)
    assert [(p.first, p.last) for p in life.patient().pauses] == [(today, longer.last)]
    life.run_hospital(life.at(19, 23))
    assert asked_home(life) == []
    assert home_question(life, 20)


def test_pause_until_resumed_stays(life):
    life.check(0, safety_now="yes", which_now="breathing")
    life.run(participation.pause, "P-0001", None, at=life.at(0, 0.1))
    (alert,) = life.alerts()
    life.press(life.prompt(alert, 0, 1), "at_hospital", 0, 1)
    assert (life.patient().state, life.patient().ask_home_at) == (PatientState.PAUSED, None)
    assert life.state("breathing") == "reached"


def test_who_resumed_check_ins_or_left_is_not_asked_whether_they_are_home(life):
    at_hospital(life)
    life.run(participation.resume, life.patient(), at=life.at(3))
    life.run_hospital(life.at(7))
    assert (asked_home(life), life.patient().ask_home_at) == ([], None)


def test_who_left_is_not_asked_whether_they_are_home(life):
    at_hospital(life)
    life.run(participation.withdraw, "P-0001", at=life.at(3))
    life.run_hospital(life.at(7))
    assert (asked_home(life), life.patient().ask_home_at) == ([], None)


@pytest.mark.parametrize("word", ["home", "not_home"])
def test_old_question_whether_one_is_home_changes_nothing(life, word):
    at_hospital(life)
    question = home_question(life)
    before = life.patient()
    action = next(b.action for row in question.rows for b in row if b.action.choice == word)
    assert life.run(alerts.tapped, before, action, at=life.at(15)) is None
    assert life.patient() == before


def test_k29_sign_that_comes_back_after_the_hospital_is_an_emergency_again(life):
    at_hospital(life)
    life.press(home_question(life), "home", 7, 1)
    assert "call.emergency" in life.check(9, safety_now="yes", which_now="breathing")
    assert life.state("breathing") == "open"


def test_at_the_hospital_on_another_patients_alert_changes_nothing(life):
    life.check(0, safety_now="yes", which_now="breathing")
    (alert,) = life.alerts()
    other = life.patient().model_copy(update={"id": 99})
    assert life.run(hospital.arrived, other, alert.id, at=life.at(1)) is None
    assert life.state("breathing") == "open"
