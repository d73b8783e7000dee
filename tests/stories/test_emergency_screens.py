"""The emergency screen and what goes with it: the silent card or link of 112 before it, and "Seen by your team" below."""

import pytest

from bot.delivery import tappable_numbers
from tests.stories.test_calls import due, new_after
from tests.stories.test_roles import helping
from tests.stories.test_team import join
from tests.stories.world import World, labels, plain

BUTTONS = ["Copy 112", "I have called", "I can't call", "Show my card", "I tapped by mistake"]


@pytest.fixture(autouse=True)
def _server_is_asked_for_the_first_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tappable_numbers, "_not_offered_until", 0.0)


async def emergency(world: World, person) -> list[str]:
    """Let somebody tap "Yes" on the first safety screen; return all that their phone gets, oldest first."""
    await world.tap(person, "No, nothing new")
    before = world.last(person)["message_id"]
    await world.tap(person, "Yes, one or more")
    return new_after(world, person, before)


def silent_calls(world: World) -> list[str]:
    calls = world.sandbox.journal.calls()
    return [c.method for c in calls if c.params.get("disable_notification") and c.error is None]


async def test_refused_card_becomes_a_silent_number_to_tap_and_the_call_screen_is_last(world: World) -> None:
    anna = await due(world)
    world.sandbox.faults.add("refused", methods=["sendContact"])
    number, call = await emergency(world, anna)
    assert number == "[tap to call 112]"
    assert call.startswith("Call 112 now.")
    assert labels(world.last(anna)) == BUTTONS, "a plain message, which every phone can show and edit"
    assert silent_calls(world) == ["sendRichMessage"]
    world.hear_all(anna)
    await world.tap(anna, "I have called")
    world.hear_all(anna)


async def test_call_screen_goes_alone_if_an_older_server_refuses_the_card(world: World) -> None:
    anna = await due(world)
    world.sandbox.faults.add("refused", methods=["sendContact"])
    world.sandbox.faults.add("older_api", methods=["sendRichMessage"])
    (call,) = await emergency(world, anna)
    assert call.startswith("Call 112 now.")
    assert labels(world.last(anna)) == BUTTONS
    world.hear_all(anna)


@pytest.mark.parametrize("methods", [["sendContact"], ["sendRichMessage"]])
async def test_call_screen_does_not_wait_for_a_card_or_number_that_never_comes(
    world: World, methods: list[str]
) -> None:
    anna = await due(world)
    if methods == ["sendRichMessage"]:
        world.sandbox.faults.add("refused", methods=["sendContact"])
    world.sandbox.faults.add("half_open", methods=methods, count=1)
    (call,) = await emergency(world, anna)
    assert call.startswith("Call 112 now.")
    world.hear_all(anna)


async def test_helper_gets_the_card_of_112_and_the_call_screen_last(world: World) -> None:
    mother = await world.enrolled("P-0001", name="Mother")
    daughter = world.sandbox.person("Daughter", language_code="en")
    await helping(world, mother, daughter)
    await world.until_due(mother)
    before = world.last(daughter)["message_id"]
    card, call = (await emergency(world, mother))[:2]
    assert (card, call.startswith("Call 112 now.")) == ("[contact 112]", True)
    card, call = [text for text in new_after(world, daughter, before) if "112" in text]
    assert card == "[contact 112]"
    assert call.split("\n\n")[:2] == ["For the person you help:", "Call 112 now."]
    assert labels(world.last(daughter)) == [label.replace("my card", "their card") for label in BUTTONS]
    for person in (mother, daughter):
        world.hear_all(person)


async def test_seen_by_your_team_is_the_last_line_and_goes_when_it_opens_again(world: World) -> None:
    ann = await join(world, "ann", out_of_hours=True)
    anna = await due(world)
    world.sandbox.faults.add("refused", methods=["sendContact"])
    await emergency(world, anna)
    await world.pump()
    number = world.last(anna)["message_id"]
    await world.tap(ann, "I'm on it")

    def call_screen() -> str:
        return plain(next(m for m in world.bot_messages(anna) if m["message_id"] == number))

    *_, seen = call_screen().splitlines()
    assert seen.startswith("Seen by your team, ")
    assert seen.endswith(". If you have not called yet, call now.")
    assert "on the way" not in call_screen(), "nobody said that somebody is coming"
    assert labels(world.last(anna)) == BUTTONS
    await world.tap(anna, "I have called")
    await world.advance(minutes=15)
    await world.tap(anna, "Yes")
    await world.tap(anna, "Not yet")
    assert "Seen by your team" not in call_screen()
    assert call_screen().startswith("Call 112 now."), "the numbers stay"
    for person in (ann, anna):
        world.hear_all(person)
