"""Dead updates that are retried much later: either they count as of now, or they change nothing."""

import json
from datetime import timedelta

import pytest

from bot.app.ports.errors import RefusedError
from bot.app.records.operations import DeadUpdate
from bot.chat.dead_updates import retry_dead_update
from tests.fakes.work import work_on
from tests.stories.world import World, labels, plain


async def due(world: World):
    anna = await world.enrolled("P-0001")
    await world.until_due(anna)
    world.hear(anna, "Time for your check-in")
    return anna


async def lost(world: World, person, label: str) -> int:
    """Store a tap on the last message as a dead update; return its number."""
    world.sandbox.tap(person, world.last(person)["message_id"], label=label)
    return await buried(world, person)


async def buried(world: World, person) -> int:
    raw = world.sandbox.updates.all()[-1]
    world.sandbox.updates.confirm_below(raw["update_id"] + 1)
    row = DeadUpdate(
        update_id=raw["update_id"],
        chat_id=person.id,
        raw=json.dumps(raw),
        error="KeyError at bot.app.x:1",
        at=world.clock.now(),
    )
    return (await world.service.database.transact(lambda stores: stores.dead_letters.add_update(row))).id


async def retried(world: World, number: int) -> None:
    service, at = world.service, world.clock.now()
    handlers, bot = service.dispatcher._handlers, service.bots.sending
    await service.database.transact(
        lambda stores: retry_dead_update(work_on(stores, world.clinic, at, actor="op-1"), handlers, bot, number)
    )
    await world.pump()


async def refused(world: World, number: int, *words: str) -> None:
    """Assert that the retry is refused, the update remains listed, and no message is sent."""
    with pytest.raises(RefusedError) as error:
        await retried(world, number)
    for word in words:
        assert word in str(error.value)
    assert await world.service.database.read(lambda stores: stores.dead_letters.update(number)) is not None
    await world.pump()
    world.nothing_more()


async def test_dead_red_flag_on_the_open_question_raises_now(world: World) -> None:
    anna = await due(world)
    await world.tap(anna, "No, nothing new")
    world.hear_all(anna)
    number = await lost(world, anna, "Yes, one or more")
    await world.advance(hours=2)
    await retried(world, number)
    assert any(plain(m).startswith("Call 112 now.") for m in world.hear_all(anna))
    (alert,) = (await world.view(anna)).alerts
    assert alert.tier == "EMERGENCY"
    assert world.clock.now() - alert.raised_at < timedelta(minutes=1), "its deadlines start when it becomes known"


async def test_dead_tap_on_a_closed_check_in_is_refused(world: World) -> None:
    anna = await due(world)
    number = await lost(world, anna, "Yes, something")
    await world.advance(days=6)
    world.hear_all(anna)
    before = await world.view(anna)
    await refused(world, number, "of P-0001", "too late", "ask them")
    assert await world.view(anna) == before


async def test_dead_tap_given_again_since_changes_nothing(world: World) -> None:
    anna = await due(world)
    number = await lost(world, anna, "No, nothing new")
    await world.answer(anna, "No, nothing new", "None of these 8")
    world.hear_all(anna)
    before = await world.view(anna)
    await refused(world, number, "of P-0001", "too late")
    assert await world.view(anna) == before


async def test_dead_i_have_called_does_not_undo_later_answers(world: World) -> None:
    anna = await due(world)
    await world.answer(anna, "No, nothing new", "Yes, one or more")
    call = next(m for m in world.bot_messages(anna) if "I have called" in labels(m))
    world.sandbox.tap(anna, call["message_id"], label="I have called")
    number = await buried(world, anna)
    await world.tap(anna, "I can't call")
    world.hear_all(anna)
    await refused(world, number, "of P-0001", "ask them")
    assert (await world.view(anna)).alerts[0].state == "open"


async def test_dead_typed_number_answers_no_later_question(world: World) -> None:
    anna = await due(world)
    world.sandbox.say(anna, "2")
    number = await buried(world, anna)
    await world.tap(anna, "No, nothing new")
    world.hear_all(anna)
    await refused(world, number, "of P-0001", "ask them")
    assert (await world.view(anna)).checkins[0].answers == {"change": ("no",)}


async def test_dead_red_flag_words_still_ask_about_safety(world: World) -> None:
    anna = await due(world)
    await world.advance(minutes=5)
    world.sandbox.say(anna, "I can't breathe")
    number = await buried(world, anna)
    await retried(world, number)
    world.hear(anna, "breath")


async def test_dead_erase_is_never_retried(world: World) -> None:
    anna = await due(world)
    await world.say(anna, "/stop")
    world.hear_all(anna)
    number = await lost(world, anna, next(one for one in labels(world.last(anna)) if "delete" in one.lower()))
    await refused(world, number, "of P-0001", "ask them")
    assert (await world.view(anna)).state == "active"


async def test_dead_block_makes_nobody_unreachable(world: World) -> None:
    anna = await due(world)
    world.sandbox.block(anna)
    number = await buried(world, anna)
    world.sandbox.unblock(anna)
    await world.pump()
    await refused(world, number, "of P-0001", "by itself")
    assert (await world.view(anna)).unreachable_at is None
