"""One patient, end to end: enrolled, asked on schedule, answered by buttons, given a tip or the call prompt."""

import re

from tests.stories.world import World, labels


async def test_first_weeks_from_enrolment_to_call_prompt(world: World) -> None:
    anna = await world.add("P-0001", name="Anna")
    world.sandbox.open_invite(anna)
    await world.pump()
    world.hear(anna, "Your care team asked me", "I am not a person", "112")
    await world.tap(anna, "Continue")
    world.hear(anna, "1 of 3")
    await world.tap(anna, "Continue")
    world.hear(anna, "2 of 3", "Telegram")
    await world.tap(anna, "Continue")
    world.hear(anna, "3 of 3", "/stop")
    await world.tap(anna, "I agree")
    assert labels(world.hear(anna, "Which language")) == ["English", "Español", "Русский"]
    await world.tap(anna, "English")
    assert labels(world.hear(anna, "Is it 09:00 for you now?")) == ["Yes", "No", "Back"]
    await world.tap(anna, "No")
    world.hear(anna, "What time is it for you now?")
    await world.tap(anna, "03:00")
    world.hear(anna, "do the clocks change")
    await world.tap(anna, "Yes, they change")
    world.hear(anna, "What time of day")
    await world.tap(anna, re.compile("^Evening"))
    world.hear(anna, "18:00")
    assert (await world.view(anna)).timezone == "America/New_York"
    world.hear(anna, "buttons at the bottom")
    world.hear(anna, "A longer check-in", "Any of these, now or at any time in the last 7 days")
    await world.answer(anna, "None of these 8", "None of these 7", *["No trouble"] * 6, "No", "None", "None of these")
    world.hear(anna, "Nothing here needs a call today", "Next check-in")
    view = await world.view(anna)
    assert (view.state, view.timezone, view.send_time, view.consent) == ("active", "America/New_York", "18:00", "2")
    assert view.checkins[0].answers == {
        "safety_now": ("none",),
        "safety_new": ("none",),
        "stairs": ("none",),
        "chair": ("none",),
        "buttons": ("none",),
        "arms": ("none",),
        "head": ("none",),
        "floor": ("none",),
        "falls": ("no",),
        "numbness": ("none",),
        "autonomic": ("none",),
    }
    assert not view.alerts
