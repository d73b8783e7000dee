"""Text that is added to a message later is checked too: in an emergency nobody writes it twice."""

from tests.stories.world import World


async def test_edited_message_with_red_flag_word_asks_about_safety(world: World) -> None:
    anna = await world.enrolled("P-0001")
    await world.say(anna, "hello")
    world.hear(anna, "read")
    sent = world.sandbox.messages(anna)[-2]
    edited = {**sent, "text": "hello, I can't breathe", "edit_date": sent["date"] + 5}
    world.sandbox.updates.put("edited_message", edited)
    await world.pump()
    world.hear(anna, "breath")
    world.nothing_more()
