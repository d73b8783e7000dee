"""One open alert for each patient: what is found later joins it, and who has to know of it is notified."""

from datetime import timedelta

import pytest

from bot.app.alerts import help_requests, ownership, queue, raising
from bot.app.alerts.naming import Found
from bot.app.checkins import answering
from bot.app.operations import sweeps
from bot.app.patients import timeline
from bot.app.ports.errors import RefusedError
from bot.app.records.alerts import AlertState
from bot.core.protocol import Tier
from tests.app.concerns.test_cases import Life, life
from tests.contract import samples

__all__ = ["life"]

SOON, URGENT, EMERGENCY = {"numbness": "mild"}, {"numbness": "strong"}, {"safety_now": "yes", "which_now": "breathing"}
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def team(life):
    """Two members, both on call."""
    for number, name in enumerate(("ann", "ben"), start=100):
        row = samples.staff(name, state="active", chat_id=number)
        life.run(lambda s, r=row: s.staff.add(r))
    return {"ann": 100, "ben": 101}


def the_alert(life: Life):
    (alert,) = life.alerts()
    return alert


def owned(life: Life, day=0.0, hours=0.1):
    alert = the_alert(life)
    escalate(life, day, hours)
    life.run(ownership.acknowledge, alert.id, at=life.at(day, hours), by="ann")
    return alert


def escalate(life: Life, day, hours=0.0):
    life.run(sweeps.team_clocks, at=life.at(day, hours), limit=50)


def sent_to(life: Life, chat, seen=0):
    """The new messages to a chat, with the text of the line that matters of a notice."""
    rows = [q.row for q in life.database.outbox()[seen:] if q.row.chat_id == chat and q.row.mode == "new"]
    return [r.screen.lines[-1].key if r.screen.name == "staff.notice" else r.screen.name for r in rows]


@pytest.mark.parametrize(
    ("first", "second", "tier"),
    [
        (SOON, URGENT, Tier.URGENT),
        (SOON, EMERGENCY, Tier.EMERGENCY),
        (URGENT, EMERGENCY, Tier.EMERGENCY),
        (EMERGENCY, {"safety_now": "yes", "which_now": "heart"}, Tier.EMERGENCY),
    ],
)
def test_emergency_or_what_is_above_the_alert_takes_it_from_its_owner(life, team, first, second, tier):
    life.check(0, **first)
    alert = owned(life)
    seen = len(life.database.outbox())
    life.check(1, **second)
    now = the_alert(life)
    assert (now.id, now.tier) == (alert.id, tier)
    assert (now.owner, now.acknowledged_at, now.next_escalation_at) == (None, None, life.at(1))
    escalate(life, 1)
    assert set(the_alert(life).notified) == {"ann", "ben"}
    got = [sent_to(life, chat, seen) for chat in team.values()]
    assert got == [["staff.call.joined", "staff.alert"], ["staff.alert"]], "the owner at once, and who is on call"


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (URGENT, {"safety_new": "yes", "which_new": "eyes"}),
        (EMERGENCY, URGENT),
        (EMERGENCY, SOON),
        ({"change": "yes", "headache": "yes"}, {"change": "yes", "headache": "yes", "numbness": "none"}),
    ],
)
def test_what_is_no_higher_is_for_the_owner(life, team, first, second):
    life.check(0, **first)
    alert = owned(life)
    seen = len(life.database.outbox())
    life.check(1, **second)
    now = the_alert(life)
    assert (now.id, now.owner, now.tier) == (alert.id, "ann", alert.tier)
    news = [name for name in sent_to(life, team["ann"], seen) if name != "staff.call.joined"]
    assert news == []
    expected = ["staff.call.joined"] if set(now.symptoms) != set(alert.symptoms) else []
    assert [sent_to(life, chat, seen) for chat in team.values()] == [expected, []]


def test_k37_emergency_in_an_acknowledged_soon_alert_is_unacknowledged_with_a_new_clock(life, team):
    life.check(0, **SOON)
    alert = owned(life)
    life.check(0.5, **EMERGENCY)
    now = the_alert(life)
    assert (now.id, now.owner, now.acknowledged_at) == (alert.id, None, None)
    assert (now.clock_from, now.next_escalation_at) == (life.at(0.5), life.at(0.5))


def test_naming_the_sign_takes_the_alert_from_nobody(life, team):
    life.opened(0)
    life.tap("no", life.at(0))
    life.tap("yes", life.at(0))
    owned(life, 0, 0.01)
    seen = len(life.database.outbox())
    life.check(0.01, start=False, which_now="breathing")
    now = the_alert(life)
    assert (now.owner, "breathing" in now.symptoms) == ("ann", True)
    assert sent_to(life, team["ann"], seen) == []


def test_more_within_a_form_that_nobody_acknowledged_is_one_message(life, team):
    life.opened(0)
    life.tap("no", life.at(0))
    life.tap("none", life.at(0))
    life.tap("yes", life.at(0))
    escalate(life, 0)
    seen = len(life.database.outbox())
    life.check(0, start=False, which_new="eyes", numbness="mild")
    assert {"eyes", "numbness"} <= set(the_alert(life).symptoms)
    assert sent_to(life, team["ann"], seen) == []


def test_alert_joined_after_hours_without_an_owner_sounds_again(life, team):
    life.check(0, **URGENT)
    escalate(life, 0)
    seen = len(life.database.outbox())
    life.check(0.2, safety_new="yes", which_new="eyes")
    assert sent_to(life, team["ann"], seen) == ["staff.call.joined"]


def test_what_is_found_after_the_alert_was_closed_has_one_of_its_own(life):
    life.check(0, **URGENT)
    life.staff(the_alert(life), "spoke_to_patient", 0, 1)
    life.check(1, **EMERGENCY)
    assert [a.closed_at is None for a in life.alerts()] == [False, True]


def test_alert_is_not_closed_while_what_joined_it_is_open(life):
    life.check(0, **URGENT)
    alert = the_alert(life)
    life.run(ownership.note, alert.id, "spoke_to_patient", at=life.at(0, 1), by="lead-1")
    life.check(1, **EMERGENCY)
    with pytest.raises(RefusedError, match="has no outcome yet"):
        life.run(ownership.close, alert.id, at=life.at(1, 1), by="lead-1")


def test_closed_alert_is_not_reopened_while_another_is_open(life):
    life.check(0, **URGENT)
    old = the_alert(life)
    life.staff(old, "spoke_to_patient", 0, 1)
    life.check(1, **EMERGENCY)
    with pytest.raises(RefusedError, match="alert 2 of the same patient is open"):
        life.run(ownership.reopen, old.id, at=life.at(1, 1), by="lead-1")


def test_reopened_alert_of_long_ago_is_the_one_that_is_joined(life):
    """Found by a random life: an alert was looked for among the newest fifty alone, and a second one was raised."""
    life.check(0, **URGENT)
    old = the_alert(life)
    life.staff(old, "spoke_to_patient", 0, 1)
    copy = the_alert(life).model_copy(update={"id": 0, "version": 0})
    life.database.run(lambda s: [s.alerts.add(copy) for _ in range(60)])
    life.run(ownership.reopen, old.id, at=life.at(1), by="lead-1")
    life.check(1.1, **EMERGENCY)
    open_now = [
        alert for alert in life.database.run(lambda s: s.alerts.of_patient(old.patient_id)) if not alert.closed_at
    ]
    assert [(alert.id, alert.tier) for alert in open_now] == [(old.id, Tier.EMERGENCY)]


def test_not_yet_on_a_closed_alert_joins_the_open_one(life):
    """One says that somebody spoke with them; the helper's "not yet" on that message opens it again."""
    helper = life.helper()
    life.check(0, **URGENT)
    old = the_alert(life)
    screen = life.prompt(old, 0, 1)
    life.press(screen, "reached", 0, 1.1)
    life.staff(old, "spoke_to_patient", 0, 2)
    life.check(1, safety_new="yes", which_new="eyes")
    life.press(screen, "not_yet", 1, 1, caregiver=helper)
    closed, now = life.alerts()
    assert (closed.closed_at is not None, now.closed_at) == (True, None)
    assert life.state("numbness") in {"open", "reached"}
    if life.state("numbness") == "open":
        assert "numbness" in now.symptoms


# -- the patient's side


def test_questions_come_as_the_highest_that_is_open_needs(life):
    life.check(0, **SOON)
    assert the_alert(life).next_patient_prompt_at == life.at(1)
    life.check(0.01, **EMERGENCY)
    now = the_alert(life)
    assert (now.next_patient_prompt_at, now.call_tier) == (life.at(0.01) + 15 * MINUTE, Tier.EMERGENCY)


def test_questions_that_are_planned_are_not_put_off_by_something_milder(life):
    life.check(0, **EMERGENCY)
    planned = the_alert(life).next_patient_prompt_at
    life.check(0.005, numbness="mild", safety_now="none")
    assert (the_alert(life).next_patient_prompt_at, the_alert(life).call_tier) == (planned, Tier.EMERGENCY)


def test_after_an_emergency_that_was_dealt_with_something_milder_is_asked_about_as_what_it_is(life):
    life.check(0, **EMERGENCY)
    alert = the_alert(life)
    life.run(ownership.note, alert.id, "spoke_to_patient", at=life.at(0, 1), by="lead-1")
    shown = life.check(1, safety_new="yes", which_new="eyes")
    assert "call.urgent" in shown
    assert "call.emergency" not in shown
    now = the_alert(life)
    assert (now.tier, now.call_tier, now.state) == (Tier.EMERGENCY, Tier.URGENT, AlertState.OPEN)
    assert now.next_patient_prompt_at == life.at(1, 1), "an hour after an URGENT"
    screen = life.prompt(now, 1, 1)
    assert screen.lines[-1].key == "loopback.number.urgent"


def test_yes_for_the_emergency_leaves_the_questions_about_the_rest_at_its_tier(life):
    life.check(0, **EMERGENCY)
    alert = the_alert(life)
    screen = life.prompt(alert, 0, 0.25)
    life.check(0.02, safety_new="yes", which_new="eyes")
    following = life.press(screen, "reached", 0, 0.6)
    assert following.name == "call.reply.rest"
    assert the_alert(life).call_tier is Tier.URGENT


def test_what_was_said_of_an_earlier_finding_is_not_said_of_a_later_one(life):
    life.check(0, **SOON)
    alert = the_alert(life)
    life.reply(alert, "can_wait", 0, 1)
    life.reply(alert, "mistake", 0, 1)
    life.check(1, **URGENT)
    assert (the_alert(life).declared, the_alert(life).mistake_at) == (None, None)


def test_help_shows_the_call_screen_of_what_is_open_above_it(life):
    life.check(0, **EMERGENCY)
    seen = len(life.database.outbox())
    life.run(help_requests.need_help, life.patient(), None, at=life.at(0, 1))
    assert "call.emergency" in [q.row.screen.name for q in life.database.outbox()[seen:]]
    assert "help" in the_alert(life).symptoms


# -- what older versions left


def test_finding_joins_the_highest_of_several_open_alerts(life):
    life.check(0, **SOON)
    older = the_alert(life)
    made = {"id": 0, "tier": Tier.URGENT, "symptoms": ("eyes",), "checkin_id": None}
    newer = life.run(lambda s: s.alerts.add(older.model_copy(update=made)))
    life.check(1, **EMERGENCY)
    assert [a.tier for a in life.alerts()] == [Tier.SOON, Tier.EMERGENCY]
    assert "breathing" in life.run(lambda s: s.alerts.get(newer.id)).symptoms


def test_alert_within_an_agreed_level_escalates_once_something_joins_it(life, team):
    alert = life.run(raising.raise_alert, life.patient(), Found(Tier.URGENT, ("sensory.worse",)), at=life.at(0))
    rests = {"is_agreed": True, "next_escalation_at": None}
    life.run(lambda s: s.alerts.save(s.alerts.get(alert.id).model_copy(update=rests)))
    life.check(1, **SOON)
    now = the_alert(life)
    assert (now.is_agreed, now.next_escalation_at) == (False, life.at(1))


def test_timeline_shows_what_joined(life):
    life.check(0, **SOON)
    life.check(1, **EMERGENCY)
    events = life.run(lambda w: timeline.timeline(w, w.patients.get(life.anna.id)))
    found = [(e.at, e.what, e.tier) for e in events if e.kind == "alert"]
    assert (life.at(1), "alert.joined", "EMERGENCY") in found


def test_i_have_called_after_the_sign_was_named_is_about_its_call_screen(life):
    """Named after the call screen, and something milder found at the end of the form: neither makes the call less."""
    life.opened(0)
    for choice in ("no", "none", "yes"):
        life.tap(choice, life.at(0))
    screen = [q.row.screen for q in life.database.outbox() if q.row.screen.name == "call.urgent"][-1]
    life.tap("", life.at(0, 0.05), kind="go_on")
    life.check(0.01, start=False, which_new="eyes", numbness="mild")
    shown = life.press(screen, "called", 0, 0.5)
    assert shown.name == "call.reply.called"
    assert the_alert(life).next_patient_prompt_at == life.at(0, 1.5), "an hour after the call"


def test_i_have_called_about_less_is_kept_and_the_question_about_more_comes_as_planned(life):
    life.check(0, **URGENT)
    old = the_alert(life).raised_at
    life.check(0.02, **EMERGENCY)
    planned = the_alert(life).next_patient_prompt_at
    life.reply(the_alert(life), "called", 0, 0.6, made=old)
    now = the_alert(life)
    assert (now.next_patient_prompt_at, now.last_reply, now.replied_at) == (planned, "called", life.at(0, 0.6))


def test_name_of_the_sign_asks_again_from_the_beginning(life):
    """What was said before was about a sign without a name."""
    life.opened(0)
    for choice in ("no", "none", "yes"):
        life.tap(choice, life.at(0))
    life.reply(the_alert(life), "not_yet", 0, 0.1)
    assert the_alert(life).last_reply == "not_yet"
    life.tap("", life.at(0, 0.1), kind="go_on")
    life.check(0.01, start=False, which_new="eyes")
    now = the_alert(life)
    assert (now.last_reply, now.state, now.asked_tier) == (None, AlertState.OPEN, Tier.URGENT)


def test_call_screen_that_is_shown_again_is_of_what_is_open(life):
    """The EMERGENCY was dealt with; "Need help now" twice shows the team's number, not "call 112"."""
    life.check(0, **EMERGENCY)
    life.run(ownership.note, the_alert(life).id, "spoke_to_patient", at=life.at(0, 1), by="lead-1")
    for minutes in (0, 1):
        seen = len(life.database.outbox())
        life.run(help_requests.need_help, life.patient(), None, at=life.at(1) + minutes * MINUTE)
        sent = (q.row for q in life.database.outbox()[seen:])
        assert next(row.screen.name for row in sent if row.mode == "new") == "call.help"


def test_line_in_the_queue_names_what_is_open_whatever_else_changed(life):
    """Seen in the browser: a help request that joined was hidden behind an answer about stairs."""
    life.check(0, "baseline", stairs="some", known_stairs="yes_known")
    life.check(1, "full", stairs="some", arms="much")
    life.run(help_requests.need_help, life.patient(), None, at=life.at(1, 1))

    def listed():
        (line,) = life.run(queue.queue, at=life.at(1, 2))
        return line

    assert listed().open == ("arms", "help")
    assert listed().summary.startswith("help, arms none → much in 1 day, ")
    life.staff(the_alert(life), "spoke_to_patient", 1, 3)
    closed = the_alert(life)
    assert life.run(lambda w: queue.alert_line(w, closed), at=life.at(1, 4)).open == ()


def test_line_in_the_queue_names_nothing_that_was_taken_back(life):
    life.check(0, safety_new="yes", which_new="eyes")
    row = life.run(lambda s: s.checkins.of_patient(life.anna.id))[0]
    life.run(answering.change, life.patient(), row, "safety_new", ("none",), at=life.at(0, 0.1))
    (line,) = life.run(queue.queue, at=life.at(0, 1))
    assert line.open == ()
    assert line.summary.startswith("new.yes, new.eyes, week")
