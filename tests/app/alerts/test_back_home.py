"""When check-ins go on after a pause while something is open: the screen begins with whom to call, as the pause did."""

import pytest

from bot.app.patients import participation
from bot.core.schedule import Pause
from bot.core.screen import Action
from bot.dialog import menus, taps
from bot.dialog.leaving_screens import KEEP, KIND
from tests.app.alerts.test_joining import escalate
from tests.app.alerts.test_replies import at_hospital, coordinator, home_question, notices
from tests.app.concerns.test_cases import Life, life

__all__ = ["Life", "coordinator", "life"]
BREATHING = {"safety_now": "yes", "which_now": "breathing"}
EYES = {"safety_new": "yes", "which_new": "eyes"}
OPEN = [
    ({}, None),
    (BREATHING, "stop.open.emergency"),
    (EYES, "stop.open.urgent"),
    ({"numbness": "mild"}, "stop.open.soon"),
]
EACH = pytest.mark.parametrize(("found", "call"), OPEN, ids=["nothing", "emergency", "urgent", "soon"])


def keys(screen):
    return [line.key for line in screen.lines]


def first(call):
    return [call] if call is not None else []


def last_screen(life, name):
    return [q.row.screen for q in life.database.outbox() if q.row.screen.name == name][-1]


@pytest.mark.parametrize(("found", "call"), OPEN[:3], ids=["nothing", "emergency", "urgent"])
def test_home_from_the_hospital(life, coordinator, found, call):
    at_hospital(life)
    if found:
        life.check(3, **found)
    question = home_question(life)
    assert keys(question) == [*first(call), "call.home.ask", "call.home.why"]
    following = life.press(question, "home", 7, 1)
    assert keys(following) == [*first(call), "pause.over", "done.next"]


@pytest.mark.parametrize(("found", "call"), OPEN[:3], ids=["nothing", "emergency", "urgent"])
def test_not_home_yet(life, coordinator, found, call):
    at_hospital(life)
    if found:
        life.check(3, **found)
    following = life.press(home_question(life), "not_home", 7, 1)
    assert keys(following) == [*first(call), "call.home.paused", "call.home.worse"]


@pytest.mark.parametrize(("found", "notice"), [({}, "staff.call.home"), (BREATHING, "staff.call.home_open")])
def test_the_team_is_notified_once_that_the_patient_is_home(life, coordinator, found, notice):
    at_hospital(life)
    if found:
        life.check(3, **found)
        escalate(life, 3, 1)
    question, seen = home_question(life), len(life.database.outbox())
    life.press(question, "home", 7, 1)
    life.press(question, "home", 7, 2)
    assert notices(life, seen) == [notice]


@EACH
def test_check_ins_started_again_by_the_patient(life, found, call):
    if found:
        life.check(0, **found)
    life.run(participation.pause, "P-0001", None, at=life.at(0, 3))
    life.run(menus.tapped, life.patient(), "resume", at=life.at(1))
    assert keys(last_screen(life, "resumed")) == [*first(call), "pause.over"]


@EACH
def test_check_ins_started_again_by_the_team(life, found, call):
    if found:
        life.check(0, **found)
    life.run(participation.pause, "P-0001", None, at=life.at(0, 3))
    life.run(participation.resume_for, "P-0001", at=life.at(1))
    assert keys(last_screen(life, "plan.changed"))[: 1 + bool(call)] == [*first(call), "plan.changed"]


@EACH
def test_pause_that_the_team_planned(life, found, call):
    if found:
        life.check(0, **found)
    today = life.at(0).date()
    pause = Pause(first=today.replace(day=today.day + 2), last=today.replace(day=today.day + 5))
    patient = life.patient()
    life.run(lambda w: w.notices.paused(patient, pause, is_planned=True), at=life.at(1))
    assert keys(last_screen(life, "pause")) == [*first(call), "pause.planned"]


@EACH
def test_keeping_on_after_the_stop_screen(life, found, call):
    if found:
        life.check(0, **found)
    life.run(lambda w: taps.tap(w, life.anna.chat_id, Action(kind=KIND, choice=KEEP)), at=life.at(1))
    assert keys(last_screen(life, "stop.kept")) == [*first(call), "stop.kept"]
