"""T4, P21, P15 in one chat: whom a button, a word or a typed number is about when the chat is, or was, for two people."""

from collections.abc import Iterator

import pytest

from tests.stories.test_new_phone import texts
from tests.stories.test_old_buttons import button
from tests.stories.test_roles import again, helpers_link, helping, opens
from tests.stories.world import World, labels, plain


@pytest.fixture(autouse=True)
def all_heard(world: World) -> Iterator[None]:
    """Account for what these stories are not about."""
    yield
    for person in list(world.sandbox.people.values()):
        world.hear_all(person)


async def safety_screen(world: World, patient, reader):
    """Let the patient's check-in come to the first safety screen; return its message in the reader's chat."""
    await world.until_due(patient)
    await world.answer(patient, "No, nothing new")
    return next(m for m in reversed(world.bot_messages(reader)) if "Yes, one or more" in labels(m))


async def test_t4_old_yes_of_a_former_helper_acts_for_nobody_whom_they_help_now(world: World) -> None:
    anna = await world.enrolled("P-0001", name="Anna")
    boris = await world.enrolled("P-0002", name="Boris")
    helper = world.sandbox.person("Helper")
    await helping(world, anna, helper)
    asked = await safety_screen(world, anna, helper)
    await world.say(helper, "Menu")
    await world.tap(helper, "Stop helping")
    await helping(world, boris, helper)
    world.hear_all(helper)
    await world.tap_old(helper, asked["message_id"], button(asked, "Yes, one or more"))
    assert any("112" in text and "+49 30 901820" in text for text in texts(world, helper))
    for patient in (anna, boris):
        assert (await world.view(patient)).alerts == ()
        assert not any("Call 112 now" in text for text in texts(world, patient))


async def test_t4_old_yes_about_the_person_she_helped_is_not_her_own(world: World) -> None:
    husband = await world.enrolled("P-0001", name="Husband")
    wife = await world.enrolled("P-0002", name="Wife")
    await helping(world, husband, wife)
    asked = await safety_screen(world, husband, wife)
    await world.say(husband, "Menu")
    await world.tap(husband, "Someone who helps me")
    await world.tap(husband, "End it")
    world.hear_all(wife)
    await world.tap_old(wife, asked["message_id"], button(asked, "Yes, one or more"))
    assert any("112" in text and "+49 30 901820" in text for text in texts(world, wife))
    assert (await world.view(wife)).alerts == ()
    await world.say(wife, "I can't breathe")
    await world.tap(wife, "Yes, one or more")
    assert [a.tier for a in (await world.view(wife)).alerts] == ["EMERGENCY"], "her own still acts"


async def test_p21_phone_of_somebody_who_left_can_become_anothers_new_phone(world: World) -> None:
    husband = await world.enrolled("P-0001", name="Husband")
    wife = await world.enrolled("P-0002", name="Wife")
    await world.say(husband, "/stop")
    await world.tap(husband, "Stop the check-ins")
    world.hear_all(husband)
    await opens(world, husband, await again(world, "P-0002"))
    world.hear(husband, "I have asked on your old phone")
    await world.tap(husband, "I agree, use this phone")
    assert any("I ask on this phone from now on" in text for text in texts(world, husband))
    await world.until_due(wife)
    assert any("Time for your check-in" in text for text in texts(world, husband))
    await world.answer(husband, "No, nothing new", "Yes, one or more")
    assert [a.tier for a in (await world.view(wife)).alerts] == ["EMERGENCY"]


async def test_t4_typed_number_answers_nothing_where_two_patients_are_asked(world: World) -> None:
    husband = await world.enrolled("P-0001", name="Husband")
    wife = await world.enrolled("P-0002", name="Wife")
    await helping(world, husband, wife)
    await world.until_due(wife)
    await world.answer(wife, "No, nothing new")
    await world.until_due(husband)
    world.hear_all(wife)
    before = (await world.view(wife)).checkins[0].answers
    await world.say(wife, "3")
    assert any("112" in text for text in texts(world, wife))
    assert (await world.view(wife)).checkins[0].answers == before


async def test_p15_old_make_a_link_button_does_not_end_a_helper(world: World) -> None:
    anna = await world.enrolled("P-0001", name="Anna")
    await world.say(anna, "Menu")
    await world.tap(anna, "Someone who helps me")
    asked = world.last(anna)
    helper = world.sandbox.person("Helper")
    await opens(world, helper, await helpers_link(world, anna))
    await world.tap(helper, "I agree")
    for person in (anna, helper):
        world.hear_all(person)
    await world.tap_old(anna, asked["message_id"], button(asked, "Make a link"))
    assert texts(world, helper) == []
    assert "End it" in labels(world.last(anna))


async def test_p21_phone_that_helps_another_keeps_the_keyboard_when_a_move_is_refused(world: World) -> None:
    anna = await world.enrolled("P-0001", name="Anna")
    boris = await world.enrolled("P-0002", name="Boris")
    phone = world.sandbox.person("Phone")
    await helping(world, boris, phone)
    await opens(world, phone, await again(world, "P-0001"))
    await world.tap(phone, "Go on with this link")
    world.hear_all(anna)
    await world.tap(anna, "No, that was not me")
    assert any("not used for check-ins" in text for text in texts(world, phone))
    assert world.sandbox.chat(phone).keyboard


async def test_t4_words_of_a_sign_offer_the_safety_screen_of_the_person_she_helps_too(world: World) -> None:
    husband = await world.enrolled("P-0001", name="Husband")
    wife = await world.enrolled("P-0002", name="Wife")
    await helping(world, husband, wife)
    await world.say(wife, "he can't breathe")
    theirs = world.hear(wife, "For the person you help:", "If you mean them, tap this button.")
    assert labels(theirs) == ["They feel worse now"]
    assert "Any of these, now" in plain(world.last(wife)), "her own safety screen is the last message"
    world.hear_all(wife)
    await world.tap(wife, "They feel worse now")
    world.hear(wife, "For the person you help:", "Any of these, now")
    await world.tap(wife, "Yes, one or more")
    assert [a.tier for a in (await world.view(husband)).alerts] == ["EMERGENCY"]
    assert (await world.view(wife)).alerts == ()


async def test_t4_words_not_understood_lead_to_the_person_she_helps_too(world: World) -> None:
    husband = await world.enrolled("P-0001", name="Husband")
    wife = await world.enrolled("P-0002", name="Wife")
    await helping(world, husband, wife)
    await world.say(wife, "hello?")
    assert labels(world.hear(wife, "In an emergency call 112"))[-1] == "The person I help"
    await world.tap(wife, "The person I help")
    assert "They feel worse now" in labels(world.last(wife))
