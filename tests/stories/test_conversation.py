"""What a patient can do beside answering: later, again, otherwise, read, look back, set, share, type."""

import re
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

from bot.app import replay, zones
from bot.sandbox.chats import Person
from tests.stories.world import World, labels, plain

QUICK = ("No, nothing new", "None of these", "None of these")


async def due(world: World, **more: Any) -> Person:
    anna = await world.enrolled("P-0001", name="Anna", **more)
    await world.until_due(anna)
    world.hear(anna, "Time for your check-in")
    return anna


# -- asked again


async def test_what_is_worth_a_call_is_asked_daily_until_three_days_bring_no_news(world: World) -> None:
    anna = await due(world)
    await world.answer(anna, *QUICK, "Mild", "Not at all")
    world.hear(anna, "Next check-in: Wednesday, 4 March")
    world.hear(anna, "call your team within 24 hours")
    await world.tap(anna, "I have called")
    world.hear_all(anna)
    for _ in range(3):
        await world.until_due(anna)
        asked = world.hear(anna)
        again = "I ask again" in plain(asked)
        assert again or "Time for your check-in" in plain(asked)
        start = ("None of these", "None of these") if again else QUICK
        await world.answer(anna, *start, "Mild", "Not at all", *(("None of these",) if again else ()))
        world.hear(anna, "about the same as before", "within 24 hours")
    view = await world.view(anna)
    assert [a.tier for a in view.alerts] == ["SOON"]
    # One a day, the plan's where it has one; then the plan alone, though the numbness is still new to the team.
    assert [c.kind for c in view.checkins] == ["scheduled", "again", "again", "scheduled", "baseline"]
    days = [moment.date() for moment in view.upcoming]
    assert all(after - before > timedelta(days=1) for before, after in pairwise(days)), days
    await replays_all(world)


async def test_worse_again_begins_the_days_anew_and_raises_anew(world: World) -> None:
    anna = await due(world)
    await world.answer(anna, *QUICK, "Mild", "Not at all")
    world.hear_all(anna)
    await world.until_due(anna)
    world.hear_all(anna)
    await world.answer(anna, "None of these", "None of these", "Medium", "Not at all", "None of these")
    news = [plain(m) for m in world.hear_all(anna)]
    assert any("call your team within 24 hours" in text for text in news)
    assert not any("about the same" in text for text in news)
    assert [a.tier for a in (await world.view(anna)).alerts] == ["SOON", "SOON"]
    await replays_all(world)


# -- later


async def test_in_an_hour_means_in_an_hour(world: World) -> None:
    anna = await due(world)
    await world.tap(anna, "In 1 hour")
    world.hear(anna, "I will ask you again")
    await world.advance(minutes=59)
    world.nothing_more()
    await world.advance(minutes=2)
    world.hear(anna, "still open", "anything new or worse")
    await world.answer(anna, *QUICK, "None")
    world.hear(anna, "Nothing here needs a call today")


async def test_tomorrow_over_midnight_is_the_chosen_time_of_day(world: World) -> None:
    anna = await due(world)
    await world.tap(anna, "Tomorrow")
    world.hear(anna, "I will ask you again: Wednesday, 4 March, 10:00")
    await world.advance(hours=23)
    world.nothing_more()
    await world.advance(hours=1, minutes=10)
    world.hear(anna, "still open")


async def test_who_does_not_answer_after_asking_for_later_is_still_noticed(world: World) -> None:
    anna = await due(world, ici_start=(datetime(2026, 3, 2, tzinfo=UTC) - timedelta(days=200)).date())
    await world.tap(anna, "Tomorrow")
    world.hear_all(anna)
    await world.advance(days=5)
    world.hear_all(anna)
    assert "not_heard_from" in (await world.view(anna)).work_items


# -- otherwise


async def test_an_answer_changed_within_a_day_is_judged_anew_and_both_are_kept(world: World) -> None:
    anna = await due(world)
    await world.answer(anna, *QUICK, "None")
    world.hear(anna, "Nothing here needs a call today")
    await world.tap(anna, "Change an answer")
    world.hear(anna, "Which answer")
    await world.tap(anna, "Numbness or pain: None")
    world.hear(anna, "Please answer again", "How strong")
    await world.tap(anna, "Strong")
    world.hear(anna, "Call your team now")
    world.hear(anna, "[contact")
    world.hear(anna, "Please answer again", "in the way of your day")
    await world.tap(anna, "A little")
    world.hear(anna, "I asked you to call")
    view = await world.view(anna)
    assert [(a.tier, a.state) for a in view.alerts] == [("URGENT", "open")]
    assert view.checkins[0].answers["numbness"] == ("strong",)
    stored = await world.service.database.read(lambda store: store.answers(view.checkins[0].id))
    given = [(a.choices, a.superseded_at is None) for a in stored if a.question == "numbness"]
    assert given == [(("none",), False), (("strong",), True)]
    await world.tap(anna, "Change another answer")
    await world.tap(anna, "Numbness or pain: Strong")
    await world.tap(anna, "None")
    assert [a.state for a in (await world.view(anna)).alerts] == ["open"]
    world.hear_all(anna)
    await replays_all(world)


async def test_after_a_day_nothing_is_changed_any_more(world: World) -> None:
    anna = await due(world)
    await world.answer(anna, *QUICK, "None")
    world.hear_all(anna)
    await world.advance(hours=24)
    await world.tap(anna, "Change an answer")
    assert "question is closed" in (world.last_toast or "question is closed")
    world.hear_all(anna)
    assert (await world.view(anna)).checkins[0].answers["numbness"] == ("none",)


# -- reading and looking back


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


async def test_a_tip_says_where_it_comes_from(world: World) -> None:
    anna = await world.enrolled("P-0001", name="Anna")
    await world.say(anna, "Tips")
    world.hear(anna)
    await world.tap(anna, "Where is this from?")
    world.hear(anna, "Source: ")


async def test_my_answers_and_their_picture(world: World) -> None:
    anna = await due(world)
    await world.answer(anna, *QUICK, "Mild", "Not at all")
    world.hear_all(anna)
    await world.say(anna, "/answers")
    world.hear(anna, "Your last answers", "Numbness or pain: Mild")
    picture = world.hear(anna, "2 answers since", "Mild")
    assert "photo" in picture
    await world.advance(hours=24)
    world.hear_all(anna)


# -- settings


async def test_settings_by_taps(world: World) -> None:
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
    await world.tap(anna, "Place")
    world.hear(anna)
    await world.tap(anna, "America")
    world.hear(anna)
    (cities,) = [c for n in range(zones.pages("America")) if "New_York" in (c := zones.page("America", n))]
    await world.tap(anna, f"{zones.label(cities[0])} – {zones.label(cities[-1])}")
    world.hear(anna)
    await world.tap(anna, "New York")
    world.hear(anna, "It is changed", "18:00")
    assert (await world.view(anna)).timezone == "America/New_York"


async def test_the_language_changes_in_mid_check_in_and_nothing_is_lost(world: World) -> None:
    anna = await due(world)
    await world.tap(anna, "No, nothing new")
    world.hear_all(anna)
    await world.say(anna, "/language")
    world.hear(anna, "Which language")
    await world.tap(anna, "Español")
    world.hear(anna)
    world.hear(anna, "Para estar seguros")
    assert (await world.view(anna)).checkins[0].answers == {"change": ("no",)}
    await world.answer(anna, "Ninguno de estos", "Ninguno de estos", re.compile("^Nada|^Ningun"))
    world.hear_all(anna)
    assert (await world.view(anna)).checkins[0].state == "done"


# -- caregivers


async def test_a_caregiver_answers_in_a_chat_of_their_own_until_it_is_ended(world: World) -> None:
    anna = await world.enrolled("P-0001", name="Anna")
    ben = await invited(world, anna)
    world.hear(ben, "asks you to help", "112")
    await world.tap(ben, "I agree")
    world.hear(ben)
    world.hear(anna, "now answers with you")
    await world.until_due(anna)
    world.hear(anna, "Time for your check-in")
    world.hear(ben, "For the person you help", "Time for your check-in")
    await world.tap(ben, "No, nothing new")
    await world.tap(anna, "Yes, one or more")
    for person in (anna, ben):
        news = [plain(m) for m in world.hear_all(person)]
        assert any("Call 112 now." in text for text in news), news
    stored = await world.service.database.read(lambda store: store.answers(2))
    assert [(a.question, a.caregiver_id) for a in stored] == [("change", 1), ("safety_now", None)]
    await world.advance(minutes=15)
    for person in (anna, ben):
        world.hear(person, "Did you reach someone?")
    await world.tap(ben, "Yes, help is coming")
    world.hear(ben, "Stay where")
    await world.say(anna, "/menu")
    world.hear(anna)
    await world.tap(anna, "Someone who helps me")
    world.hear(anna, "Someone answers with you since")
    await world.tap(anna, "End it")
    world.hear(anna, "Only you get my questions now")
    world.hear(ben, "Thank you for helping")
    await world.until_due(anna)
    world.hear(anna, "I ask again")
    world.nothing_more()
    await replays_all(world)


async def test_a_caregiver_can_not_decide_for_the_patient_and_can_leave(world: World) -> None:
    anna = await world.enrolled("P-0001", name="Anna")
    ben = await invited(world, anna)
    world.hear(ben)
    await world.tap(ben, "I agree")
    world.hear_all(ben)
    world.hear_all(anna)
    for words in ("/stop", "/settings", "/privacy", "/answers"):
        await world.say(ben, words)
        menu = world.hear(ben, "What would you like to do?")
        assert "Pause or stop" not in labels(menu)
    await world.tap(ben, "Stop helping")
    world.hear(ben, "Thank you for helping")
    world.hear(anna, "does not answer with you any more")
    await world.say(ben, "/menu")
    world.hear(ben, "link from a care team")


async def test_a_caregivers_link_works_once(world: World) -> None:
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


# -- words


async def test_a_typed_red_flag_gets_the_safety_screen_at_once(world: World) -> None:
    anna = await world.enrolled("P-0001", name="Anna")
    await world.say(anna, "Please, I cant breathe well")
    world.hear(anna, "Let us see what is worse", "any of these right now")
    await world.tap(anna, "Yes, one or more")
    world.hear_all(anna)
    await world.say(anna, "i can't breathe!!!")
    world.hear(anna, "Call 112 now.")
    world.hear(anna, "[contact")


async def test_a_number_is_the_answer_of_that_number(world: World) -> None:
    anna = await due(world)
    for number in ("1", "1", "1", "1"):
        await world.say(anna, number)
    world.hear(anna, "Nothing here needs a call today")
    assert (await world.view(anna)).checkins[0].answers["numbness"] == ("none",)


async def test_other_words_are_answered_once_an_hour_and_kept_nowhere(world: World) -> None:
    anna = await world.enrolled("P-0001", name="Anna")
    await world.say(anna, "my secret is 4711-geheim")
    world.hear(anna, "I can't read messages")
    await world.say(anna, "hello?")
    world.nothing_more()
    await world.advance(hours=1)
    await world.say(anna, "hello?")
    world.hear(anna, "I can't read messages")


async def test_listed_words_do_what_they_say(world: World) -> None:
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
    found = await world.service.database.read(lambda store: replay.replay(store, "P-0001", lambda _s, _h: protocol))
    assert found
    assert [one for one in found if one.verdict != "same"] == []
