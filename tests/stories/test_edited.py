"""Words that are added to a message later are looked at too: nobody writes them twice in an emergency."""

from tests.stories.world import World


async def test_a_red_flag_word_that_is_added_by_editing_brings_the_safety_question(world: World) -> None:
    anna = await world.enrolled("P-0001")
    await world.say(anna, "hello")
    world.hear(anna, "read")
    sent = world.sandbox.messages(anna)[-2]
    edited = {**sent, "text": "hello, I can't breathe", "edit_date": sent["date"] + 5}
    world.sandbox.updates.put("edited_message", edited)
    await world.pump()
    world.hear(anna, "breath")
    world.nothing_more()
