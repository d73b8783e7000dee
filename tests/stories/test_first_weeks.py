"""One patient, end to end: enrolled, asked on schedule, answered by buttons, given a tip or the call prompt."""

from tests.stories.world import World, labels, plain


async def test_enrolment_consent_choices_and_baseline(world: World) -> None:
    anna = await world.add("P-0001", name="Anna")
    world.sandbox.open_invite(anna)
    await world.pump()
    print([ (plain(m), labels(m)) for m in world.news(anna)])
    world.hear(anna, "Your care team asked me", "I am not a person", "112")
