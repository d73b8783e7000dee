"""What people type: each message is answered with the numbers first; signs and despair act at once."""

import pytest

from bot.app.patients import participation
from tests.fakes.work import work_on
from tests.stories.test_team import join
from tests.stories.world import World, labels, plain

NUMBERS = "In an emergency call 112.\n\nYour team: +49 30 901820."
LINES = ("hello?", "please answer me", "is anybody there", "why does nobody answer", "I am waiting", "this is no good")
FIRST_SCREEN = "Any of these, now or at any time since your last check-in"


def answers(world: World, person) -> list[str]:
    """The messages in the chat that begin with the numbers, as they read now."""
    return [plain(m) for m in world.bot_messages(person) if plain(m).startswith(NUMBERS)]


async def test_p12_six_messages_in_an_hour_are_each_answered(world: World) -> None:
    anna = await world.enrolled("P-0001")
    before = len(world.bot_messages(anna))
    for line in LINES:
        await world.say(anna, line)
        last = world.last(anna)
        assert plain(last).startswith(NUMBERS), "the last message of the chat, with the numbers first"
        assert labels(last) == ["Something is wrong now", "Show my check-in"]
        assert len(world.bot_messages(anna)) == before + 1
        assert len(answers(world, anna)) == 1, "the one before it was moved down"
        await world.advance(minutes=5)
    sent = [call for call in world.sandbox.journal.calls() if call.method == "sendMessage" and not call.error][
        -len(LINES) :
    ]
    assert [bool(call.params.get("disable_notification")) for call in sent] == [False, *[True] * (len(LINES) - 1)]
    world.hear_all(anna)


async def test_two_messages_at_once_leave_one_answer(world: World) -> None:
    anna = await world.enrolled("P-0001")
    world.sandbox.say(anna, "hello")
    world.sandbox.say(anna, "hello?")
    await world.pump()
    assert len(answers(world, anna)) == 1
    assert plain(world.last(anna)).startswith(NUMBERS)
    world.hear_all(anna)


async def test_p12_something_is_wrong_opens_the_first_safety_screen(world: World) -> None:
    anna = await world.enrolled("P-0001")
    await world.say(anna, "hello?")
    world.hear_all(anna)
    await world.tap(anna, "Something is wrong now")
    world.hear(anna, FIRST_SCREEN)


async def test_p12_show_my_check_in_shows_what_is_open(world: World) -> None:
    anna = await world.enrolled("P-0001")
    await world.until_due(anna)
    await world.say(anna, "hello?")
    world.hear_all(anna)
    await world.tap(anna, "Show my check-in")
    world.hear(anna, "Since your last check-in, is anything new or worse?")


@pytest.mark.parametrize("plea", ["I cant catch my breath", "SOS", "112", "🆘", "help me", "no puedo respirar"])
async def test_k15_a_plea_after_thanks_is_answered_number_first(world: World, plea: str) -> None:
    anna = await world.enrolled("P-0001")
    await world.say(anna, "ok thanks")
    assert world.hear(anna)["text"].startswith("In an emergency call 112")
    await world.advance(minutes=20)
    await world.say(anna, plea)
    world.hear(anna, FIRST_SCREEN)


async def test_typed_sign_comes_below_the_call_screen_of_what_is_open(world: World) -> None:
    anna = await world.enrolled("P-0001")
    await world.say(anna, "I cant breathe")
    await world.tap(anna, "Yes, one or more")
    world.hear_all(anna)
    await world.advance(minutes=11)
    await world.say(anna, "chest pain")
    heard = [plain(m) for m in world.hear_all(anna)]
    assert heard[-2].startswith("Call 112 now.")
    assert FIRST_SCREEN in heard[-1]


@pytest.mark.parametrize("words", ["I want to die", "no quiero vivir", "не хочу жить"])
async def test_k26_despair_has_its_own_screen_and_an_urgent_alert(world: World, words: str) -> None:
    anna = await world.enrolled("P-0001")
    await world.say(anna, words)
    world.hear_all(anna)
    shown = world.last(anna)
    assert plain(shown).startswith("Please call 112 now."), "no crisis line is set"
    assert "Your team: +49 30 901820" in plain(shown)
    assert labels(shown) == ["Copy 112", "I have called", "I can't reach them", "Something is wrong now"]
    (alert,) = (await world.view(anna)).alerts
    assert (alert.tier, alert.rules) == ("URGENT", ("words_of_despair",))


async def test_k26_despair_said_twice_raises_one_alert(world: World) -> None:
    anna = await world.enrolled("P-0001")
    for words in ("I want to die", "i dont want to live anymore"):
        await world.say(anna, words)
        assert plain(world.last(anna)).startswith("Please call 112 now.")
        await world.advance(minutes=20)
    assert len((await world.view(anna)).alerts) == 1
    world.hear_all(anna)


async def test_despair_with_a_sign_ends_at_the_first_safety_screen(world: World) -> None:
    anna = await world.enrolled("P-0001")
    await world.say(anna, "I can't breathe, I want to die")
    heard = [plain(m) for m in world.hear_all(anna)]
    assert any(text.startswith("Please call 112 now.") for text in heard)
    assert FIRST_SCREEN in heard[-1]


async def test_despair_in_an_emergency_shows_both_call_screens(world: World) -> None:
    anna = await world.enrolled("P-0001")
    await world.say(anna, "I cant breathe")
    await world.tap(anna, "Yes, one or more")
    world.hear_all(anna)
    await world.say(anna, "I want to die")
    heard = [plain(m) for m in world.hear_all(anna)]
    assert any(text.startswith("Call 112 now.") for text in heard)
    assert heard[-1].startswith("Please call 112 now.")


async def test_chat_without_a_patient_gets_the_numbers_each_time(world: World) -> None:
    stranger = world.sandbox.person("Zoe", language_code="en")
    for words in ("hello", "I can't breathe", "I want to die"):
        await world.say(stranger, words)
        assert plain(world.last(stranger)).startswith("In an emergency call 112.")
    world.hear_all(stranger)


async def test_patient_who_left_gets_the_numbers_each_time(world: World) -> None:
    anna = await world.enrolled("P-0001")
    await world.service.database.transact(lambda stores: leave(world, stores))
    for words in ("hello", "I can't breathe", "I am fine"):
        await world.say(anna, words)
        assert plain(world.last(anna)).startswith(NUMBERS)
        assert labels(world.last(anna)) == ["Copy 112", "Copy the team's number"]
    await world.say(anna, "I want to die")
    assert plain(world.last(anna)).startswith("Please call 112 now.")
    world.hear_all(anna)


def leave(world: World, stores) -> None:
    participation.withdraw(work_on(stores, world.clinic, world.clock.now(), actor="operator"), "P-0001")


async def test_k26_team_is_notified_by_code_and_tier(world: World) -> None:
    ann = await join(world, "ann")
    anna = await world.enrolled("P-0001", name="Anna")
    world.hear_all(ann)
    await world.say(anna, "I want to die")
    world.hear_all(anna)
    notice = world.hear(ann, "URGENT", "P-0001")
    assert "despair" not in plain(notice), "messages to the team have answers only where the clinic allows it"
    await world.say(ann, "I can't breathe")
    numbers_first, menu = world.hear_all(ann)
    assert plain(numbers_first).startswith("In an emergency call 112.")
    assert labels(menu)
