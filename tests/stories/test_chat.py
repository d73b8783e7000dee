"""Late, repeated and foreign taps and text: they change nothing and are always answered."""

import re

from tests.stories.world import World, labels, plain


async def due(world: World):
    anna = await world.enrolled("P-0001", name="Anna")
    await world.until_due(anna)
    world.hear(anna, "Time for your check-in")
    return anna


def data_of(world: World, person, label: str) -> tuple[int, str]:
    for message in reversed(world.bot_messages(person)):
        for row in message.get("reply_markup", {}).get("inline_keyboard", []):
            for button in row:
                if button["text"] == label:
                    return message["message_id"], button["callback_data"]
    raise AssertionError(label)


async def test_doubled_tap_answers_once(world: World) -> None:
    anna = await due(world)
    where, data = data_of(world, anna, "No, nothing new")
    world.sandbox.tap(anna, where, data)
    world.sandbox.tap(anna, where, data, force=True)
    await world.pump()
    world.hear(anna, "Any of these, now or at any time")
    world.nothing_more()
    assert (await world.view(anna)).checkins[0].answers == {"change": ("no",)}


async def test_old_button_shows_the_current_screen(world: World) -> None:
    anna = await due(world)
    where, data = data_of(world, anna, "Yes, something")
    await world.answer(anna, "No, nothing new", "None of these 8", "None of these 7", "None")
    world.hear(anna, "Nothing here needs a call")
    await world.tap_old(anna, where, data)
    assert "Help" in labels(world.hear(anna, "What would you like to do?"))
    assert (await world.view(anna)).checkins[0].answers["change"] == ("no",)


async def test_button_of_another_patient_does_nothing(world: World) -> None:
    anna = await due(world)
    where, data = data_of(world, anna, "Yes, something")
    boris = await world.enrolled("P-0002", name="Boris")
    own = world.last(boris)["message_id"]
    await world.tap_old(boris, own, data)
    world.hear(boris, "What would you like to do?")
    assert not (await world.view(anna)).checkins[0].answers
    assert where


async def test_back_and_skip_move_between_questions(world: World) -> None:
    anna = await due(world)
    await world.tap(anna, "Back")
    world.nothing_more()
    await world.tap(anna, "Skip")
    world.hear(anna, "Any of these, now or at any time")
    await world.tap(anna, "Back")
    world.hear(anna, "is anything new or worse")
    await world.tap(anna, "No, nothing new")
    world.hear(anna, "Any of these, now or at any time")


async def test_skipped_red_flag_question_gives_no_all_clear(world: World) -> None:
    anna = await due(world)
    await world.answer(anna, "No, nothing new", "Skip", "None of these 7", "None")
    assert "You left this open.\nAny of these, now" in plain(world.hear_all(anna)[-1])
    await world.tap(anna, "Skip")
    texts = [plain(m) for m in world.hear_all(anna)]
    assert not any("Nothing here needs a call" in t or "new, stronger, or not yet known" in t for t in texts)
    assert any("You left this open: a list of signs to call about" in t for t in texts)
    assert (await world.view(anna)).alerts[0].tier == "SOON"
    await world.tap(anna, "I have called")
    world.hear_all(anna)


async def test_skipped_other_question_promises_nothing(world: World) -> None:
    anna = await due(world)
    await world.answer(anna, "No, nothing new", "None of these 8", "None of these 7", "Skip")
    world.hear(anna, "You left some questions open")


async def test_text_pictures_and_commands_are_answered(world: World) -> None:
    anna = await due(world)
    await world.say(anna, "My hands feel odd")
    world.hear(anna, "I can't read messages", "+49 30 901820")
    await world.say(anna, "/help")
    world.hear(anna, "nobody watches this chat live", "112")
    await world.say(anna, "/privacy")
    world.hear(anna, "Telegram stores this chat")
    await world.say(anna, "My team")
    world.hear(anna, "Sandbox clinic", "+49 30 901820")
    world.hear(anna, "[contact")
    await world.say(anna, "Menu")
    world.hear(anna, "What would you like to do?")
    await world.say(anna, "Tips")
    tip = world.hear(anna)
    await world.tap(anna, "Helpful")
    await world.tap(anna, "More tips")
    assert plain(world.hear(anna)) != plain(tip)


async def test_group_is_left_with_a_goodbye(world: World) -> None:
    anna = world.sandbox.person("Anna")
    group = world.sandbox.add_to_group("Family", anna)
    await world.pump()
    said = [plain(m) for m in world.sandbox.messages(group) if m.get("from", {}).get("is_bot")]
    assert said == [
        "I only talk to one person at a time. Please write to me in a private chat. I leave this group now."
    ]
    assert any(c.method == "leaveChat" for c in world.sandbox.journal.calls())


async def test_blocking_and_unblocking_are_noticed(world: World) -> None:
    anna = await world.enrolled("P-0001", name="Anna")
    world.sandbox.block(anna)
    await world.pump()
    view = await world.view(anna)
    assert view.unreachable_at is not None
    assert view.tasks == ("unreachable",)
    await world.advance(days=2)
    world.sandbox.unblock(anna)
    await world.pump()
    view = await world.view(anna)
    assert (view.unreachable_at, view.tasks) == (None, ())
    await world.until_due(anna)
    world.hear(anna, "Time for your check-in")


async def test_malformed_update_does_not_block_others(world: World) -> None:
    anna = await due(world)
    boris = await world.enrolled("P-0002", name="Boris")
    world.sandbox.tap(anna, *data_of(world, anna, "No, nothing new"))
    world.sandbox.inject({"message": {"message_id": "not a number", "chat": 7}})
    world.sandbox.inject({"callback_query": {"id": []}})
    world.sandbox.say(boris, "/help")
    await world.pump()
    world.hear(anna, "Any of these, now or at any time")
    world.hear(boris, "I ask short questions")
    assert len(await world.service.database.read(lambda stores: stores.dead_letters.updates())) == 2


async def test_keyboard_labels_in_another_language_still_work(world: World) -> None:
    anna = await due(world)
    await world.say(anna, "Mi equipo")
    assert re.search(r"\+49 30 901820", plain(world.hear_all(anna)[0]))
