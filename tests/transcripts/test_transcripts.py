"""The conversations clinicians read: each is played anew, over the real wiring, and must be told word for word."""

from tests.stories.conftest import world  # noqa: F401
from tests.stories.world import World
from tests.transcripts.recorder import Transcript


async def test_nothing_new(world: World) -> None:
    anna = await world.enrolled("P-0001", name="Anna")
    told = Transcript(world, anna, "Nothing new: four taps, then a tip")
    await told.until_due()
    await told.tap("No, nothing new")
    await told.tap("None of these")
    await told.tap("None of these")
    await told.tap("None")
    told.check("nothing_new")


async def test_trouble_breathing(world: World) -> None:
    anna = await world.enrolled("P-0001", name="Anna")
    told = Transcript(world, anna, "Trouble breathing in mid-check-in: the call screen at the tap")
    await told.until_due()
    await told.tap("No, nothing new")
    await told.tap("Yes, one or more")
    await told.wait("15 minutes later", minutes=15)
    await told.tap("I can't reach them")
    await told.wait("15 minutes later", minutes=15)
    await told.tap("Yes, help is coming")
    await told.tap("☐ Hard to breathe")
    await told.tap("Done")
    await told.wait("an hour later nothing more is asked", hours=1)
    told.check("trouble_breathing")
