"""Duties outlive data: nothing that a patient does ends an open concern for the team (law 10)."""

from datetime import timedelta

import pytest

from bot.app.alerts import ownership, queue
from bot.app.operations import sweeps
from bot.app.patients import out_of_care, participation, registry
from bot.app.ports.errors import RefusedError
from bot.app.records.messages import OutboxState
from bot.core.protocol import Tier
from bot.core.screen import Action
from bot.dialog import conversation
from tests.app.checkins.test_half_answers import life
from tests.contract import samples
from tests.fakes.team import Team

__all__ = ["life"]
MINUTE = timedelta(minutes=1)
FOUND = {
    "emergency": {"safety_now": "yes", "which_now": "heart"},
    "urgent": {"safety_new": "yes", "which_new": "eyes"},
    "soon": {"change": "yes", "autonomic": "dizzy"},
}


@pytest.fixture
def staff(life, clinic):
    team = Team(life.database, clinic, life.anna)
    team.join("ann")
    return team


def escalate(life, at):
    life.run(sweeps.team_clocks, 50, at=at)


def shown(life, chat_id, since=0):
    """The screens sent to a chat, by name and the keys of their lines."""
    rows = [q.row for q in life.database.outbox()[since:] if q.row.chat_id == chat_id]
    return [(row.screen.name, [line.key for line in row.screen.lines]) for row in rows]


def waiting(life, chat_id):
    return [
        q.row.screen.name for q in life.database.outbox() if q.row.chat_id == chat_id and q.state is OutboxState.WAITING
    ]


def leave(life, how, at):
    acts = {"withdrawn": participation.withdraw, "erased": participation.erase}
    if how == "paused":
        life.run(participation.pause, "P-0001", None, at=at)
    elif how == "new phone":
        token = life.run(registry.invite_again, "P-0001", at=at)[1]
        life.run(conversation.start, 8, token, "en", at=at)
    else:
        life.run(acts[how], "P-0001", at=at)


WORDS = {"withdrawn": "left", "erased": "left", "paused": "paused", "new phone": "new_phone"}


@pytest.mark.parametrize("how", WORDS)
def test_team_is_notified_and_its_clocks_go_on(life, staff, how):
    life.check(0, **FOUND["urgent"])
    escalate(life, life.at(0))
    before = life.alerts()[0]
    assert before.next_escalation_at is not None
    leave(life, how, life.at(0, 0.5))
    (now,) = life.alerts()
    assert (now.id, now.tier, now.next_escalation_at) == (before.id, Tier.URGENT, before.next_escalation_at)
    assert (now.notified, now.closed_at) == (before.notified, None)
    notices = [keys for name, keys in shown(life, staff.chats["ann"]) if name == "staff.notice"]
    assert f"staff.call.{WORDS[how]}" in notices[-1]


@pytest.mark.parametrize("how", ["withdrawn", "erased"])
@pytest.mark.parametrize("tier", FOUND)
def test_who_leaves_while_something_is_open_reads_whom_to_call(life, how, tier):
    life.check(0, **FOUND[tier])
    leave(life, how, life.at(0, 0.5))
    last, more = {"withdrawn": ("stop.done", ["stop.again"]), "erased": ("stop.erased", [])}[how]
    assert shown(life, 7)[-1] == (last, [f"stop.open.{tier}", last, *more])


@pytest.mark.parametrize("how", ["withdrawn", "erased"])
def test_who_leaves_with_nothing_open_reads_nothing_of_a_call(life, how):
    life.check(0)
    leave(life, how, life.at(0, 0.5))
    last, more = {
        "withdrawn": ("stop.done", ["numbers.both", "stop.again"]),
        "erased": ("stop.erased", ["numbers.both"]),
    }[how]
    assert shown(life, 7)[-1] == (last, [last, *more])
    assert life.alerts() == []


@pytest.mark.parametrize("how", ["withdrawn", "erased"])
def test_chat_gets_no_prompts_after_leaving(life, how):
    life.check(0, **FOUND["emergency"])
    leave(life, how, life.at(0, 0.1))
    seen = len(life.database.outbox())
    for hours in (0.2, 0.5, 1, 30):
        for sweep in sweeps.ALL:
            life.run(sweep, 50, at=life.at(0, hours))
    assert shown(life, 7, seen) == []


def test_message_that_waits_for_the_morning_is_not_sent_after_leaving(life):
    evening = life.at(0, 12.5)
    life.opened(12.5 / 24)
    for choice in ("no", "none", "none", "mild"):
        life.tap(choice, evening)
    life.run(sweeps.checkin_clocks, 50, at=evening + timedelta(hours=1))
    assert "call.soon" in waiting(life, 7)
    leave(life, "withdrawn", evening + timedelta(hours=2))
    assert "call.soon" not in waiting(life, 7)
    assert shown(life, 7)[-1][1][0] == "stop.open.soon"


def test_erased_patient_leaves_code_tier_and_why_until_an_outcome(life, staff):
    life.check(0, **FOUND["soon"])
    life.check(1, **FOUND["emergency"])
    leave(life, "erased", life.at(1, 0.1))
    (kept,) = life.alerts()
    assert (kept.tier, kept.rules, kept.symptoms) == (Tier.EMERGENCY, ("left_while_open",), ())
    assert (kept.checkin_id, kept.named_at, kept.declared, kept.last_reply) == (None, None, None, None)
    assert life.run(lambda s: s.checkins.of_patient(life.anna.id)) == []
    assert life.run(lambda s: s.concerns.of_patient(life.anna.id)) is None
    assert life.run(queue.alert_line, kept, at=life.at(1, 1)).code == "P-0001"
    escalate(life, life.at(1, 1))
    assert life.alerts()[0].notified == ("ann",)
    life.run(sweeps.housekeeping, 50, at=life.at(9))
    assert len(life.alerts()) == 1, "until staff record an outcome"
    life.staff(kept, "spoke_to_patient", 9)
    life.run(sweeps.housekeeping, 50, at=life.at(9))
    assert life.alerts() == []


def comes_back(life, at):
    token = life.run(registry.invite_again, "P-0001", at=at)[1]
    life.run(conversation.start, 8, token, "en", at=at)
    back = life.patient().model_copy(update={"state": "active", "enrol_step": None})
    life.run(lambda s: s.patients.save(back))


def test_what_is_found_after_an_erased_patient_came_back_leaves_nothing_of_before_unnamed(life, staff):
    """What was left while open has no name but that no sign was named: the alert goes on about it, whatever joins."""
    life.check(0, **FOUND["emergency"])
    leave(life, "erased", life.at(0, 0.1))
    comes_back(life, life.at(2))
    life.check(3, **FOUND["soon"])
    (alert,) = life.alerts()
    assert set(alert.symptoms) == {"sign_not_named", "dizzy"}
    life.reply(alert, "team_knows", 3, 1)
    assert (life.state("dizzy"), life.state("sign_not_named")) == ("reached", "open")
    with pytest.raises(RefusedError):
        life.staff(alert, "no_action", 4)
    life.check(5, safety_new="not_sure", which_new="not_sure")
    life.reply(life.alerts()[0], "reached", 5, 1)
    assert life.state("sign_not_named") == "reached"


def test_nothing_is_kept_of_an_erased_patient_without_anything_open(life):
    life.check(0, **FOUND["urgent"])
    life.run(ownership.note, life.alerts()[0].id, "spoke_to_patient", at=life.at(0, 0.1), by="lead-1")
    leave(life, "erased", life.at(0, 0.5))
    assert life.alerts() == []


def test_what_no_open_alert_names_gets_one(life, staff):
    """As after an earlier version closed its alert without contact."""
    life.check(0, **FOUND["urgent"])
    (first,) = life.alerts()
    closed = {"closed_at": life.at(0, 1), "closed_by": "lead-1", "outcome": "not_reached"}
    life.run(lambda s: s.alerts.save(s.alerts.get(first.id).model_copy(update=closed)))
    leave(life, "withdrawn", life.at(0, 2))
    new = life.alerts()[-1]
    assert (new.id != first.id, new.tier, set(new.symptoms)) == (
        True,
        Tier.URGENT,
        {"sign_not_named", "eyes"} & set(new.symptoms),
    )
    assert "eyes" in new.symptoms
    assert new.next_patient_prompt_at is None


def test_old_button_of_one_who_left_starts_no_prompt(life):
    life.check(0, **FOUND["urgent"])
    (alert,) = life.alerts()
    leave(life, "withdrawn", life.at(0, 0.5))
    tap = Action(kind="alert", subject=alert.id, choice="not_yet")
    life.run(conversation.tap, 7, tap, at=life.at(0, 1))
    assert life.alerts()[0].next_patient_prompt_at is None


def test_unfinished_answers_of_one_who_leaves_count(life):
    life.opened(0)
    for choice in ("no", "none", "none", "mild"):
        life.tap(choice, life.at(0))
    leave(life, "withdrawn", life.at(0, 0.1))
    assert [alert.tier for alert in life.alerts()] == [Tier.SOON]
    assert life.state("numbness") == "open"


def test_pause_stops_no_prompt_of_an_open_red_flag(life):
    life.check(0, **FOUND["urgent"])
    before = life.alerts()[0].next_patient_prompt_at
    leave(life, "paused", life.at(0, 0.1))
    assert life.alerts()[0].next_patient_prompt_at == before is not None


def test_no_after_coming_back_while_something_is_open_says_to_call(life):
    life.check(0, **FOUND["urgent"])
    leave(life, "withdrawn", life.at(0, 0.4))
    leave(life, "new phone", life.at(0, 0.5))
    for step, word in (("welcome", "next"), ("consent1", "next"), ("consent2", "next"), ("consent3", "no")):
        revision = life.patient().enrol_revision
        tap = Action(kind="enrol", revision=revision, question=step, choice=word)
        life.run(conversation.tap, 8, tap, at=life.at(0, 0.6))
    assert shown(life, 8)[-1] == ("enrol.declined", ["stop.open.urgent", "enrol.declined"])


@pytest.mark.parametrize("how", ["withdrawn", "erased"])
def test_alert_without_an_outcome_outlives_the_patients_own_yes(life, staff, how):
    """The patient spoke with someone, so nothing is open; the team has not dealt with its alert yet."""
    life.check(0, **FOUND["emergency"])
    escalate(life, life.at(0))
    tap = Action(kind="alert", subject=life.alerts()[0].id, choice="reached")
    life.run(conversation.tap, 7, tap, at=life.at(0, 0.2))
    assert life.state("heart") == "reached"
    life.run(conversation.command, 7, "delete", at=life.at(0, 0.3))
    assert shown(life, 7)[-1] == ("stop.delete", ["delete.ask", "delete.stays", "delete.stays.open"])
    leave(life, how, life.at(0, 0.5))
    (kept,) = life.alerts()
    assert (kept.tier, kept.closed_at) == (Tier.EMERGENCY, None)
    notices = [keys for name, keys in shown(life, staff.chats["ann"]) if name == "staff.notice"]
    assert "staff.call.left" in notices[-1]
    assert kept.next_escalation_at is not None


# -- undoing a stop

STOP, UNDO = (Action(kind="stop", choice=word) for word in ("withdraw", "undo"))


def stops(life, at):
    life.run(conversation.tap, 7, STOP, at=at)


def undoes(life, at):
    life.run(conversation.tap, 7, UNDO, at=at)


def consents(life):
    return [(c.given_at, c.withdrawn_at) for c in life.run(lambda s: s.consents.of_patient(life.anna.id))]


def agreed(life, text_hash):
    given = samples.consent(life.anna.id).model_copy(
        update={"text_hash": text_hash, "withdrawn_at": None, "given_at": life.at(0)}
    )
    life.run(lambda s: s.consents.add(given))


@pytest.mark.parametrize(("hours", "state"), [(23.9, "active"), (24, "withdrawn"), (500, "withdrawn")])
def test_stop_can_be_undone_for_a_day(life, clinic, hours, state):
    agreed(life, clinic.consent_hash)
    stops(life, life.at(0, 1))
    undoes(life, life.at(0, 1 + hours))
    now = life.patient()
    assert now.state == state
    assert (now.next_due_at is not None) == (state == "active")
    again = [(life.at(0, 1 + hours), None)] if state == "active" else []
    assert consents(life) == [(life.at(0), life.at(0, 1)), *again], "each consent stays as it was given"


def test_stop_is_not_undone_if_the_text_agreed_to_has_changed(life):
    agreed(life, "of an earlier text")
    stops(life, life.at(0, 1))
    undoes(life, life.at(0, 2))
    assert life.patient().state == "withdrawn"
    stopped = life.database.outbox()[-1].row.screen
    assert (stopped.name, [line.key for line in stopped.lines][-1]) == ("stopped", "stopped.body"), "how to join again"
    assert not [b for row in stopped.rows for b in row if b.action is not None and b.action.choice == "undo"]


def test_undo_brings_back_an_open_ended_pause(life):
    leave(life, "paused", life.at(0, 1))
    stops(life, life.at(0, 2))
    undoes(life, life.at(0, 3))
    assert life.patient().state == "paused"


def test_undo_brings_back_the_daily_follow_up(life):
    life.check(0, **FOUND["soon"])
    before = life.patient().follow_up
    stops(life, life.at(0, 2))
    assert life.patient().follow_up is None
    undoes(life, life.at(0, 3))
    assert life.patient().follow_up == before is not None


@pytest.mark.parametrize("who", ["staff", "out of care"])
def test_only_the_patients_own_stop_can_be_undone(life, who):
    if who == "staff":
        leave(life, "withdrawn", life.at(0, 1))
    else:
        stops(life, life.at(0, 0.5))
        life.run(lambda w: out_of_care.end_care(w, w.patients.by_code("P-0001")), at=life.at(0, 1))
    undoes(life, life.at(0, 2))
    assert life.patient().state == "withdrawn"


def test_undo_with_nothing_open_asks_nothing(life):
    life.check(0)
    stops(life, life.at(0, 2))
    seen = len(life.database.outbox())
    undoes(life, life.at(0, 3))
    assert [name for name, _ in shown(life, 7, seen)] == ["stop.undone"]


# -- deleting


def test_no_button_but_the_last_deletes_and_that_one_for_ten_minutes(life):
    life.check(0)
    first = {"erase", "delete", "keep", "undo", "export"}
    for word in sorted(first):
        life.run(conversation.tap, 7, Action(kind="stop", choice=word), at=life.at(1))
    made = int(life.at(1).timestamp()) // 60
    for minute in (0, made - 11, made + 1):
        life.run(conversation.tap, 7, Action(kind="stop", choice="delete_now", subject=minute), at=life.at(1))
        assert life.run(lambda s: s.checkins.of_patient(life.anna.id))
    life.run(conversation.tap, 7, Action(kind="stop", choice="delete_now", subject=made - 10), at=life.at(1))
    assert life.run(lambda s: s.checkins.of_patient(life.anna.id)) == []


@pytest.mark.parametrize("state", ["declined", "enrolling"])
def test_who_declined_can_delete_but_not_a_chat_that_is_enrolling(life, state):
    """It may be a new phone, where nobody has agreed to anything yet."""
    life.check(0)
    changed = life.patient().model_copy(update={"state": state, "enrol_step": "welcome"})
    life.run(lambda s: s.patients.save(changed))
    life.run(conversation.command, 7, "delete", at=life.at(1))
    assert shown(life, 7)[-1][0] == {"declined": "stop.delete", "enrolling": "enrol.welcome"}[state]
    minute = int(life.at(1).timestamp()) // 60
    for tap in (Action(kind="stop", choice="delete"), Action(kind="stop", choice="delete_now", subject=minute)):
        life.run(conversation.tap, 7, tap, at=life.at(1))
    assert (life.patient().chat_id is None) == (state == "declined")
    assert bool(life.run(lambda s: s.checkins.of_patient(life.anna.id))) == (state == "enrolling")


def test_chat_that_is_enrolling_can_stop(life):
    changed = life.patient().model_copy(update={"state": "enrolling", "enrol_step": "welcome"})
    life.run(lambda s: s.patients.save(changed))
    life.run(conversation.command, 7, "stop", at=life.at(1))
    stops(life, life.at(1))
    assert life.patient().state == "withdrawn"
    undoes(life, life.at(1, 1))
    assert life.patient().state == "withdrawn", "there is nothing to go back to: the link begins again"


def test_who_goes_on_while_enrolling_sees_the_screen_where_they_are(life):
    """There is no keyboard yet, so that the message of somebody who is enrolled would lead nowhere."""
    changed = life.patient().model_copy(update={"state": "enrolling", "enrol_step": "consent2"})
    life.run(lambda s: s.patients.save(changed))
    life.run(conversation.command, 7, "stop", at=life.at(1))
    life.run(conversation.tap, 7, Action(kind="stop", choice="keep"), at=life.at(1))
    assert shown(life, 7)[-1][0] == "enrol.consent2"
    assert life.patient().state == "enrolling"
