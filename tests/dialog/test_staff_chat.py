"""The team's own chats: joining by a link, the menu, patients by study code, plan changes by menu."""

import pytest

from bot.app.alerts import escalation
from bot.app.records.patients import PatientState
from bot.app.team import members
from bot.core.protocol import Tier
from bot.core.screen import Action
from bot.dialog import conversation, staff_chat
from bot.dialog.replies import Meaning
from tests.app.conftest import AT
from tests.fakes.team import MINUTE, keys, words


@pytest.fixture
def team(team):
    team.join("ann")
    return team


def invited(team, name="ben", role="coordinator"):
    return team.run(members.add, name=name, role=role, language=None, by="lead-0")[1]


def start(team, chat, token, at=AT):
    return team.run(conversation.start, chat, token, None, at=at)


def sent_to(team, chat):
    return [q.row for q in team.database.outbox() if q.row.chat_id == chat]


# -- joining


def test_a_link_makes_a_chat_someones_once(team):
    token = invited(team)
    start(team, 200, token)
    ben = team.run(lambda s: s.staff.by_chat(200))
    assert (ben.name, ben.state, ben.token_hash, ben.joined_at) == ("ben", "active", None, AT)
    assert [r.screen.name for r in sent_to(team, 200)] == ["staff.welcome", "staff.menu"]
    start(team, 201, token)
    assert team.run(lambda s: s.staff.by_chat(201)) is None
    assert [r.screen.name for r in sent_to(team, 201)] == ["stranger.bad_invite"]


def test_a_link_that_is_too_old_opens_nothing(team):
    token = invited(team)
    start(team, 200, token, at=AT + team.clinic.protocol.clocks.invite_valid)
    assert team.run(lambda s: s.staff.by_chat(200)) is None


def test_a_new_link_ends_the_earlier_one_and_moves_the_chat(team):
    old = invited(team)
    _, new = team.run(members.renew_link, "ben", by="lead-0")
    start(team, 200, old)
    assert team.run(lambda s: s.staff.by_chat(200)) is None
    start(team, 200, new)
    _, again = team.run(members.renew_link, "ben", by="lead-0")
    assert team.run(lambda s: s.staff.by_chat(200)).name == "ben", "the old chat stays until then"
    start(team, 201, again)
    assert team.run(lambda s: (s.staff.by_chat(200), s.staff.by_chat(201).name)) == (None, "ben")


def test_a_chat_that_is_someone_elses_stays_theirs(team):
    token = invited(team)
    start(team, team.chats["ann"], token)
    assert team.run(lambda s: s.staff.by_chat(team.chats["ann"])).name == "ann"
    start(team, 7, token)
    assert team.run(lambda s: s.staff.by_chat(7)) is None, "a patient's chat is the patient's"


def test_who_was_removed_comes_back_by_a_new_link(team):
    team.run(escalation.remove, "ann", by="lead-0")
    _, token = team.run(members.renew_link, "ann", by="lead-0")
    start(team, 300, token)
    assert team.run(lambda s: s.staff.by_chat(300)).name == "ann"
    assert [row.name for row in team.run(members.current_members)] == ["ann"]


def test_who_was_removed_is_a_stranger(team):
    team.run(escalation.remove, "ann", by="lead-0")
    team.run(conversation.command, team.chats["ann"], "staff")
    assert sent_to(team, team.chats["ann"])[-1].screen.name == "stranger.hello"


# -- the menu


@pytest.mark.parametrize("given", ["staff", "menu", "help", "words", "start", "stale"])
def test_any_input_shows_open_alerts(team, given):
    number = team.raise_alert(Tier.EMERGENCY)
    chat = team.chats["ann"]
    inputs = {
        "words": lambda: team.run(conversation.message, chat, Meaning("unknown")),
        "start": lambda: start(team, chat, ""),
        "stale": lambda: team.run(conversation.stale_tap, chat),
    }
    inputs.get(given, lambda: team.run(conversation.command, chat, given))()
    ((screen, _),) = team.news("ann")
    assert (screen.name, screen.lines[0].values["n"], words(screen)) == ("staff.menu", 1, ["open", "digest"])
    team.tap("ann", number, "open")
    assert team.names("ann") == [("staff.alert", "new")]


def test_a_button_that_means_nothing_any_more_shows_the_menu(team):
    for action in (
        Action(kind="staff", subject=99, choice="take"),
        Action(kind="staff", subject=team.raise_alert(), choice="dance"),
        Action(kind="choose", subject=1),
        Action(kind="plan", subject=99, choice="pause"),
        Action(kind="plan", subject=team.anna.id, choice="dance"),
        Action(kind="team", choice="dance"),
    ):
        said = team.run(conversation.tap, team.chats["ann"], action)
        assert said.toast.key == "staff.toast.gone"
        assert ("staff.menu", "new") in team.names("ann")


def test_a_patients_staff_command_is_a_patients(team):
    team.run(conversation.command, 7, "staff")
    assert all(not r.screen.name.startswith("staff") for r in sent_to(team, 7))


# -- a patient


def look_up(team, code="P-0001", name="ann"):
    team.run(conversation.message, team.chats[name], Meaning("code", code=code))
    return team.news(name)[-1][0]


def test_a_study_code_shows_the_patient_and_is_audited(team):
    team.raise_alert()
    screen = look_up(team)
    assert screen.name == "staff.patient"
    assert (screen.lines[0].values["code"], screen.lines[0].values["state"].key) == ("P-0001", "staff.state.active")
    assert screen.lines[1].values["n"] == 1
    assert "numb" not in screen.model_dump_json(), "no answers"
    assert ("ann", "patient_looked_up", {}) in team.audited()
    assert keys(look_up(team, "P-0099")) == ["staff.no_patient"]


def test_a_code_means_nothing_in_a_patients_chat(team):
    team.run(conversation.message, 7, Meaning("code", code="P-0001"))
    assert [r.screen.name for r in sent_to(team, 7)][-1] == "said"


def plan(team, word, *, yes=False, name="ann", at=AT):
    action = Action(kind="plan", subject=team.anna.id, question="yes" if yes else "", choice=word)
    return team.run(conversation.tap, team.chats[name], action, at=at)


@pytest.mark.parametrize("word", ["stop_today", "pause7", "pause", "send", "evening"])
def test_a_plan_is_changed_only_after_a_yes(team, word):
    before = team.run(lambda s: (s.patients.get(team.anna.id), len(s.checkins.of_patient(team.anna.id))))
    plan(team, word)
    ((sure, _),) = team.news("ann")
    stops = ["stop_side_effect", "stop_planned_end", "stop_other", "stop_unknown"]
    assert (sure.name, words(sure)) == ("staff.sure", [*(stops if word == "stop_today" else [word]), "open"])
    assert team.run(lambda s: (s.patients.get(team.anna.id), len(s.checkins.of_patient(team.anna.id)))) == before
    plan(team, word, yes=True, at=AT + MINUTE)
    assert keys(team.news("ann")[-1][0]) == ["staff.changed"]
    assert team.run(lambda s: (s.patients.get(team.anna.id), len(s.checkins.of_patient(team.anna.id)))) != before
    assert any(actor == "ann" for actor, action, _ in team.audited() if action != "staff_joined")


@pytest.mark.parametrize(
    ("word", "reason"), [("stop_side_effect", "side_effect"), ("stop_other", "other"), ("stop_today", "unknown")]
)
def test_a_stop_is_stored_with_its_reason(team, word, reason):
    plan(team, word, yes=True)
    newest = team.run(lambda s: s.patients.get(team.anna.id)).treatment.newest
    assert (newest.stop, newest.reason) == (AT.date(), reason)


def test_what_changes_is_said_before(team):
    plan(team, "evening")
    ((sure, _),) = team.news("ann")
    assert sure.lines[1].key == "staff.effect"
    assert sure.lines[1].values["moved"] > 0


def test_patient_is_notified_of_a_change(team):
    plan(team, "evening", yes=True)
    assert sent_to(team, 7)[-1].screen.name == "plan.changed"


def test_pause_is_ended_and_the_patient_notified(team):
    plan(team, "pause", yes=True)
    assert team.run(lambda s: s.patients.get(team.anna.id).state) is PatientState.PAUSED
    plan(team, "resume", yes=True, at=AT + MINUTE)
    assert team.run(lambda s: s.patients.get(team.anna.id).state) is PatientState.ACTIVE
    assert sent_to(team, 7)[-1].screen.name == "plan.changed"
    team.news("ann")
    plan(team, "resume", yes=True, at=AT + MINUTE)
    assert keys(team.news("ann")[0][0]) == ["staff.refused"]


def test_an_operator_sees_no_patient_and_changes_no_plan(team):
    team.join("otto", "operator")
    assert look_up(team, name="otto").name == "staff.menu"
    assert plan(team, "open", name="otto").toast.key == "staff.toast.gone"
    before = team.run(lambda s: s.patients.get(team.anna.id))
    assert plan(team, "pause", yes=True, name="otto").toast.key == "staff.toast.gone"
    assert team.run(lambda s: s.patients.get(team.anna.id)) == before


# -- every button


def test_staff_chat_handles_each_button_it_shows(team):
    """No button of the team's screens leads to "that button is closed" while it is shown."""
    number = team.raise_alert()
    team.sweep(AT)
    seen, waiting = set(), [screen for screen, _ in team.news("ann")]
    while waiting:
        for row in waiting.pop().rows:
            for button in row:
                action = button.action
                if (action.kind, action.question, action.choice) in seen or action.choice == "close":
                    continue
                seen.add((action.kind, action.question, action.choice))
                said = team.run(staff_chat.tapped, ann(team), action)
                assert said.toast is None or said.toast.key != "staff.toast.gone", action
                waiting += [screen for screen, _ in team.news("ann")]
    assert len(seen) > 9
    assert team.alert(number).owner == "ann"


def ann(team):
    return team.run(lambda s: s.staff.by_name("ann"))
