""" "Same as last time" on the question about numbness: one tap, recorded as given now, and never a way to hide more."""

from collections.abc import Iterator

import pytest

from tests.stories.world import World, labels, plain

SAME = "Same as last time: Mild"


@pytest.fixture(autouse=True)
def all_heard(world: World) -> Iterator[None]:
    yield
    for person in list(world.sandbox.people.values()):
        world.hear_all(person)


async def asked(world: World, anna) -> None:
    """Bring the next check-in to the question about numbness."""
    await world.until_due(anna)
    for label in ("No, nothing new", "None of these 8", "None of these 7"):
        # The daily follow-up begins with the safety screens.
        if label in shown(world, anna):
            await world.tap(anna, label)


async def mild_last_time(world: World):
    """A patient whose last check-in said mild, a little; the next one asks about numbness now."""
    anna = await world.enrolled("P-0001", name="Anna")
    await asked(world, anna)
    assert "last time" not in "".join(shown(world, anna)), "the first time there is none"
    await world.answer(anna, "Mild", "A little")
    await asked(world, anna)
    return anna


async def answers(world: World, anna) -> dict[str, tuple[str, ...]]:
    return dict((await world.view(anna)).checkins[0].answers)


def shown(world: World, anna) -> list[str]:
    return labels(next(m for m in reversed(world.bot_messages(anna)) if "Skip" in labels(m)))


async def test_same_as_last_time_answers_numbness_and_how_much_it_got_in_the_way(world: World) -> None:
    anna = await mild_last_time(world)
    assert shown(world, anna)[0] == SAME
    question = next(plain(m) for m in reversed(world.bot_messages(anna)) if "Skip" in labels(m))
    assert "Last time: Mild. In the way of your day: A little." in question
    await world.tap(anna, SAME)
    view = await world.view(anna)
    assert view.checkins[0].state == "done"
    given = await answers(world, anna)
    assert (given["numbness"], given["interference"]) == (("mild",), ("a_little",))
    stored = await world.service.database.read(lambda s: s.answers.of_checkin(s.checkins.of_patient(1, limit=1)[0].id))
    now = world.clock.now()
    assert all((now - a.given_at).total_seconds() < 60 for a in stored if a.question in {"numbness", "interference"})


async def test_same_as_last_time_shows_the_call_words_of_what_is_open(world: World) -> None:
    """Nobody has spoken with the patient about it yet: the same answer gives no all-clear."""
    anna = await mild_last_time(world)
    world.hear_all(anna)
    await world.tap(anna, SAME)
    said = "\n".join(plain(m) for m in world.hear_all(anna))
    assert "Nothing here needs a call today" not in said
    assert "numb, tingling or painful hands or feet" in said
    assert "Please call your team within 24 hours" in said


async def test_choice_can_still_be_tapped_and_worse_is_worse(world: World) -> None:
    anna = await mild_last_time(world)
    world.hear_all(anna)
    await world.tap(anna, "Strong")
    assert any("Call your team now" in plain(m) for m in world.hear_all(anna))


async def test_same_as_last_time_is_never_on_a_safety_screen(world: World) -> None:
    anna = await mild_last_time(world)
    await world.tap(anna, SAME)
    await world.until_due(anna)
    for label in ("None of these 8", "None of these 7"):
        assert "last time" not in "".join(shown(world, anna))
        await world.tap(anna, label)
    assert shown(world, anna)[0] == SAME


async def test_typed_number_counts_the_buttons_as_they_are_shown(world: World) -> None:
    anna = await mild_last_time(world)
    await world.say(anna, "1")
    given = await answers(world, anna)
    assert (given["numbness"], given["interference"]) == (("mild",), ("a_little",))


async def test_typed_number_of_a_choice_below_it_is_that_choice(world: World) -> None:
    anna = await mild_last_time(world)
    await world.say(anna, "4")
    assert (await answers(world, anna))["numbness"] == ("medium",)


async def test_doubled_tap_on_same_as_last_time_answers_once(world: World) -> None:
    anna = await world.enrolled("P-0001", name="Anna")
    await asked(world, anna)
    await world.answer(anna, "Mild", "A little")
    await asked(world, anna)
    message = next(m for m in reversed(world.bot_messages(anna)) if SAME in labels(m))
    data = next(
        b["callback_data"] for row in message["reply_markup"]["inline_keyboard"] for b in row if b["text"] == SAME
    )
    for _ in range(2):
        await world.tap_old(anna, message["message_id"], data)
    given = await answers(world, anna)
    assert (given["numbness"], given["interference"]) == (("mild",), ("a_little",))


async def test_none_last_time_is_not_offered_again(world: World) -> None:
    anna = await world.enrolled("P-0001", name="Anna")
    for _ in range(2):
        await asked(world, anna)
        assert "last time" not in "".join(shown(world, anna))
        await world.tap(anna, "None")


async def test_answer_older_than_14_days_is_not_offered(world: World) -> None:
    anna = await world.enrolled("P-0001", name="Anna")
    await asked(world, anna)
    await world.answer(anna, "Mild", "A little")
    await world.advance(days=15)
    await world.say(anna, "I feel worse now")
    await world.answer(anna, "None of these 8", "None of these 7", "None of these")
    assert "Very strong" in shown(world, anna)
    assert "last time" not in "".join(shown(world, anna))
