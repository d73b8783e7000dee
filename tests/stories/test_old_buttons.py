"""What a patient taps far up in the chat, twice, or on a phone that they no longer use."""

import re

import pytest

from bot.app.patients import registry
from tests.fakes.work import work_on
from tests.stories.test_calls import due
from tests.stories.world import World, plain


def button(message, label):
    """The data of a button, to be tapped when the message no longer shows it."""
    rows = message["reply_markup"]["inline_keyboard"]
    return next(one["callback_data"] for row in rows for one in row if one["text"] == label)


async def reminded(world: World):
    """A check-in that was answered on its reminder, and its first copy further up; its buttons as they were."""
    anna = await due(world)
    first = world.last(anna)
    await world.tap(anna, "No, nothing new")
    safety = {label: button(world.last(anna), label) for label in ("Yes, one or more", "Not sure", "Need help now")}
    await world.advance(hours=25)
    await world.answer(anna, "None of these 8", "None of these 7", "None")
    world.hear_all(anna)
    assert len((await world.view(anna)).alerts) == 0
    return anna, first["message_id"], safety


async def test_p2_need_help_now_on_the_old_copy_shows_the_numbers_and_raises_an_alert(world: World) -> None:
    anna, old, safety = await reminded(world)
    await world.tap_old(anna, old, safety["Need help now"])
    world.hear(anna, "[contact")
    world.hear(anna, "Call your team now: +49 30 901820", "112")
    assert [a.tier for a in (await world.view(anna)).alerts] == ["URGENT"]


@pytest.mark.parametrize("label", ["Yes, one or more", "Not sure"])
async def test_p3_yes_on_the_old_copy_is_an_emergency(world: World, label: str) -> None:
    anna, old, safety = await reminded(world)
    await world.tap_old(anna, old, safety[label])
    world.hear(anna, "[contact 112]")
    world.hear(anna, "Call 112 now.")
    assert [a.tier for a in (await world.view(anna)).alerts] == ["EMERGENCY"]


async def test_p4_none_and_at_once_yes_on_the_same_screen_is_an_emergency(world: World) -> None:
    anna = await due(world)
    await world.tap(anna, "No, nothing new")
    screen, yes = world.last(anna), button(world.last(anna), "Yes, one or more")
    await world.tap(anna, "None of these 8")
    await world.tap_old(anna, screen["message_id"], yes)
    assert any(plain(message).startswith("Call 112 now.") for message in world.hear_all(anna))
    assert [a.tier for a in (await world.view(anna)).alerts] == ["EMERGENCY"]


async def test_p22_doubled_yes_is_one_alert_and_the_call_screen_again(world: World) -> None:
    anna = await due(world)
    await world.tap(anna, "No, nothing new")
    screen, yes = world.last(anna), button(world.last(anna), "Yes, one or more")
    for _ in range(2):
        await world.tap_old(anna, screen["message_id"], yes)
        assert [plain(m) for m in world.hear_all(anna) if plain(m).startswith("Call 112 now.")]
        assert [a.tier for a in (await world.view(anna)).alerts] == ["EMERGENCY"]


async def moving(world: World, anna):
    """Let a new phone open a new link of the patient's; return it."""
    token = await world.service.database.transact(
        lambda stores: registry.invite_again(work_on(stores, world.clinic, world.clock.now()), anna.code)[1]
    )
    phone = world.sandbox.person("Anna's new phone", code=anna.code, start=token, link=f"start={token}")
    world.sandbox.open_invite(phone)
    await world.pump()
    return phone


async def test_p22_yes_on_the_old_phone_after_a_move_gets_the_numbers(world: World) -> None:
    anna = await due(world)
    await world.tap(anna, "No, nothing new")
    screen, yes = world.last(anna), button(world.last(anna), "Yes, one or more")
    phone = await moving(world, anna)
    await world.tap(anna, "Yes, that was me")
    await world.tap(phone, "I agree, use this phone")
    world.hear_all(anna)
    world.hear_all(phone)
    await world.tap_old(anna, screen["message_id"], yes)
    world.hear(anna, "call 112", "+49 30 901820", "llame al 112", "звоните: 112")


async def test_yes_again_after_a_mistake_is_an_emergency_though_somebody_knows_of_the_sign(world: World) -> None:
    """The form has the sign already, and a human was reached about it: a new "Yes" is news all the same."""
    anna = await due(world)
    await world.answer(anna, "No, nothing new", "Not sure", re.compile("Sudden: one side"))
    await world.answer(anna, "I can't call", "Yes, someone spoke with me", "I tapped by mistake", "Back")
    world.hear_all(anna)
    await world.tap(anna, "Yes, one or more")
    assert any(plain(message).startswith("Call 112 now.") for message in world.hear_all(anna))
    view = await world.view(anna)
    assert [(a.tier, a.state) for a in view.alerts] == [("EMERGENCY", "open")]


async def test_yes_again_on_a_change_screen_shows_the_call_screen(world: World) -> None:
    anna = await due(world)
    await world.answer(anna, "No, nothing new", "Yes, one or more", re.compile("Sudden: one side"), "Done")
    await world.answer(anna, "Change an answer", re.compile("Yes, one or more$"))
    world.hear_all(anna)
    await world.tap(anna, re.compile("Yes, one or more$"))
    assert any(plain(message).startswith("Call 112 now.") for message in world.hear_all(anna))
