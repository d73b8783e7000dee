""" "My answers" in the running product: a sentence first, then the picture, then the last answers."""

import re
from collections.abc import Iterator
from datetime import timedelta

import pytest

from tests.stories.test_silence import choices, spoken_with_and_closed
from tests.stories.test_team import join
from tests.stories.world import World, plain


@pytest.fixture(autouse=True)
def all_heard(world: World) -> Iterator[None]:
    yield
    for person in list(world.sandbox.people.values()):
        world.hear_all(person)


async def shown(world: World, person) -> str:
    """Ask for the answers; return the text above the picture."""
    world.hear_all(person)
    await world.say(person, "/answers")
    picture, last = world.hear_all(person)[-2:]
    assert picture["photo"], "the picture comes first"
    assert picture["show_caption_above_media"], "and its sentence before it"
    assert plain(last).startswith("Your last answers")
    return plain(picture)


async def drawn(world: World, person):
    """Return what the newest picture shows, as figures."""
    rows = await world.service.database.read(lambda s: s.outbox.shown(1, person.id, ("trend",)))
    return rows[-1].screen.trend


async def answered_for(world: World, person, days: int) -> None:
    """Answer every check-in of so many days: nothing is new."""
    until = world.clock.now() + timedelta(days=days)
    while (due := (await world.view(person)).next_due_at) is not None and due <= until:
        await world.until_due(person)
        await world.answer(person, *choices(world, person))
    await world.advance(seconds=(until - world.clock.now()).total_seconds())


async def test_quiet_weeks_are_about_the_same(world: World) -> None:
    anna = await world.enrolled("P-0001", name="Anna", ici_start=world.clock.now().date())
    assert (await shown(world, anna)).startswith("These are your first answers.")
    await answered_for(world, anna, 14)
    text = await shown(world, anna)
    assert text.startswith("About the same as last week.\n\nThe picture can't say if you need a call.")
    assert "Stairs: No trouble" in text


async def test_p20_after_seven_silent_weeks_there_is_a_gap(world: World) -> None:
    anna = await world.enrolled("P-0001", name="Anna", ici_start=world.clock.now().date())
    await answered_for(world, anna, 14)
    await world.advance(days=49)
    text = await shown(world, anna)
    assert text.startswith("There are no answers from the last 7 days. The last ones are from ")
    assert "No answers: 14 March 2026 to 4 May 2026" in text
    await world.until_due(anna)
    await world.answer(anna, *choices(world, anna))
    await shown(world, anna)
    trend = await drawn(world, anna)
    [gap] = trend.gaps
    assert (gap.last - gap.first).days > 49
    assert trend.points[-1].day == gap.last


async def test_something_open_is_said_first_until_somebody_was_reached(world: World) -> None:
    await join(world, "ann", out_of_hours=True)
    anna = await world.enrolled("P-0001", name="Anna")
    await answered_for(world, anna, 9)
    await world.say(anna, "I feel worse now")
    await world.answer(anna, "None of these 8", "Yes, one or more", "Answer a few more questions")
    await world.tap(anna, re.compile("^. Seeing double"))
    await world.answer(anna, "Done", "None of these", "None")
    text = await shown(world, anna)
    assert "double vision or a drooping eyelid" in text
    assert "Call your team now: +49 30 901820" in text
    assert "About the same" not in text
    alert = (await world.view(anna)).alerts[0]
    await spoken_with_and_closed(world, alert.id)
    text = await shown(world, anna)
    assert "About the same" in text
    assert "Your team knows about this:\n• double vision or a drooping eyelid" in text
    assert "I asked you to call: " in text


async def test_help_before_any_check_in_is_said_there_too(world: World) -> None:
    anna = await world.add("P-0001", name="Anna")
    world.sandbox.open_invite(anna)
    await world.pump()
    for label in ("Continue", "Continue", "Continue", "I agree", "English", "Yes"):
        await world.tap(anna, label)
    await world.tap(anna, "Morning, 10:00")
    await world.tap(anna, "Yes, one or more")
    world.hear_all(anna)
    await world.say(anna, "/answers")
    text = plain(world.hear_all(anna)[-1])
    assert text.startswith("You told me about something that can't wait. Call 112 now")
    assert text.endswith("There are no answers yet.")
