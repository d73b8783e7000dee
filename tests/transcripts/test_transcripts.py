"""The conversations clinicians read: each is played anew, over the real wiring, and must be told word for word."""

import re
from datetime import UTC, datetime, timedelta

import pytest

from tests.stories.test_conversation import invited
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


async def test_known_mild_numbness(world: World) -> None:
    anna = await world.enrolled("P-0001", name="Anna", baseline="Mild")
    told = Transcript(world, anna, "Mild numbness from before, known to the team, unchanged: a tip, no alarm")
    await told.until_due()
    for label in ("No, nothing new", "None of these", "None of these", "Mild", "Not at all"):
        await told.tap(label)
    told.check("known_mild_numbness")


async def test_new_numbness_in_week_3(world: World) -> None:
    anna = await world.enrolled("P-0001", name="Anna", ici_start=(world.clock.now() - timedelta(days=14)).date())
    told = Transcript(
        world, anna, "New numbness in week 3: a call within a day, asked daily until three days are stable"
    )
    await told.until_due()
    for label in ("No, nothing new", "None of these", "None of these", "Mild", "A little"):
        await told.tap(label)
    await told.tap("I have called")
    for day in ("the next day", "the second day", "the third day", "and then the plan alone"):
        await told.until_due()
        told.note(day)
        if "anything new" in told.shown:
            await told.tap("No, nothing new")
        await told.tap("None of these")
        await told.tap("None of these")
        if "stairs" in told.shown:
            for _ in range(5):
                await told.tap("No trouble")
            await told.tap("No")
        await told.tap("Mild")
        await told.tap("A little")
        if "Is there burning" in told.shown:
            await told.tap("No")
            await told.tap("No")
        if "Tap each one" in told.shown:
            await told.tap("None of these")
    told.check("new_numbness_week_3")


async def test_silence_after_urgent(world: World) -> None:
    anna = await world.enrolled("P-0001", name="Anna")
    told = Transcript(world, anna, "Silence after URGENT: asked three times, then marked for staff; never closed")
    await told.until_due()
    await told.tap("No, nothing new")
    await told.tap("None of these")
    await told.tap("Yes, one or more")
    for hour in ("an hour", "two hours", "three hours"):
        await told.wait(f"{hour} after the call screen", hours=1)
    await told.wait("and nothing more is asked about the call that day", hours=12)
    alert = (await world.view(anna)).alerts[0]
    told.note(f"staff see: {alert.tier}, {alert.state}, asked {alert.loop_backs} times")
    told.check("silence_after_urgent")


async def test_cannot_reach_them(world: World) -> None:
    anna = await world.enrolled("P-0001", name="Anna")
    told = Transcript(world, anna, "Loop-back: the patient can't reach anyone")
    await told.until_due()
    for label in ("No, nothing new", "None of these", "Yes, one or more"):
        await told.tap(label)
    await told.wait("an hour later", hours=1)
    await told.tap("I can't reach them")
    await told.wait("another hour later", hours=1)
    await told.tap("Not yet")
    await told.wait("another hour later", hours=1)
    await told.tap("Yes, I reached someone")
    told.check("cannot_reach_them")


async def test_caregiver(world: World) -> None:
    anna = await world.enrolled("P-0001", name="Anna")
    told = Transcript(world, anna, "A caregiver answers with the patient, and both see the call screen")
    await told.types("/menu")
    await told.tap("Someone who helps me")
    ben = await invited(world, anna)
    await told.hears(ben, "caregiver")
    await told.other_taps(ben, "caregiver", "I agree")
    await told.until_due()
    await told.hears(ben, "caregiver")
    await told.other_taps(ben, "caregiver", "No, nothing new")
    await told.other_taps(ben, "caregiver", "Yes, one or more")
    await told.types("/menu")
    await told.tap("Someone who helps me")
    await told.tap("End it")
    await told.hears(ben, "caregiver")
    await told.tap("I have called")
    told.check("caregiver")


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("es", ("No, nada nuevo", "Ninguno de estos", "Ninguno de estos", re.compile("^Nada|^Ningun"))),
        ("ru", (re.compile("^Нет"), re.compile("^Ничего|^Нет"), re.compile("^Ничего|^Нет"), re.compile("^Не было"))),
    ],
)
async def test_a_check_in_in_each_language(world: World, language: str, words: tuple[str, ...]) -> None:
    anna = await world.enrolled("P-0001", name="Anna")
    await world.say(anna, "/language")
    await world.tap(anna, {"es": "Español", "ru": "Русский"}[language])
    told = Transcript(world, anna, f"Nothing new, in {language}; then what a red flag says")
    await told.until_due()
    for word in words:
        await told.tap(word)
    await told.types({"es": "no puedo respirar", "ru": "не могу дышать"}[language])
    await told.tap(re.compile("^Sí|^Да"))
    told.check(f"check_in_{language}")
    await world.tap(anna, re.compile("llamado|Ya llam|позвонил"))
    world.hear_all(anna)


async def test_changed_answer(world: World) -> None:
    anna = await world.enrolled("P-0001", name="Anna")
    told = Transcript(
        world, anna, "An answer changed after the end: judged anew, both kept, a lowered one closes nothing"
    )
    await told.until_due()
    for label in ("No, nothing new", "None of these", "None of these", "None"):
        await told.tap(label)
    for label in ("Change an answer", "Numbness or pain: None", "Strong", "A little"):
        await told.tap(label)
    for label in ("Change another answer", "Numbness or pain: Strong", "None"):
        await told.tap(label)
    told.note(f"staff see: {[(a.tier, a.state) for a in (await world.view(anna)).alerts]}")
    await told.tap("I have called")
    told.check("changed_answer")


async def test_remind_later_over_midnight(world: World) -> None:
    anna = await world.enrolled("P-0001", name="Anna")
    told = Transcript(world, anna, "Remind me later, over midnight: quiet hours are kept")
    await told.until_due()
    await told.tap("This evening")
    await told.wait("at six in the evening", hours=8, minutes=10)
    await world.advance(hours=2, minutes=15)
    await told.tap("In 1 hour")
    await told.wait("in quiet hours nothing comes", hours=11)
    await told.wait("at nine in the morning", hours=2)
    told.check("remind_later_over_midnight")


async def test_remind_later_over_a_change_of_the_clocks(world: World) -> None:
    world.clock.advance(datetime(2026, 3, 27, 9, tzinfo=UTC) - world.clock.now())
    anna = await world.enrolled("P-0001", name="Anna")
    told = Transcript(
        world, anna, "Remind me tomorrow, over the night in which the clocks go forward: the same time of day"
    )
    await told.until_due()
    told.note(f"it is {world.clock.now():%A, %d %B %Y}, 10:00; tonight an hour is left out")
    await told.tap("Tomorrow")
    await told.wait("22 and a half hours later: not yet", hours=22, minutes=30)
    await told.wait("23 hours later it is 10:00 again", minutes=45)
    told.check("remind_later_over_dst")
