"""Concerns and levels in the team's chats."""

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.app.concerns import usual_signs
from bot.app.concerns.memory import remember
from bot.chat.buttons import encode
from bot.core.concern_values import Level
from bot.core.happenings import Answered, KnownBefore
from bot.core.protocol import Tier
from bot.core.screen import Action
from bot.dialog import staff_chat
from bot.dialog.replies import Meaning
from bot.dialog.staff_levels import LEVEL_KIND
from tests.app.conftest import AT
from tests.fakes.team import MINUTE, keys

NAMED = KnownBefore(symptom="stairs", level=Level(Tier.URGENT, 2), is_helper=False)


@pytest.fixture
def team(team):
    team.clinic = replace(team.clinic, staff_answers=True, console_url="https://desk.example")
    team.join("ann")
    team.join("ben", "lead")
    return team


def hear(team, *happenings, at=AT):
    team.run(remember, team.anna, happenings, at=at)


def tap(team, name, at=AT + MINUTE, **action):
    person = team.run(lambda s: s.staff.by_name(name))
    return team.run(staff_chat.tapped, person, Action(kind=LEVEL_KIND, subject=team.anna.id, **action), at=at)


def shown(team, name, at=AT + MINUTE):
    tap(team, name, at, choice="open")
    ((screen, _),) = team.news(name)
    return screen


def buttons(screen):
    return {
        (b.action.choice[0], b.action.question): b.action for row in screen.rows for b in row if b.action is not None
    }


def usual(team, symptom="stairs"):
    return team.run(lambda s: s.concerns.of_patient(team.anna.id)).value.usual(symptom)


def test_patients_screen_leads_to_the_levels(team):
    person = team.run(lambda s: s.staff.by_name("ann"))
    team.run(staff_chat.message, person, Meaning("code", code=team.anna.code))
    ((screen, _),) = team.news("ann")
    assert screen.rows[-1][0].action == Action(kind=LEVEL_KIND, subject=team.anna.id, choice="open")


def test_levels_are_listed_in_words(team):
    assert keys(shown(team, "ann")) == ["staff.levels", "staff.levels.nothing"]
    hear(team, Answered(symptom="eyes", level=Level(Tier.URGENT, 1), by="x", day=AT.date()), NAMED)
    screen = shown(team, "ann")
    assert keys(screen) == ["staff.levels", "staff.levels.named", "staff.levels.open", "staff.levels.waiting"]
    assert screen.lines[1].values["level"].key == "choice.trouble.much"
    assert screen.lines[2].values["level"].key == "staff.level.there"
    assert [b.url for row in screen.rows for b in row if b.url] == [
        "https://desk.example/console/patients/P-0001#levels"
    ]


def test_level_is_confirmed_or_rejected_by_a_button(team):
    hear(team, NAMED)
    tapped = buttons(shown(team, "ann"))[("c", "stairs")]
    assert encode(tapped, b"k", 10**12), "it fits into a button"
    tap(team, "ann", choice=tapped.choice, question="stairs")
    assert (usual(team).reference, usual(team).confirm_until) == (Level(Tier.URGENT, 2), None)
    team.news("ann")
    tap(team, "ann", choice=tapped.choice, question="stairs")
    assert [keys(screen) for screen, _ in team.news("ann")] == [["staff.refused"]], "done already"


def test_k43_button_of_an_older_message_decides_nothing(team):
    hear(team, NAMED)
    tapped = buttons(shown(team, "ann"))[("c", "stairs")]
    hear(team, Answered(symptom="stairs", level=Level(Tier.URGENT, 3), by="x", day=AT.date()), at=AT + 2 * MINUTE)
    tap(team, "ann", AT + 3 * MINUTE, choice=tapped.choice, question="stairs")
    assert usual(team).confirm_until is not None
    tap(team, "ann", AT + 3 * MINUTE, choice="r", question="stairs")
    assert usual(team).confirm_until is not None, "a button without a time"
    tapped = buttons(shown(team, "ben", AT + 4 * MINUTE))[("r", "stairs")]
    tap(team, "ben", AT + 5 * MINUTE, choice=tapped.choice, question="stairs")
    assert usual(team).reference == Level(Tier.ROUTINE, 0)


def test_usual_sign_is_accepted_by_the_second_member(team):
    why = {"reason": "since surgery", "decided_by": "Dr. Weiss"}
    team.run(usual_signs.agree_usual_sign, team.anna.code, "bladder", "there", 91, **why, at=AT, by="ann")
    assert ("a", "bladder") not in buttons(shown(team, "ann"))
    tapped = buttons(shown(team, "ben"))[("a", "bladder")]
    tap(team, "ben", choice=tapped.choice, question="bladder")
    assert usual(team, "bladder").agreed_until == AT + MINUTE + timedelta(days=91)
    team.run(usual_signs.agree_usual_sign, team.anna.code, "chair", "cannot", 91, **why, at=AT, by="ann")
    tap(team, "ben", choice=buttons(shown(team, "ann"))[("d", "chair")].choice, question="chair")
    assert buttons(shown(team, "ann")).keys() == {("b", "")}


def test_baseline_is_sent_by_a_button(team):
    tap(team, "ann", choice="baseline")
    assert team.run(lambda s: s.checkins.open_of(team.anna.id)).value.form == "baseline"


def test_without_answers_in_messages_no_symptom_is_named(team):
    hear(team, NAMED)
    team.clinic = replace(team.clinic, staff_answers=False)
    screen = shown(team, "ann")
    assert keys(screen) == ["staff.levels", "staff.levels.waiting"]
    assert buttons(screen).keys() == {("b", "")}


def test_operator_sees_no_levels(team):
    team.join("otto", "operator")
    assert tap(team, "otto", choice="open").toast.key == "staff.toast.gone"


def test_after_contact_staff_are_asked_which_signs_remain(team):
    number = team.raise_alert(Tier.EMERGENCY)
    assert team.tap("ann", number, "not_reached").toast.key == "toast.noted"
    assert team.tap("ann", number, "sent_to_ed").toast.key == "staff.toast.remain"
