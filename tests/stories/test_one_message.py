"""One live check-in message in the chat: what comes again replaces the copy further up."""

from tests.stories.test_calls import due
from tests.stories.world import World, labels


def with_buttons(world, person):
    """The messages of the chat that can still be tapped."""
    return [message["message_id"] for message in world.bot_messages(person) if labels(message)]


async def test_reminder_replaces_the_copy_before_it_and_the_second_one_makes_no_sound(world: World) -> None:
    anna = await due(world)
    first = world.last(anna)["message_id"]
    asked = [*with_buttons(world, anna)]
    await world.advance(hours=25)
    second = world.last(anna)["message_id"]
    assert second > first
    assert with_buttons(world, anna) == [*(n for n in asked if n != first), second]
    await world.advance(hours=24)
    third = world.last(anna)["message_id"]
    assert third > second
    assert with_buttons(world, anna) == [*(n for n in asked if n != first), third]
    sounds = {
        call.result["message_id"]: not call.params.get("disable_notification")
        for call in world.sandbox.journal.calls()
        if call.method == "sendMessage" and call.result and int(call.params["chat_id"]) == anna.id
    }
    assert (sounds[first], sounds[second], sounds[third]) == (True, True, False)
    await world.answer(anna, "No, nothing new", "None of these 8")
    world.hear_all(anna)


async def test_question_shown_again_replaces_the_copy_before_it(world: World) -> None:
    anna = await due(world)
    await world.tap(anna, "No, nothing new")
    for _ in range(3):
        await world.say(anna, "Menu")
        await world.say(anna, "I feel worse now")
    questions = [message for message in world.bot_messages(anna) if "None of these 8" in labels(message)]
    assert len(questions) <= 2, "the one that was asked, and the one of now"
    world.hear_all(anna)
