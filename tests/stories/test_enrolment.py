"""Invites and consent: who may begin, and how they may leave."""

import re

from bot.app import patients
from tests.stories.world import World, labels, plain


async def through_consent(world: World, person) -> None:
    world.sandbox.open_invite(person)
    await world.pump()
    for label in ("Continue", "Continue", "Continue", "I agree"):
        await world.tap(person, label)


async def test_no_is_final_until_the_link_is_opened_again(world: World) -> None:
    anna = await world.add("P-0001", name="Anna")
    world.sandbox.open_invite(anna)
    await world.pump()
    for _ in range(3):
        await world.tap(anna, "Continue")
    world.hear_all(anna)
    await world.tap(anna, "No, thank you")
    world.hear(anna, "I will not write to you", "+49 30 901820", "112")
    assert (await world.view(anna)).state == "declined"
    await world.advance(days=10)
    world.nothing_more()
    world.sandbox.open_invite(anna)
    await world.pump()
    world.hear(anna, "Your care team asked me")
    assert (await world.view(anna)).state == "enrolling"


async def test_an_invite_opens_one_chat_only(world: World) -> None:
    anna = await world.add("P-0001", name="Anna")
    world.sandbox.open_invite(anna)
    await world.pump()
    world.hear(anna, "Your care team")
    mallory = world.sandbox.person("Mallory")
    await world.say(mallory, f"/start {anna.start}")
    world.hear(mallory, "does not work any more")
    assert (await world.view(anna)).state == "enrolling"


async def test_a_second_link_in_mid_enrolment_strands_nobody(world: World) -> None:
    anna = await world.add("P-0001", name="Anna")
    other = await world.add("P-0002", name="Other")
    world.sandbox.open_invite(anna)
    await world.pump()
    world.hear(anna, "Your care team")
    await world.say(anna, f"/start {other.start}")
    world.hear(anna, "Your care team")  # where they are
    assert (await world.view(anna)).state == "enrolling"
    world.sandbox.open_invite(other)
    await world.pump()
    world.hear(other, "Your care team")
    assert (await world.view(other)).state == "enrolling"


async def test_an_invite_lasts_14_days(world: World) -> None:
    anna = await world.add("P-0001", name="Anna")
    await world.advance(days=14, seconds=1)
    world.sandbox.open_invite(anna)
    await world.pump()
    world.hear(anna, "does not work any more", "112")


async def test_an_invite_still_works_on_its_last_day(world: World) -> None:
    anna = await world.add("P-0001", name="Anna")
    await world.advance(days=13, hours=23)
    world.sandbox.open_invite(anna)
    await world.pump()
    world.hear(anna, "Your care team asked me")


async def test_a_stranger_is_told_to_ask_for_a_link(world: World) -> None:
    someone = world.sandbox.person("Someone")
    await world.say(someone, "hello")
    world.hear(someone, "only work with a link", "112")


async def test_the_phones_language_is_used_from_the_first_screen(world: World) -> None:
    lucia = await world.add("P-0001", name="Lucía", phone="es-MX")
    world.sandbox.open_invite(lucia)
    await world.pump()
    message = world.hear(lucia, "112")
    assert "English" in labels(message)
    assert "Español" not in labels(message)


async def test_back_leads_to_the_screen_before(world: World) -> None:
    anna = await world.add("P-0001", name="Anna")
    await through_consent(world, anna)
    await world.tap(anna, "English")
    await world.tap(anna, "Europe")
    await world.tap(anna, "Back")
    world.hear_all(anna)
    assert "Where do you live" in plain(world.last(anna))
    await world.tap(anna, "Berlin")
    await world.tap(anna, "Another time")
    assert "09:00" in labels(world.last(anna))
    assert "08:00" not in labels(world.last(anna)), "quiet hours are not offered"
    await world.tap(anna, "15:00")
    assert (await world.view(anna)).send_time == "15:00"
    world.hear_all(anna)


async def test_pause_stop_and_erase_in_chat(world: World) -> None:
    anna = await world.enrolled("P-0001", name="Anna")
    await world.say(anna, "/stop")
    assert labels(world.hear(anna, "Your care stays the same")) == [
        "Pause for a week",
        "Stop the check-ins",
        "Stop, and delete my answers",
        "Go on as before",
    ]
    await world.tap(anna, "Pause for a week")
    world.hear(anna, "paused until 9 March 2026")
    await world.advance(days=7)
    world.nothing_more()
    await world.advance(days=2)
    world.hear(anna, "Time for your check-in")
    await world.say(anna, "/stop")
    world.hear(anna, "What would you like?")
    await world.tap(anna, "Stop, and delete my answers")
    world.hear(anna, "I have stopped")
    view = await world.view(anna)
    assert (view.state, view.checkins, view.alerts) == ("withdrawn", (), ())
    await world.advance(days=30)
    world.nothing_more()
    await world.say(anna, "hello again")
    world.hear(anna, "only work with a link")


async def test_withdrawn_keeps_answers_and_is_sent_nothing(world: World) -> None:
    anna = await world.enrolled("P-0001", name="Anna")
    await world.say(anna, "/stop")
    world.hear_all(anna)
    await world.tap(anna, re.compile("^Stop the check-ins"))
    world.hear(anna, "I have stopped")
    view = await world.view(anna)
    assert view.state == "withdrawn"
    assert view.consent is None
    assert view.checkins[0].answers
    await world.advance(days=30)


async def test_a_new_invite_after_the_old_one_was_too_old_or_for_a_new_phone(world: World) -> None:
    anna = await world.enrolled("P-0001", name="Anna")
    at = world.clock.now()
    _, token = await world.service.database.transact(
        lambda store: patients.invite_again(store, world.clinic, "P-0001", at)
    )
    await world.say(anna, f"/start {anna.start}")
    world.hear_all(anna)  # enrolled: where they are
    assert (await world.view(anna)).state == "active"
    phone = world.sandbox.person("Anna's new phone")
    await world.say(phone, f"/start {token}")
    world.hear(phone, "Your care team asked me")
    for label in ("Continue", "Continue", "Continue", "I agree", "English", "Berlin", re.compile("^Morning")):
        await world.tap(phone, label)
    world.hear_all(phone)
    await world.say(anna, "/menu")
    world.hear(anna, "only work with a link")
    assert (await world.view(anna)).state == "active"


async def test_what_was_answered_before_leaving_still_counts(world: World) -> None:
    anna = await world.enrolled("P-0001", name="Anna")
    await world.until_due(anna)
    await world.tap(anna, "Yes, something")
    await world.say(anna, "/stop")
    world.hear_all(anna)
    await world.tap(anna, re.compile("^Stop the check-ins"))
    world.hear(anna, "call your team within 24 hours")
    world.hear(anna, "I have stopped")
    view = await world.view(anna)
    assert [(a.tier, a.state) for a in view.alerts] == [("SOON", "unconfirmed")]
    await world.advance(days=3)
