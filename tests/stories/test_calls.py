"""Red flags: the call screen at the tap, the safety follow-up after it, and an alert that only staff can close."""

import re

from bot.app.patients import participation
from tests.fakes.work import work_on
from tests.stories.world import World, labels, plain


async def due(world: World, code: str = "P-0001", **more):
    anna = await world.enrolled(code, name=code, **more)
    await world.until_due(anna)
    world.hear(anna, "Time for your check-in")
    return anna


def new_after(world: World, person, message_id: int) -> list[str]:
    return [plain(m) for m in world.bot_messages(person) if m["message_id"] > message_id]


async def test_p5_emergency_number_comes_as_a_silent_card_and_the_call_screen_is_the_last_message(world: World) -> None:
    anna = await due(world)
    await world.tap(anna, "No, nothing new")
    before = world.last(anna)["message_id"]
    await world.tap(anna, "Yes, one or more")
    card, call = new_after(world, anna, before)
    assert card == "[contact 112]"
    number, team, *_ = [line for line in call.splitlines() if line]
    assert number == "Call 112 now."
    assert "+49 30 901820" in team
    assert "cancer" not in number + team, "it may be read by anyone who sees the phone"
    assert labels(world.last(anna)) == [
        "Copy 112",
        "I have called",
        "I can't call",
        "Show my card",
        "I tapped by mistake",
    ]
    silent = [c for c in world.server.sandbox.journal.calls() if c.params.get("disable_notification")]
    assert [c.method for c in silent] == ["sendContact"]
    view = await world.view(anna)
    assert [(a.tier, a.state, a.rules) for a in view.alerts] == [("EMERGENCY", "open", ("now.yes",))]
    assert view.checkins[0].answers["safety_now"] == ("yes",), "stored at the tap"
    world.hear_all(anna)
    await world.tap(anna, "I have called")
    world.hear(anna, "stay where you are")
    assert (await world.view(anna)).alerts[0].state == "open", "a call is not yet somebody who spoke with her"
    await world.advance(minutes=15)
    world.hear(anna, "Is help with you, or did someone speak with you?")
    await world.tap(anna, "Yes")
    world.hear(anna, "stay where you are")
    assert (await world.view(anna)).alerts[0].state == "confirmed"
    await world.advance(hours=5)


async def test_safety_follow_up_replaces_the_reminder(world: World) -> None:
    anna = await due(world)
    await world.answer(anna, "No, nothing new", "Yes, one or more")
    world.hear_all(anna)
    await world.tap(anna, "I have called")
    world.hear_all(anna)
    await world.advance(minutes=15)
    world.hear(anna, "Is help with you, or did someone speak with you?")
    await world.tap(anna, "Yes")
    world.hear_all(anna)
    await world.advance(hours=25)
    world.hear(anna, "I ask again, to see how things are")
    assert (await world.view(anna)).tasks == ()


async def test_answer_not_sure_counts_as_yes(world: World) -> None:
    anna = await due(world)
    await world.tap(anna, "No, nothing new")
    await world.tap(anna, "Not sure")
    assert (await world.view(anna)).alerts[0].tier == "EMERGENCY"
    world.hear_all(anna)
    await world.tap(anna, "I have called")
    world.hear(anna, "stay where you are")


async def test_emergency_unanswered_asks_thrice_then_unconfirmed(world: World) -> None:
    anna = await due(world)
    await world.advance(hours=12, minutes=50)  # 22:50 in Berlin: quiet hours
    world.nothing_more()
    await world.tap(anna, "No, nothing new")
    await world.tap(anna, "Yes, one or more")
    world.hear_all(anna)
    for number in (1, 2, 3):
        await world.advance(minutes=15)
        world.hear(anna, "Is help with you, or did someone speak with you?", "call 112 now")
        assert (await world.view(anna)).alerts[0].safety_follow_ups == number
    await world.advance(minutes=15)
    assert (await world.view(anna)).alerts[0].state == "unconfirmed"
    await world.advance(hours=6)
    assert (await world.view(anna)).alerts[0].state == "unconfirmed", "silence never closes an alert"


async def test_urgent_pauses_the_form_and_offers_to_continue(world: World) -> None:
    anna = await due(world)
    await world.answer(anna, "No, nothing new", "None of these 8")
    before = world.last(anna)["message_id"]
    await world.tap(anna, "Yes, one or more")
    card, call = new_after(world, anna, before)
    assert call.startswith("Call your team now: +49 30 901820")
    assert card == "[contact +4930901820]"
    world.hear(anna, "Call first", "you can answer")
    world.hear_all(anna)
    await world.tap(anna, "Answer a few more questions")
    world.hear(anna, "Which one is it?")
    await world.tap(anna, "☐ Seeing double, drooping eyelid")
    world.hear(anna, "Which one")
    await world.tap(anna, "Done")
    await world.tap(anna, re.compile("None of these"))
    await world.tap(anna, "None")
    world.hear(anna, "If you have not called yet")
    view = await world.view(anna)
    assert len(view.alerts) == 1
    assert set(view.alerts[0].rules) >= {"new.yes", "new.eyes"}
    assert view.checkins[0].state == "done"
    await world.advance(hours=1)
    world.hear(anna, "Is help with you, or did someone speak with you?")
    await world.tap(anna, "Yes")
    world.hear(anna, "Do what they told you")
    await world.advance(hours=12)


async def test_soon_is_a_call_within_a_day_followed_up_next_day(world: World) -> None:
    anna = await due(world)
    await world.answer(anna, "No, nothing new", "None of these 8", "None of these 7", "Mild", "Not at all")
    world.hear(anna, "Thank you")
    message = world.hear(anna, "call your team within 24 hours", "+49 30 901820", "numb, tingling")
    assert "tap" not in plain(message).lower()
    view = await world.view(anna)
    assert (view.alerts[0].tier, view.alerts[0].rules[0].startswith("sensory.")) == ("SOON", True)
    await world.advance(hours=24)
    world.hear(anna, "I ask again, to see how things are")
    world.hear(anna, "Is help with you, or did someone speak with you?")
    await world.tap(anna, "Not yet")
    world.hear(anna, "call your team today")
    await world.tap(anna, "I have called")
    world.hear(anna, "Good that you called")
    assert (await world.view(anna)).alerts[0].state == "open", "asked once more, the next day"


async def test_numbness_known_to_the_team_raises_no_alert(world: World) -> None:
    anna = await due(world, baseline="Mild")
    await world.answer(anna, "No, nothing new", "None of these 8", "None of these 7", "Mild", "Not at all")
    world.hear(anna, "Nothing here needs a call today", "Tip:")
    assert not (await world.view(anna)).alerts


async def test_worse_than_known_numbness_raises_an_alert(world: World) -> None:
    anna = await due(world, baseline="Mild")
    await world.answer(anna, "No, nothing new", "None of these 8", "None of these 7", "Medium", "Not at all")
    assert (await world.view(anna)).alerts[0].tier == "SOON"
    world.hear_all(anna)
    await world.tap(anna, "I have called")
    world.hear_all(anna)


async def test_need_help_now_on_a_question_calls_and_alerts(world: World) -> None:
    anna = await due(world)
    await world.tap(anna, "Need help now")
    world.hear(anna, "[contact")
    message = world.hear(anna, "Call your team now", "112")
    assert "Something in the answers" not in plain(message)
    await world.tap(anna, "Need help now")
    world.hear(anna, "[contact")
    world.hear(anna, "Call your team now")
    alerts = (await world.view(anna)).alerts
    assert [(a.tier, a.rules) for a in alerts] == [("URGENT", ("asked_for_help",))], "two requests raise one alert"
    await world.tap(anna, "Show my card")
    world.hear(anna, "For the emergency team", "22 February 2026", "+49 30 901820")
    await world.tap(
        anna, "Can't reach them" if "Can't reach them" in labels(world.last(anna)) else "I can't reach them"
    )
    world.hear(anna, "Go to the emergency department now")
    await world.tap(anna, "Yes, someone spoke with me")
    world.hear(anna, "Do what they told you")


async def test_mistake_is_logged_and_deletes_nothing(world: World) -> None:
    anna = await due(world)
    await world.answer(anna, "No, nothing new", "Yes, one or more")
    world.hear_all(anna)
    await world.tap(anna, "I tapped by mistake")
    world.hear(anna, "It is noted", "112")
    world.hear(anna, "Any of these, now or at any time since your last check-in")  # the question can be answered again
    view = await world.view(anna)
    assert view.alerts[0].mistake_at is not None
    assert view.alerts[0].state == "open"
    await world.answer(anna, "None of these 8", "None of these 7", "None")
    world.hear_all(anna)
    view = await world.view(anna)
    assert view.checkins[0].answers["safety_now"] == ("none",)
    assert [a.state for a in view.alerts] == ["open"], "a lowered answer closes nothing"
    await world.advance(minutes=15)
    assert world.news(anna) == [], "what was taken back is not asked about"
    assert [a.state for a in (await world.view(anna)).alerts] == ["open"]


async def test_half_answered_concern_raises_after_silence(world: World) -> None:
    anna = await due(world)
    await world.tap(anna, "Yes, something")
    world.hear(anna, "Any of these, now or at any time since your last check-in")
    await world.advance(hours=24, minutes=10)
    assert [(a.tier, a.rules) for a in (await world.view(anna)).alerts] == [("SOON", ("change.worse",))]
    world.hear_all(anna)
    await world.tap(anna, "I have called")
    world.hear_all(anna)


async def test_i_feel_worse_now_asks_the_same_questions_any_time(world: World) -> None:
    anna = await world.enrolled("P-0001", name="Anna")
    await world.say(anna, "I feel worse now")
    world.hear(anna, "what is worse", "Any of these, now or at any time since your last check-in")
    await world.answer(anna, "None of these 8", "Yes, one or more")
    world.hear_all(anna)
    assert (await world.view(anna)).alerts[0].tier == "URGENT"
    await world.tap(anna, "I have called")
    world.hear_all(anna)


async def test_half_answered_concern_counts_in_a_pause(world: World) -> None:
    anna = await due(world)
    await world.tap(anna, "Yes, something")
    at = world.clock.now()
    await world.service.database.transact(
        lambda stores: participation.pause(work_on(stores, world.clinic, at, actor="operator"), "P-0001", None)
    )
    await world.pump()
    world.hear_all(anna)
    await world.advance(minutes=55)
    world.nothing_more()
    await world.advance(minutes=10)
    world.hear(anna, "call your team within 24 hours")
    assert [a.tier for a in (await world.view(anna)).alerts] == ["SOON"]


async def test_answers_after_the_call_belong_to_the_red_flags_alert(world: World) -> None:
    anna = await due(world)
    await world.answer(anna, "No, nothing new", "None of these 8", "Yes, one or more")
    await world.tap(anna, "Need help now")
    await world.answer(
        anna,
        "Answer a few more questions",
        "☐ Weak face, or an eye won't close",
        "Done",
        re.compile("^None of these"),
        "None",
    )
    (alert,) = (await world.view(anna)).alerts
    assert alert.rules == ("new.yes", "asked_for_help", "new.face")
    world.hear_all(anna)


async def test_red_flag_awaiting_its_call_gives_no_all_clear(world: World) -> None:
    anna = await due(world)
    await world.tap(anna, "Need help now")
    world.hear_all(anna)
    await world.answer(anna, "No, nothing new", "None of these 8", "None of these 7", "None")
    world.hear(anna, "asking for help", "Did someone speak with you about it?", "+49 30 901820")
    await world.tap(anna, "Yes")
    world.hear_all(anna)
    await world.say(anna, "I feel worse now")
    world.hear_all(anna)
    await world.until_due(anna)
    world.hear_all(anna)
    await world.answer(anna, "No, nothing new", "None of these 8", "None of these 7")
    # "I feel worse now" was tapped, and nobody knows more: that is open too.
    world.hear(anna, "something new or worse", "Did someone speak with you about it?")
    await world.tap(anna, "Yes")
    world.hear_all(anna)
    await world.until_due(anna)
    world.hear_all(anna)
    await world.answer(anna, "No, nothing new", "None of these 8", "None of these 7")
    world.hear(anna, "I will ask again about the earlier answers")
