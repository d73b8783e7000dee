"""What else a patient can do: postpone, repeat, correct, read, review answers, change settings, share, type."""

import re
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

from bot.app.concerns import replay
from bot.app.concerns.replay_concerns import replay_concerns
from bot.sandbox.chats import Person
from tests.stories.test_chat import data_of
from tests.stories.world import World, labels, plain

QUICK = ("No, nothing new", "None of these 8", "None of these 7")


async def due(world: World, **more: Any) -> Person:
    anna = await world.enrolled("P-0001", name="Anna", **more)
    await world.until_due(anna)
    world.hear(anna, "Time for your check-in")
    return anna


# -- follow-up


async def test_soon_concern_is_asked_daily_for_three_days(world: World) -> None:
    anna = await due(world)
    await world.answer(anna, *QUICK, "Mild", "Not at all")
    world.hear(anna, "Next check-in: Wednesday, 4 March")
    world.hear(anna, "call your team within 24 hours")
    await world.tap(anna, "I have called")
    world.hear_all(anna)
    await world.advance(hours=24)
    asked = world.hear(anna, "I ask again")
    world.hear(anna, "Is help with you, or did someone speak with you?")
    await world.tap(anna, "Yes")
    world.hear_all(anna)
    for day in range(3):
        if day > 0:
            await world.until_due(anna)
            asked = world.hear(anna)
        again = "I ask again" in plain(asked)
        assert again or "Time for your check-in" in plain(asked)
        start = ("None of these 8", "None of these 7") if again else QUICK
        await world.answer(anna, *start, "Mild", "Not at all")
        world.hear(anna, "About the same as last time. I was told that someone knows.")
    view = await world.view(anna)
    assert [a.tier for a in view.alerts] == ["SOON"]
    # One a day, the plan's if it has one; then the plan's alone, although the numbness is still new to the team.
    assert [c.kind for c in view.checkins] == ["scheduled", "follow_up", "follow_up", "scheduled", "baseline"]
    days = [timestamp.date() for timestamp in view.upcoming]
    assert all(after - before > timedelta(days=1) for before, after in pairwise(days)), days
    await replays_all(world)


async def test_worse_again_restarts_follow_up_and_raises_again(world: World) -> None:
    anna = await due(world)
    await world.answer(anna, *QUICK, "Mild", "Not at all")
    world.hear_all(anna)
    await world.until_due(anna)
    world.hear_all(anna)
    await world.answer(anna, "None of these 8", "None of these 7", "Medium", "Not at all")
    news = [plain(m) for m in world.hear_all(anna)]
    assert any("call your team within 24 hours" in text for text in news)
    assert not any("about the same" in text for text in news)
    assert [a.tier for a in (await world.view(anna)).alerts] == ["SOON"], "it joins the alert that is open"
    await replays_all(world)


# -- postponing


async def test_postponed_by_an_hour_is_asked_in_an_hour(world: World) -> None:
    anna = await due(world)
    await world.tap(anna, "In 1 hour")
    world.hear(anna, "I will ask you again")
    await world.advance(minutes=59)
    world.nothing_more()
    await world.advance(minutes=2)
    world.hear(anna, "still open", "anything new or worse")
    await world.answer(anna, *QUICK, "None")
    world.hear(anna, "Nothing here needs a call today")


async def test_postponed_to_tomorrow_is_at_the_chosen_time_of_day(world: World) -> None:
    anna = await due(world)
    await world.tap(anna, "Tomorrow")
    world.hear(anna, "I will ask you again: Wednesday, 4 March, 10:00")
    await world.advance(hours=23)
    world.nothing_more()
    await world.advance(hours=1, minutes=10)
    world.hear(anna, "still open")


async def test_no_answer_after_postponing_is_still_noticed(world: World) -> None:
    anna = await due(world, ici_start=(datetime(2026, 3, 2, tzinfo=UTC) - timedelta(days=200)).date())
    await world.tap(anna, "This evening")
    world.hear_all(anna)
    await world.advance(days=5)
    world.hear_all(anna)
    assert "not_heard_from" in (await world.view(anna)).tasks


# -- correcting


async def test_answer_changed_within_a_day_is_reassessed_both_kept(world: World) -> None:
    anna = await due(world)
    await world.answer(anna, *QUICK, "None")
    world.hear(anna, "Nothing here needs a call today")
    await world.tap(anna, "Change an answer")
    world.hear(anna, "Which answer")
    await world.tap(anna, "Numbness or pain: None")
    world.hear(anna, "Please answer again", "How strong")
    await world.tap(anna, "Strong")
    world.hear(anna, "[contact")
    world.hear(anna, "Call your team now")
    world.hear(anna, "Please answer again", "in the way of your day")
    await world.tap(anna, "A little")
    world.hear(anna, "If you have not called yet, please still call")
    view = await world.view(anna)
    assert [(a.tier, a.state) for a in view.alerts] == [("URGENT", "open")]
    assert view.checkins[0].answers["numbness"] == ("strong",)
    stored = await world.service.database.read(lambda stores: stores.answers.of_checkin(view.checkins[0].id))
    given = [(a.choices, a.superseded_at is None) for a in stored if a.question == "numbness"]
    assert given == [(("none",), False), (("strong",), True)]
    await world.tap(anna, "Change another answer")
    await world.tap(anna, "Numbness or pain: Strong")
    await world.tap(anna, "None")
    assert [a.state for a in (await world.view(anna)).alerts] == ["open"]
    world.hear_all(anna)
    await replays_all(world)


async def test_answer_can_not_be_changed_after_a_day(world: World) -> None:
    anna = await due(world)
    await world.answer(anna, *QUICK, "None")
    world.hear_all(anna)
    where, data = data_of(world, anna, "Change an answer")
    await world.advance(hours=24)
    assert "Change an answer" not in labels(world.last(anna))
    await world.tap_old(anna, where, data)
    assert "question is closed" in (world.last_toast or "question is closed")
    world.hear_all(anna)
    assert (await world.view(anna)).checkins[0].answers["numbness"] == ("none",)


# -- reading and reviewing


async def test_every_topic_can_be_read_with_its_source(world: World) -> None:
    anna = await world.enrolled("P-0001", name="Anna")
    await world.say(anna, "/learn")
    topics = labels(world.hear(anna, "What would you like to read?"))
    assert len(topics) == len(world.clinic.protocol.topics) == 10
    for topic in topics:
        await world.tap(anna, topic)
        world.hear(anna, topic, "Source: ")
        await world.tap(anna, "More to read")
        world.hear(anna, "What would you like to read?")


async def test_tip_names_its_source(world: World) -> None:
    anna = await world.enrolled("P-0001", name="Anna")
    await world.say(anna, "Tips")
    world.hear(anna)
    await world.tap(anna, "Where is this from?")
    world.hear(anna, "Source: ")


async def test_my_answers_shows_text_and_picture(world: World) -> None:
    anna = await due(world)
    await world.answer(anna, *QUICK, "Mild", "Not at all")
    world.hear_all(anna)
    await world.say(anna, "/answers")
    picture = world.hear(anna, "Call your team within 24 hours".replace("Call", "call"), "2 answers since", "Mild")
    assert "photo" in picture
    world.hear(anna, "Your last answers", "Numbness or pain: Mild")
    await world.advance(hours=24)
    world.hear_all(anna)


# -- settings


async def test_settings_are_changed_by_taps(world: World) -> None:
    anna = await world.enrolled("P-0001", name="Anna")
    await world.say(anna, "/settings")
    world.hear(anna, "Language: English", "10:00", "21:00")
    await world.tap(anna, "Time of day")
    world.hear(anna)
    await world.tap(anna, "18:00")
    world.hear(anna, "It is changed", "18:00")
    await world.say(anna, "/settings")
    world.hear(anna, "18:00")
    await world.tap(anna, "Quiet hours")
    world.hear(anna, "When should I be quiet?")
    await world.tap(anna, "22:00 – 08:00")
    world.hear(anna, "It is changed")
    await world.say(anna, "/settings")
    world.hear(anna, "I am quiet from 22:00 to 08:00")
    await world.tap(anna, "My clock")
    world.hear(anna, "Is it ")
    await world.tap(anna, "No")
    world.hear(anna, "What time is it for you now?")
    here = world.clock.now().astimezone(ZoneInfo("America/New_York"))
    await world.tap(anna, f"{here:%H:%M}")
    world.hear(anna, "do the clocks change")
    await world.tap(anna, "Yes, they change")
    world.hear(anna, "It is changed", "18:00")
    assert (await world.view(anna)).timezone == "America/New_York"


async def test_language_change_during_a_check_in_loses_nothing(world: World) -> None:
    anna = await due(world)
    await world.tap(anna, "No, nothing new")
    world.hear_all(anna)
    await world.say(anna, "/language")
    world.hear(anna, "Which language")
    await world.tap(anna, "Español")
    world.hear(anna)
    world.hear(anna, "¿Alguno de estos, ahora o en algún momento")
    assert (await world.view(anna)).checkins[0].answers == {"change": ("no",)}
    await world.answer(anna, "Ninguno de estos 8", "Ninguno de estos 7", re.compile("^Nada|^Ningun"))
    world.hear_all(anna)
    assert (await world.view(anna)).checkins[0].state == "done"


# -- caregivers


async def test_caregiver_answers_in_their_own_chat_until_ended(world: World) -> None:
    anna = await world.enrolled("P-0001", name="Anna")
    ben = await invited(world, anna)
    world.hear(ben, "asks you to help", "112")
    await world.tap(ben, "I agree")
    world.hear(ben)
    world.hear(anna, "now answers with you")
    await world.until_due(anna)
    world.hear(anna, "Time for your check-in")
    world.hear(ben, "For the person you help", "Time for their check-in")
    await world.tap(ben, "No, nothing new")
    await world.tap(anna, "Yes, one or more")
    for person in (anna, ben):
        news = [plain(m) for m in world.hear_all(person)]
        assert any("Call 112 now." in text for text in news), news
    stored = await world.service.database.read(lambda stores: stores.answers.of_checkin(2))
    assert [(a.question, a.caregiver_id) for a in stored] == [("change", 1), ("safety_now", None)]
    await world.advance(minutes=15)
    world.hear(anna, "Is help with you, or did someone speak with you?")
    world.hear(ben, "Is help with them, or did someone speak with you or them?")
    await world.tap(ben, "Yes")
    world.hear(ben, "stay with them if you can")
    world.hear(anna, "Your helper tapped “Yes”")
    await world.say(anna, "/menu")
    world.hear(anna)
    await world.tap(anna, "Someone who helps me")
    world.hear(anna, "someone may answer with you")
    await world.tap(anna, "End it")
    world.hear(anna, "Only you get my questions now")
    world.hear(ben, "From now on I do not ask you about")
    await world.until_due(anna)
    world.hear(anna, "I ask again")
    world.nothing_more()
    await replays_all(world)


async def test_caregiver_can_not_decide_for_the_patient_but_leave(world: World) -> None:
    anna = await world.enrolled("P-0001", name="Anna")
    ben = await invited(world, anna)
    world.hear(ben)
    await world.tap(ben, "I agree")
    world.hear_all(ben)
    world.hear_all(anna)
    await world.say(ben, "/stop")
    world.hear(ben, "Only the person you help can stop the check-ins")
    for words in ("/settings", "/privacy", "/answers"):
        await world.say(ben, words)
        menu = world.hear(ben, "What would you like to do?")
        assert "Pause or stop" not in labels(menu)
    await world.tap(ben, "Stop helping")
    world.hear(ben, "From now on I do not ask you about")
    world.hear(anna, "does not answer with you")
    await world.say(ben, "/menu")
    world.hear(ben, "link from a care team")


async def test_caregiver_link_works_once(world: World) -> None:
    anna = await world.enrolled("P-0001", name="Anna")
    ben = await invited(world, anna)
    world.hear(ben)
    carl = world.sandbox.person("Carl", language_code="en")
    await world.say(carl, f"/start {link_of(world, anna)}")
    world.hear(carl, "does not work any more")


async def invited(world: World, anna: Person) -> Person:
    await world.say(anna, "/menu")
    await world.tap(anna, "Someone who helps me")
    await world.tap(anna, "Make a link")
    world.hear_all(anna)
    ben = world.sandbox.person("Ben", language_code="en")
    await world.say(ben, f"/start {link_of(world, anna)}")
    return ben


def link_of(world: World, anna: Person) -> str:
    said = [plain(m) for m in world.bot_messages(anna)]
    return next(found[1] for text in reversed(said) if (found := re.search(r"start=(\S+)", text)))


# -- typed text


async def test_typed_red_flag_shows_the_safety_screen_at_once(world: World) -> None:
    anna = await world.enrolled("P-0001", name="Anna")
    await world.say(anna, "Please, I cant breathe well")
    world.hear(anna, "Let us see what is worse", "Any of these, now or at any time since your last check-in")
    await world.tap(anna, "Yes, one or more")
    world.hear_all(anna)
    await world.say(anna, "i can't breathe!!!")
    world.hear(anna, "[contact")
    world.hear(anna, "Call 112 now.")
    world.hear(anna, "Let us see what is worse", "Any of these, now or at any time since your last check-in")


async def test_typed_number_selects_that_choice(world: World) -> None:
    anna = await due(world)
    for number in ("1", "3", "1", "1"):
        await world.say(anna, number)
    world.hear(anna, "Nothing here needs a call today")
    assert (await world.view(anna)).checkins[0].answers["numbness"] == ("none",)


async def test_listed_words_act_as_commands(world: World) -> None:
    anna = await world.enrolled("P-0001", name="Anna")
    for words, heard in (
        ("help", "I ask short questions"),
        ("menu", "What would you like"),
        ("Stop", "What would you"),
    ):
        await world.say(anna, words)
        world.hear(anna, heard)
    await world.say(anna, "помощь")
    world.hear(anna, "I ask short questions")


async def replays_all(world: World) -> None:
    protocol = world.clinic.protocol
    found = await world.service.database.read(lambda stores: replay.replay(stores, "P-0001", lambda _s, _h: protocol))
    assert found
    assert [one for one in found if one.result != "same"] == []
    concerns = await world.service.database.read(lambda s: replay_concerns(s, "P-0001", lambda _s, _h: protocol))
    assert concerns.differences == ()
