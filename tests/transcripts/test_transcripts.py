"""Conversations for clinicians to read: each is played over the real wiring and must match its golden file exactly."""

import re
from datetime import UTC, datetime, timedelta

import pytest

from tests.stories.test_conversation import invited
from tests.stories.world import World
from tests.transcripts.recorder import Transcript


async def test_checkin_without_symptoms(world: World) -> None:
    anna = await world.enrolled("P-0001", name="Anna")
    transcript = Transcript(world, anna, "Nothing new: four taps, then a tip")
    await transcript.until_due()
    await transcript.tap("No, nothing new")
    await transcript.tap("None of these 8")
    await transcript.tap("None of these 7")
    await transcript.tap("None")
    transcript.check("nothing_new")


async def test_checkin_with_trouble_breathing(world: World) -> None:
    anna = await world.enrolled("P-0001", name="Anna")
    transcript = Transcript(world, anna, "Trouble breathing in mid-check-in: the call screen at the tap")
    await transcript.until_due()
    await transcript.tap("No, nothing new")
    await transcript.tap("Yes, one or more")
    await transcript.wait("15 minutes later", minutes=15)
    await transcript.tap("I can't reach them")
    await transcript.wait("15 minutes later", minutes=15)
    await transcript.tap("Yes")
    await transcript.tap("☐ Hard to breathe")
    await transcript.tap("Done")
    await transcript.wait("an hour later nothing more is asked", hours=1)
    transcript.check("trouble_breathing")


async def test_enrolment_in_spanish(world: World) -> None:
    lucia = await world.add("P-0002", name="Lucía", phone="es")
    transcript = Transcript(world, lucia, "Enrolment on a phone that speaks Spanish, to the end of the baseline")
    transcript.opens_link()
    await transcript.settle()
    for label in ("Continuar", "Continuar", "Continuar", re.compile("acepto"), "Español", "Sí"):
        await transcript.tap(label)
    await transcript.tap(re.compile("10:00"))
    for label in (
        "Ninguno de estos 8",
        "Ninguno de estos 7",
        *["Sin problemas"] * 6,
        "No",
        *[re.compile("^Nada|^Ningun")] * 2,
    ):
        await transcript.tap(label)
    transcript.check("enrolment_es")


async def test_checkin_with_new_numbness(world: World) -> None:
    anna = await world.enrolled("P-0001", name="Anna")
    transcript = Transcript(world, anna, "New mild numbness: worth a call within a day, asked after next day")
    await transcript.until_due()
    for label in ("No, nothing new", "None of these 8", "None of these 7", "Mild", "Not at all"):
        await transcript.tap(label)
    await transcript.wait("a day later", hours=24)
    await transcript.tap("Not yet")
    await transcript.wait("a day later", hours=24)
    transcript.check("new_numbness")


async def test_checkin_with_double_vision(world: World) -> None:
    anna = await world.enrolled("P-0001", name="Anna")
    transcript = Transcript(world, anna, "Double vision: call now, go on if you can, did you reach someone?")
    await transcript.until_due()
    for label in ("No, nothing new", "None of these 8", "Yes, one or more", "Show my card"):
        await transcript.tap(label)
    await transcript.tap("Answer a few more questions")
    for label in ("☐ Seeing double, drooping eyelid", "Done", re.compile("^None of these"), "None"):
        await transcript.tap(label)
    await transcript.wait("an hour after the call screen", hours=1)
    await transcript.tap("I can't reach them")
    transcript.check("double_vision")


async def test_checkin_with_red_flag_tapped_by_mistake(world: World) -> None:
    anna = await world.enrolled("P-0001", name="Anna")
    transcript = Transcript(world, anna, "Tapped by mistake: recorded, nothing is deleted, the question is asked again")
    await transcript.until_due()
    for label in ("No, nothing new", "Yes, one or more", "I tapped by mistake"):
        await transcript.tap(label)
    for label in ("None of these 8", "None of these 7", "None"):
        await transcript.tap(label)
    await transcript.wait("15 minutes later", minutes=15)
    transcript.check("mistake")


async def test_checkin_with_known_mild_numbness(world: World) -> None:
    anna = await world.enrolled("P-0001", name="Anna", baseline="Mild")
    transcript = Transcript(world, anna, "Mild numbness from before, known to the team, unchanged: a tip, no alarm")
    await transcript.until_due()
    for label in ("No, nothing new", "None of these 8", "None of these 7", "Mild", "Not at all"):
        await transcript.tap(label)
    transcript.check("known_mild_numbness")


async def test_new_numbness_in_week_3_is_followed_up_daily(world: World) -> None:
    anna = await world.enrolled("P-0001", name="Anna", ici_start=(world.clock.now() - timedelta(days=14)).date())
    transcript = Transcript(
        world, anna, "New numbness in week 3: a call within a day, asked daily until three days are stable"
    )
    await transcript.until_due()
    for label in ("No, nothing new", "None of these 8", "None of these 7", "Mild", "A little"):
        await transcript.tap(label)
    await transcript.tap("I have called")
    for day in ("the next day", "the second day", "the third day", "and then the plan alone"):
        await transcript.until_due()
        transcript.note(day)
        if "anything new" in transcript.shown:
            await transcript.tap("No, nothing new")
        await transcript.tap("None of these 8")
        await transcript.tap("None of these 7")
        if "stairs" in transcript.shown:
            for _ in range(6):
                await transcript.tap("No trouble")
            await transcript.tap("No")
        await transcript.tap("Mild")
        await transcript.tap("A little")
        if "Is there burning" in transcript.shown:
            await transcript.tap("No")
            await transcript.tap("No")
        if "Tap each one" in transcript.shown:
            await transcript.tap("None of these")
    transcript.check("new_numbness_week_3")


async def test_silence_after_urgent_is_marked_for_staff(world: World) -> None:
    anna = await world.enrolled("P-0001", name="Anna")
    transcript = Transcript(world, anna, "Silence after URGENT: asked three times, then marked for staff; never closed")
    await transcript.until_due()
    await transcript.tap("No, nothing new")
    await transcript.tap("None of these 8")
    await transcript.tap("Yes, one or more")
    for hour in ("an hour", "two hours", "three hours"):
        await transcript.wait(f"{hour} after the call screen", hours=1)
    await transcript.wait("and nothing more is asked about the call that day", hours=12)
    alert = (await world.view(anna)).alerts[0]
    transcript.note(f"staff see: {alert.tier}, {alert.state}, asked {alert.safety_follow_ups} times")
    transcript.check("silence_after_urgent")


async def test_safety_follow_up_when_nobody_is_reached(world: World) -> None:
    anna = await world.enrolled("P-0001", name="Anna")
    transcript = Transcript(world, anna, "Safety follow-up: the patient can't reach anyone")
    await transcript.until_due()
    for label in ("No, nothing new", "None of these 8", "Yes, one or more"):
        await transcript.tap(label)
    await transcript.wait("an hour later", hours=1)
    await transcript.tap("I can't reach them")
    await transcript.wait("another hour later", hours=1)
    await transcript.tap("Not yet")
    await transcript.wait("another hour later", hours=1)
    await transcript.tap("Yes")
    transcript.check("cannot_reach_them")


async def test_caregiver_answers_with_the_patient(world: World) -> None:
    anna = await world.enrolled("P-0001", name="Anna")
    transcript = Transcript(
        world, anna, "A caregiver answers with the patient: both see the call screen, and what the other taps"
    )
    await transcript.types("/menu")
    await transcript.tap("Someone who helps me")
    ben = await invited(world, anna)
    await transcript.record_other(ben, "caregiver")
    await transcript.other_taps(ben, "caregiver", "I agree")
    await transcript.until_due()
    await transcript.record_other(ben, "caregiver")
    await transcript.other_taps(ben, "caregiver", "No, nothing new")
    await transcript.other_taps(ben, "caregiver", "Yes, one or more")
    await transcript.other_taps(ben, "caregiver", "I have called")
    await transcript.wait("15 minutes later", minutes=15)
    await transcript.record_other(ben, "caregiver")
    await transcript.tap("Yes")
    await transcript.record_other(ben, "caregiver")
    await transcript.types("/menu")
    await transcript.tap("Someone who helps me")
    await transcript.tap("End it")
    await transcript.record_other(ben, "caregiver")
    await transcript.tap("I have called")
    transcript.check("caregiver")


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("es", ("No, nada nuevo", "Ninguno de estos 8", "Ninguno de estos 7", re.compile("^Nada|^Ningun"))),
        ("ru", (re.compile("^Нет"), re.compile("^Ничего|^Нет"), re.compile("^Ничего|^Нет"), re.compile("^Не было"))),
    ],
)
async def test_checkin_in_each_language(world: World, language: str, words: tuple[str, ...]) -> None:
    anna = await world.enrolled("P-0001", name="Anna")
    await world.say(anna, "/language")
    await world.tap(anna, {"es": "Español", "ru": "Русский"}[language])
    transcript = Transcript(world, anna, f"Nothing new, in {language}; then what a red flag says")
    await transcript.until_due()
    for word in words:
        await transcript.tap(word)
    await transcript.types({"es": "no puedo respirar", "ru": "не могу дышать"}[language])
    await transcript.tap(re.compile("^Sí|^Да"))
    transcript.check(f"check_in_{language}")
    await world.tap(anna, re.compile("Ya llam|Звонок"))
    world.hear_all(anna)


async def test_answer_changed_after_the_end(world: World) -> None:
    anna = await world.enrolled("P-0001", name="Anna")
    transcript = Transcript(
        world, anna, "An answer changed after the end: re-assessed, both answers stored; a lower one closes no alert"
    )
    await transcript.until_due()
    for label in ("No, nothing new", "None of these 8", "None of these 7", "None"):
        await transcript.tap(label)
    for label in ("Change an answer", "Numbness or pain: None", "Strong", "A little"):
        await transcript.tap(label)
    for label in ("Change another answer", "Numbness or pain: Strong", "None"):
        await transcript.tap(label)
    transcript.note(f"staff see: {[(a.tier, a.state) for a in (await world.view(anna)).alerts]}")
    await transcript.tap("I have called")
    transcript.check("changed_answer")


async def test_postponed_checkin_over_midnight(world: World) -> None:
    anna = await world.enrolled("P-0001", name="Anna")
    transcript = Transcript(world, anna, "Remind me later, over midnight: quiet hours are kept")
    await transcript.until_due()
    await transcript.tap("This evening")
    await transcript.wait("at six in the evening", hours=8, minutes=10)
    await world.advance(hours=2, minutes=15)
    await transcript.tap("In 1 hour")
    await transcript.wait("in quiet hours nothing comes", hours=11)
    await transcript.wait("at nine in the morning", hours=2)
    transcript.check("remind_later_over_midnight")


async def test_postponed_checkin_over_dst_change(world: World) -> None:
    world.clock.advance(datetime(2026, 3, 27, 9, tzinfo=UTC) - world.clock.now())
    anna = await world.enrolled("P-0001", name="Anna")
    transcript = Transcript(
        world, anna, "Remind me tomorrow, over the night in which the clocks go forward: the same time of day"
    )
    await transcript.until_due()
    transcript.note(f"it is {world.clock.now():%A, %d %B %Y}, 10:00; tonight an hour is left out")
    await transcript.tap("Tomorrow")
    await transcript.wait("22 and a half hours later: not yet", hours=22, minutes=30)
    await transcript.wait("23 hours later it is 10:00 again", minutes=45)
    transcript.check("remind_later_over_dst")


async def test_leaving_in_an_emergency(world: World) -> None:
    anna = await world.enrolled("P-0001", name="Anna")
    transcript = Transcript(world, anna, "Leaving while an EMERGENCY is open: stop, undo, delete in two steps")
    await transcript.until_due()
    await transcript.tap("No, nothing new")
    await transcript.tap("Yes, one or more")
    await transcript.types("/stop")
    await transcript.tap("Stop the check-ins")
    await transcript.types("I feel worse now")
    await transcript.tap("Undo the stop")
    await transcript.types("/delete")
    await transcript.tap("Delete my answers")
    await transcript.tap("Yes, delete for good")
    transcript.check("leaving")
