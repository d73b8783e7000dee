"""An EMERGENCY sign that is usual for a patient: its line on the safety screen asks whether it is worse (law 11)."""

import pytest

from bot.app.concerns.memory import remember
from bot.core.concern_values import Level
from bot.core.happenings import Agree
from bot.core.protocol import Tier
from tests.app.concerns.test_cases import Life, life

__all__ = ["Life", "life"]


def agree(life, symptom="bladder", days=91):
    level = Agree(symptom=symptom, level=Level(Tier.EMERGENCY, 1), until=life.at(days))
    life.run(lambda w: remember(w, life.anna, (level,)), at=life.at(0))


def lines(life, question="safety_now"):
    screen = [q.row.screen for q in life.database.outbox() if q.row.screen.name == f"ask.{question}"][-1]
    return [
        (bullet.key, bullet.values["what"].key) if "what" in bullet.values else bullet.key
        for text in screen.lines
        for bullet in text.bullets
    ]


@pytest.mark.parametrize("day", [1, 90, 100], ids=["agreed", "at its end", "until staff decide"])
def test_line_of_a_usual_sign_asks_whether_it_is_worse(life, day):
    agree(life)
    life.opened(day, "full")
    assert ("sign.usual", "symptom.bladder") in lines(life)
    assert len(lines(life)) == 8
    assert "sign.safety_now.breathing" in lines(life)


def test_other_patients_and_other_screens_keep_their_lines(life):
    life.opened(1, "full")
    assert not [line for line in lines(life) if isinstance(line, tuple)]
    agree(life)
    life.opened(2, "full")
    life.tap("none", life.at(2))
    assert not [line for line in lines(life, "safety_new") if isinstance(line, tuple)]


def test_k13_none_is_no_alarm_and_yes_is_an_emergency(life):
    agree(life)
    assert life.check(1)[-1] == "done.routine"
    assert "call.emergency" in life.check(2, safety_now="yes", which_now="bladder")
