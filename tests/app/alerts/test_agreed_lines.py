"""What an alert says to the team about the patient's agreed levels, without naming a symptom."""

import pytest

from bot.app.alerts import ownership
from bot.app.concerns import agreeing
from bot.dialog.staff_alerts import alert_screen
from tests.app.alerts.test_joining import team, the_alert
from tests.app.concerns.test_cases import Life, life

__all__ = ["Life", "life", "team"]
EYES, BREATHING = {"safety_new": "yes", "which_new": "eyes"}, {"safety_now": "yes", "which_now": "breathing"}


def lines(life, day):
    """The lines about agreed levels in the message to ann about the newest alert."""
    alert, person = life.alerts()[-1], life.run(lambda s: s.staff.by_name("ann"))
    patient = life.patient()
    screen = life.run(lambda w: alert_screen(w, patient, alert, person), at=life.at(day))
    return [(line.key, line.values["n"]) for line in screen.lines if line.key.startswith("staff.expecting")]


@pytest.fixture
def agreed(life, team):
    """Numbness up to medium is agreed; its alert is closed."""
    life.check(0, numbness="medium")
    life.staff(the_alert(life), "spoke_to_patient", 0, 1)
    life.run(agreeing.agree_level, "P-0001", "numbness", "medium", 28, at=life.at(0, 2), by="lead-1")


def test_the_agreed_symptom_itself_is_more_than_agreed(life, agreed):
    life.check(2, numbness="very_strong")
    assert lines(life, 2) == [("staff.expecting_above", 1)]


def test_another_symptom_is_a_different_one(life, agreed):
    life.check(2, numbness="medium", **BREATHING)
    assert lines(life, 2) == [("staff.expecting", 1)]


def test_both_in_one_alert_say_what_is_more_than_agreed(life, agreed):
    life.check(2, **EYES)
    life.staff(life.alerts()[-1], "spoke_to_patient", 2, 1)
    life.run(agreeing.agree_level, "P-0001", "eyes", "there", 28, at=life.at(2, 2), by="lead-1")
    life.check(3, numbness="very_strong")
    life.check(3.2, **BREATHING)
    assert lines(life, 3) == [("staff.expecting_above", 1)]


def test_level_agreed_while_its_own_alert_is_open_is_neither(life, team):
    life.check(0, **EYES)
    life.run(ownership.note, the_alert(life).id, "spoke_to_patient", at=life.at(0, 1), by="ann")
    life.run(agreeing.agree_level, "P-0001", "eyes", "there", 28, at=life.at(0, 2), by="lead-1")
    assert lines(life, 1) == []
