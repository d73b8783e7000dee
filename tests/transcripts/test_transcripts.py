"""The conversations clinicians read: each is played anew, over the real wiring, and must be told word for word."""

import re

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


async def test_enrolment_in_spanish(world: World) -> None:
    lucia = await world.add("P-0002", name="Lucía", phone="es")
    told = Transcript(world, lucia, "Enrolment on a phone that speaks Spanish, to the end of the baseline")
    told.opens_link()
    await told.settle()
    for label in ("Continuar", "Continuar", "Continuar", re.compile("acepto"), "Español", "Berlin"):
        await told.tap(label)
    await told.tap(re.compile("10:00"))
    for label in (
        "Ninguno de estos",
        "Ninguno de estos",
        *["Sin problemas"] * 5,
        "No",
        *[re.compile("^Nada|^Ningun")] * 2,
    ):
        await told.tap(label)
    told.check("enrolment_es")


async def test_new_numbness(world: World) -> None:
    anna = await world.enrolled("P-0001", name="Anna")
    told = Transcript(world, anna, "New mild numbness: worth a call within a day, asked after next day")
    await told.until_due()
    for label in ("No, nothing new", "None of these", "None of these", "Mild", "Not at all"):
        await told.tap(label)
    await told.wait("a day later", hours=24)
    await told.tap("Not yet")
    await told.wait("a day later", hours=24)
    told.check("new_numbness")


async def test_double_vision(world: World) -> None:
    anna = await world.enrolled("P-0001", name="Anna")
    told = Transcript(world, anna, "Double vision: call now, go on if you can, did you reach someone?")
    await told.until_due()
    for label in ("No, nothing new", "None of these", "Yes, one or more", "Show my card"):
        await told.tap(label)
    await told.tap("Answer a few more questions")
    for label in ("☐ Seeing double, drooping eyelid", "Done", re.compile("^None of these"), "None"):
        await told.tap(label)
    await told.wait("an hour after the call screen", hours=1)
    await told.tap("I can't reach them")
    told.check("double_vision")


async def test_mistake(world: World) -> None:
    anna = await world.enrolled("P-0001", name="Anna")
    told = Transcript(world, anna, "Tapped by mistake: noted, nothing is deleted, the question is asked anew")
    await told.until_due()
    for label in ("No, nothing new", "Yes, one or more", "I tapped by mistake"):
        await told.tap(label)
    for label in ("None of these", "None of these", "None"):
        await told.tap(label)
    await told.wait("15 minutes later", minutes=15)
    told.check("mistake")
