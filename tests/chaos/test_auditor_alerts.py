"""The auditor on red flags, calls and days finds each loss that a test creates, and nothing that is by design."""

from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest

from bot.core.checkin import State
from bot.core.protocol import Tier
from bot.core.screen import Action
from bot.dialog import checkins
from tests.app.conftest import AT
from tests.chaos.evidence import ClockSet, Timeline, Window
from tests.chaos.fleet import Kill
from tests.chaos.scene import CHAT, Scene
from tests.contract.samples import checkin
from tests.fakes.databases import sqlite_database


@pytest.fixture
def make(tmp_path):
    made = []

    def scene(**how):
        made.append(Scene(sqlite_database(tmp_path / f"{len(made)}.db"), **how))
        return made[-1]

    yield scene
    for one in made:
        one.database.shut()


@pytest.fixture
def scene(make):
    return make()


def tap_all(scene, *choices):
    for choice in choices:
        scene.choose(choice)
    scene.sweep(seconds=1)


@pytest.fixture
def emergency(scene):
    tap_all(scene, "no", "yes")
    return scene


@pytest.fixture
def urgent(scene):
    tap_all(scene, "no", "none", "yes")
    return scene


# -- red flags


def test_red_flag_is_assessed_independently(emergency, make):
    assert emergency.kinds() == set()
    assert emergency.audited().counts["EMERGENCY flags reassessed"] == 1
    second = make(form="baseline")
    tap_all(second, "none", "not_sure")
    assert second.kinds() == set()
    assert second.audited().counts["URGENT flags reassessed"] == 1


@pytest.mark.parametrize("form", ["quick", "full", "baseline", "again"])
@pytest.mark.parametrize("answers", [("yes",), ("not_sure",), ("none", "yes")])
def test_finds_red_flag_that_raised_nothing(make, form, answers):
    scene = make(form=form)
    tap_all(scene, *(("no",) if form == "quick" else ()), *answers)
    assert scene.kinds() == set()
    scene.spoil("DELETE FROM alert")
    found = scene.audited().found["red flags without alert"]
    assert any("was tapped" in line for line in found)
    assert any("its answers of" in line for line in found), "also without the taps"
    assert any("assessed as" in line for line in found)


def test_finds_emergency_with_only_an_urgent_alert(urgent):
    tap = Action(kind="choose", subject=urgent.row.id, question="safety_now", choice="yes", revision=2)
    urgent.choose("", kind="go_on")
    urgent.choose("", kind="back")
    urgent.choose("", kind="back")
    tap_all(urgent, "yes")
    assert urgent.alert.tier is Tier.EMERGENCY
    assert tap.question == urgent.taps[-1].action.question
    assert urgent.kinds() == set()
    urgent.spoil("DELETE FROM alert WHERE tier = :tier", tier=Tier.EMERGENCY.value)
    assert "red flags without alert" in urgent.kinds()


def test_checkbox_ticks_with_two_signs_are_a_red_flag(scene):
    for choice in ("yes", "none", "none"):
        scene.choose(choice)
    for choice in ("+dizzy", "+bowel"):
        scene.choose(choice, kind="toggle")
    scene.sweep(seconds=1)
    assert scene.alert.tier is Tier.URGENT
    assert scene.kinds() == set()
    scene.spoil("DELETE FROM alert")
    assert "red flags without alert" in scene.kinds()


def test_same_tier_after_a_mistake_needs_no_other_alert(emergency):
    """Its call screen comes again; the team has the alert already."""
    emergency.say("mistake")
    tap_all(emergency, "yes")
    assert emergency.kinds() == set()
    assert emergency.alert.id == 1


def test_finds_final_assessment_that_raised_nothing(scene):
    tap_all(scene, "no", "none", "none", "mild", "not_at_all")
    assert scene.alert.tier is Tier.SOON
    assert scene.kinds() == set()
    scene.spoil("DELETE FROM alert")
    assert scene.kinds() >= {"red flags without alert"}


def test_rules_in_an_existing_alert_need_no_second_one(scene):
    tap_all(scene, "no", "none", "none", "mild", "not_at_all")
    scene.sweep(days=1)
    scene.ask(form="again")
    tap_all(scene, "none", "none", "mild", "not_at_all", "none")
    assert scene.alert.id == 1
    assert scene.kinds() == set()


def test_half_answered_concern_counts_when_superseded(scene):
    tap_all(scene, "yes", "none", "none")
    scene.pass_on(hours=1)
    scene.ask()
    scene.sweep(seconds=1)
    assert scene.kinds() == set()
    scene.spoil("DELETE FROM alert")
    assert "red flags without alert" in scene.kinds()


def help_now(scene):
    scene.tap(Action(kind="help_now", subject=scene.row.id, revision=scene.row.value.revision))


def test_finds_help_request_that_raised_nothing(scene):
    help_now(scene)
    help_now(scene)
    scene.sweep(seconds=1)
    assert scene.audited().counts["calls for help reassessed"] == 2
    assert scene.kinds() == set(), "within the hour it is one alert"
    scene.spoil("DELETE FROM alert")
    assert "red flags without alert" in scene.kinds()


def test_help_on_a_check_in_with_an_alert_needs_its_own_call_screen(emergency):
    emergency.pass_on(minutes=1)
    help_now(emergency)
    emergency.sweep(seconds=1)
    assert emergency.kinds() == set()
    emergency.spoil(
        "UPDATE outbox SET slot = 'menu' WHERE slot LIKE 'alert:1:%' AND id > (SELECT min(id) FROM outbox WHERE slot LIKE 'alert:1:%')"
    )
    assert "red flags without alert" in emergency.kinds()


def test_clock_set_back_in_a_form_asks_for_no_second_alert(scene):
    tap_all(scene, "no", "none", "yes")
    scene.choose("", kind="go_on")
    scene.choose("+fading", kind="toggle")
    scene.pass_on(hours=-2)
    scene.choose("", kind="submit")
    scene.pass_on(hours=-2)
    tap_all(scene, "none")
    assert "red flags without alert" not in scene.kinds()


# -- call screens


def test_finds_call_screen_that_came_to_another_chat(emergency):
    assert "red flags without call screen" in emergency.kinds(calls=emergency.without("alert:1"))
    elsewhere = [
        replace(c, params={**c.params, "chat_id": 8}) if c.params["outbox_slot"] == "alert:1" else c
        for c in emergency.calls
    ]
    assert "red flags without call screen" in emergency.kinds(calls=elsewhere)


def later(scene, slot, seconds, *, clock=None):
    by = timedelta(seconds=seconds if clock is None else clock)
    return [
        replace(c, at=c.at + seconds, ended=c.ended + seconds, clock=c.clock + by)
        if c.params["outbox_slot"] == slot
        else c
        for c in scene.calls
    ]


def test_finds_late_call_screen(emergency):
    late = partial(emergency.kinds, until=AT + timedelta(minutes=5))
    assert late(calls=later(emergency, "alert:1", 100)) == set()
    assert late(calls=later(emergency, "alert:1", 200)) == {"red flags without call screen"}
    assert late(calls=later(emergency, "alert:1", 200), kills=[Kill(1, 20.0)]) == set()
    outage = [Window("outage", 50.0, 80.0)]
    assert late(calls=later(emergency, "alert:1", 200), windows=outage) == set()
    assert late(calls=later(emergency, "alert:1", 1000), windows=outage) == {"red flags without call screen"}


def test_call_screen_is_late_by_elapsed_time_not_clock_jumps(emergency):
    calls = later(emergency, "alert:1", 10, clock=7210)
    for by_chance, found in ((True, set()), (False, {"red flags without call screen"})):
        line = Timeline(0.0, AT, [ClockSet(5.0, 7200.0, by_chance)])
        assert emergency.kinds(calls=calls, timeline=line) == found


# -- safety follow-ups


def test_silent_patient_is_asked_and_the_message_arrives(emergency):
    emergency.sweep(minutes=15)
    assert emergency.audited().counts["safety follow-ups"] == 1
    assert emergency.kinds() == set()
    assert "alerts without safety follow-up" in emergency.kinds(calls=emergency.without("loopback:1:1"))


def test_finds_alert_whose_clock_stopped(emergency):
    emergency.spoil("UPDATE alert SET next_patient_prompt_at = NULL")
    assert emergency.kinds() == {"alerts without safety follow-up"}


def test_finds_alert_without_a_safety_follow_up(emergency):
    overdue = emergency.kinds(until=AT + timedelta(minutes=20))
    assert overdue == {"alerts without safety follow-up"}
    emergency.pass_on(minutes=20)
    emergency.say("reached")
    assert emergency.kinds() == {"alerts without safety follow-up"}, "the reply came long after the due time"


def test_patient_who_called_is_asked_after_the_wait(emergency):
    emergency.sweep(minutes=10)
    emergency.say("called")
    emergency.sweep(minutes=14)
    assert emergency.alert.safety_follow_ups == 0
    assert emergency.kinds() == set()
    emergency.sweep(minutes=2)
    assert emergency.alert.safety_follow_ups == 1
    assert emergency.kinds() == set()


def test_unconfirmed_requires_every_safety_follow_up(emergency):
    for _ in range(4):
        emergency.sweep(minutes=15)
    assert emergency.alert.state.value == "unconfirmed"
    assert emergency.kinds() == set()
    emergency.spoil("UPDATE alert SET safety_follow_ups = 1")
    assert "alerts without safety follow-up" in emergency.kinds()


@pytest.mark.parametrize("word", ["called", "cannot_call", "mistake", "card"])
def test_finds_call_screen_reply_that_is_not_stored(emergency, word):
    emergency.say(word)
    assert emergency.kinds() == set()
    emergency.say(word, works=False)
    assert "replies to calls lost" in emergency.kinds()


def test_reply_after_the_clock_was_set_back_is_the_last(emergency):
    emergency.say("called")
    emergency.pass_on(hours=-2)
    emergency.say("cannot_call")
    assert emergency.kinds() == set()
    emergency.spoil("UPDATE alert SET last_reply = 'called'")
    assert "replies to calls lost" in emergency.kinds()


def test_mistake_asks_again_for_what_is_open(make):
    scene = make(form="baseline")
    tap_all(scene, "none", "none", "none", "much", "no")
    scene.say("reached")
    scene.choose("", kind="go_on")
    tap_all(scene, "none", "none", "none", "cannot")
    assert scene.row.value.cursor == "falls"
    scene.sweep(hours=2, minutes=5)
    scene.sweep(hours=1, minutes=1)
    scene.say("was_mistake")
    assert scene.row.value.cursor == "floor"
    tap_all(scene, "none")
    assert scene.kinds() == set()


def test_doubled_tap_is_answered_once(scene):
    tap_all(scene, "no", "none", "none", "mild", "not_at_all")
    scene.sweep(days=1, hours=2)
    scene.say("was_mistake")
    first = scene.taps[-1]
    scene.say("was_mistake")
    assert scene.kinds() == set()
    row = scene.calls[-2].params["outbox_row"]
    left = [call for call in scene.calls if call.params["outbox_row"] != row]
    assert "replies to calls lost" not in scene.kinds(calls=left)
    assert first.action == scene.taps[-1].action
    none = [call for call in left if call.params["outbox_row"] != scene.calls[-1].params["outbox_row"]]
    assert "replies to calls lost" in scene.kinds(calls=none)


def test_i_feel_worse_said_twice_shows_the_call_screen_twice(emergency):
    emergency.feel_worse()
    emergency.feel_worse()
    assert emergency.kinds() == set()
    emergency.taps.pop()
    assert "messages doubled" in emergency.kinds(), "nobody asked for the second one"


def test_question_about_soon_waits_for_the_end_of_quiet_hours(scene):
    at_night = scene.now.replace(hour=21, minute=30)  # 23:30 in Berlin; a day later it is night again
    scene.now = max(at_night, scene.now)
    tap_all(scene, "no", "none", "none", "mild", "not_at_all")
    assert scene.alert.tier is Tier.SOON
    scene.sweep(days=1, minutes=10)
    assert scene.alert.safety_follow_ups == 0
    assert "alerts without safety follow-up" not in scene.kinds()
    scene.pass_on(hours=12)
    assert "alerts without safety follow-up" in scene.kinds(), "it is day, and nobody asked"
    scene.sweep()
    assert "alerts without safety follow-up" not in scene.kinds()


def test_finds_the_same_question_about_a_call_within_minutes(emergency):
    emergency.sweep(minutes=16)
    first = f"loopback:{emergency.alert.id}:1"
    assert any(call.params["outbox_slot"] == first for call in emergency.calls)
    asked_at = emergency.real_time
    emergency.pass_on(minutes=2)
    emergency.copy(first)
    assert emergency.kinds() == {"messages doubled"}
    set_back = Timeline(0.0, AT, [ClockSet(asked_at + 60, -7200.0)])
    assert "messages doubled" not in emergency.kinds(timeline=set_back), "two hours had passed"
    unrelated = Timeline(0.0, AT, [ClockSet(asked_at - 60, -7200.0)])
    assert "messages doubled" in emergency.kinds(timeline=unrelated)


def test_finds_stored_reply_that_nobody_tapped(emergency):
    emergency.say("cannot_call")
    emergency.spoil("UPDATE alert SET last_reply = NULL, replied_at = NULL")
    assert emergency.kinds() == {"replies to calls lost"}


def test_finds_declaration_that_is_not_stored(urgent):
    urgent.say("can_wait")
    assert urgent.kinds() == set()
    urgent.spoil("UPDATE alert SET declared = NULL")
    assert urgent.kinds() == {"replies to calls lost"}


def test_finds_alert_of_which_no_staff_was_notified(emergency):
    emergency.pass_on(minutes=3)
    assert emergency.kinds() == set()
    assert emergency.kinds(calls=emergency.without("staff-alert:1")) >= {"alerts the team was not told of"}
    emergency.spoil("UPDATE alert SET is_agreed = true")
    assert "alerts the team was not told of" not in emergency.kinds(calls=emergency.without("staff-alert:1"))


# -- days


def test_check_in_from_before_the_run_need_not_be_shown(scene):
    assert "check-ins missed" in scene.kinds(calls=[])
    assert "check-ins missed" not in scene.kinds(calls=[], already=1)


@pytest.mark.parametrize(("kind", "missed"), [("worse", False), ("extra", True)])
def test_requested_form_need_not_be_shown_after_a_newer_one(scene, kind, missed):
    replaced = checkin(scene.anna.id, AT - timedelta(hours=1), State.REPLACED, kind=kind, closed_at=AT)
    scene.database.run(lambda s: s.checkins.add(replaced))
    assert scene.audited().found["check-ins missed"], "nothing came instead of it"
    scene.pass_on(seconds=9)
    scene.ask()
    assert bool(scene.audited().found["check-ins missed"]) is missed


def asked_daily(scene, *, days):
    """The plan's check-ins of so many days, each left open until the next one comes."""
    scene.sweep(minutes=33)
    for _ in range(days - 1):
        scene.sweep(days=1)


@pytest.fixture
def settled(make):
    """A patient before the run, of two drugs: asked every day, at 10:30 local, an hour and a half after its begin."""
    scene = make(regimen="combination", plan="combination")
    before = checkin(scene.anna.id, AT - timedelta(seconds=2), State.DONE, kind="baseline", form="baseline")
    closed = before.model_copy(update={"opened_at": before.due_at, "closed_at": AT - timedelta(seconds=1)})
    scene.database.run(lambda s: s.checkins.add(closed))

    def due(stores):
        from bot.app.schedules.plans import rescheduled  # noqa: PLC0415 - the bot's own

        stores.patients.save(rescheduled(scene.anna, scene.clinic, AT))

    scene.database.run(due)
    return scene


def test_every_day_of_the_plan_is_compared(settled):
    asked_daily(settled, days=3)
    found = settled.audited(already=2)
    assert found.counts["due times compared with the plan"] == 3
    assert found.found["check-ins missed"] == []


@pytest.mark.parametrize("day", [0, 1, 2])
def test_finds_day_without_a_check_in(settled, day):
    asked_daily(settled, days=3)
    opened = settled.database.run(
        lambda s: [row.id for row in s.checkins.of_patient(settled.anna.id) if row.kind == "scheduled"]
    )
    settled.spoil("DELETE FROM checkin WHERE id = :number", number=sorted(opened)[day])
    assert any("nothing was asked" in line for line in settled.audited(already=2).found["check-ins missed"])


def test_finds_day_with_two_check_ins(settled):
    asked_daily(settled, days=1)
    row = settled.row
    again = row.model_copy(update={"due_at": row.due_at + timedelta(minutes=1)})
    settled.database.run(lambda s: s.checkins.add(again))
    assert "check-ins doubled" in settled.kinds(already=2)


def test_finds_follow_up_day_without_a_check_in(make):
    scene = make()
    before = checkin(scene.anna.id, AT - timedelta(days=1), State.DONE, kind="baseline", form="baseline")
    closed = before.model_copy(update={"opened_at": before.due_at, "closed_at": AT - timedelta(days=1)})
    scene.database.run(lambda s: s.checkins.add(closed))
    tap_all(scene, "no", "none", "none", "mild", "not_at_all")
    asked_daily(scene, days=3)
    assert {row.kind for row in scene.database.run(lambda s: s.checkins.of_patient(scene.anna.id))} >= {"follow_up"}
    assert scene.audited().found["check-ins missed"] == ["P-0001: check-in 2 (baseline, done) was never shown: []"]
    scene.spoil("DELETE FROM checkin WHERE kind = 'follow_up'")
    assert any("nothing was asked" in line for line in scene.audited().found["check-ins missed"])


def test_check_in_sent_after_its_due_time_was_moved(settled):
    asked_daily(settled, days=2)
    moved = settled.row.model_copy(update={"due_at": settled.row.due_at + timedelta(hours=3)})
    settled.database.run(lambda s: s.checkins.save(moved))
    found = settled.audited(already=2).found["check-ins missed"]
    assert any("was due at" in line for line in found)


def test_unreachable_patient_is_not_asked(settled):
    settled.spoil("UPDATE patient SET unreachable_at = created_at")
    assert settled.audited(already=2, until=AT + timedelta(days=3)).counts["due times compared with the plan"] == 0


def test_paused_check_in_is_shown_with_a_way_to_continue(urgent):
    assert urgent.row.value.state is State.PAUSED
    assert urgent.kinds() == set()
    gone = {slot: message for slot, message in urgent.chats[CHAT].items() if not slot.startswith("checkin")}
    assert urgent.kinds(chats={CHAT: list(gone.values())}) == {"chats that show another screen"}


def test_form_is_identified_by_its_own_text(scene):
    assert {*checkins.KINDS} >= {"choose", "toggle", "submit", "skip", "back", "go_on", "finish", "help_now"}
    scene.choose("", kind="skip")
    assert scene.kinds() == set()
