"""The pages that follow a tap and an alert say what the code does when a story taps: who calls whom, and what runs."""

import re
from datetime import time

import pytest

from tests import follow
from tests.follow import Calls, Function
from tests.stories.test_team import join
from tests.stories.world import World

STEPPED = frozenset({"Sender.run"})
"""Loops that a story takes step by step instead: what they call is looked up in their source."""
TAP, ALERT = follow.PAGES


async def recorded(world: World, *steps) -> Calls:
    calls = Calls()
    await world.service.database.transact(follow.start_in_writer(calls))
    with follow.recorded(calls):
        for step in steps:
            await step()
    await world.service.database.transact(follow.stop_in_writer)
    for person in world.sandbox.people.values():
        world.hear_all(person)
    return calls


async def red_tap(world: World) -> Calls:
    """A patient taps a red flag while one member of the team is on call."""
    await join(world, "ann", days=range(7), start=time(0), end=time(23, 59))
    anna = await world.enrolled("P-0001")
    await world.say(anna, "I feel worse now")
    world.hear_all(anna)
    return await recorded(world, lambda: world.tap(anna, "Yes, one or more"))


async def alert(world: World) -> Calls:
    """An alert is raised, escalates, and is acknowledged, noted, closed and reopened in a member's chat."""
    await join(world, "ann", days=range(7), start=time(0), end=time(23, 59))
    ben = await join(world, "ben")
    anna = await world.enrolled("P-0001")
    await world.say(anna, "I feel worse now")
    world.hear_all(anna)
    return await recorded(
        world,
        lambda: world.tap(anna, "Yes, one or more"),
        lambda: world.advance(minutes=16),
        lambda: world.tap(ben, "I'm on it"),
        lambda: world.tap(ben, re.compile("Patient reached")),
        lambda: world.tap(ben, "Close"),
        lambda: world.tap(ben, re.compile("Reopen")),
    )


def differences(text: str, calls: Calls) -> list[str]:
    """Return where a page doesn't say what ran: an item that didn't run, or wasn't called by the one above it."""
    found = []
    for function, parent in follow.items(text):
        callers = calls.callers.get(function)
        if function.name in STEPPED:
            continue
        if callers is None:
            found.append(f"{function} did not run")
        elif parent is None:
            continue
        elif callers and parent.name not in STEPPED:
            if parent not in callers:
                found.append(f"{function} was called by {sorted(map(str, callers))}, not by {parent}")
        elif function.name.rpartition(".")[2] not in follow.names_in(follow.definition(parent)):
            # A task that the event loop starts has no caller on the stack.
            found.append(f"{parent} doesn't start {function}")
    return found


async def test_page_of_a_tap_says_what_a_tap_calls(world: World) -> None:
    calls = await red_tap(world)
    assert differences(follow.page(TAP), calls) == []
    named = {item.function.path for item in follow.items(follow.page(TAP))}
    assert calls.files - named == follow.also_run(follow.page(TAP))


async def test_page_of_an_alert_says_what_the_team_calls(world: World) -> None:
    assert differences(follow.page(ALERT), await alert(world)) == []


POST, ENQUEUE = Function("bot/dialog/post.py", "post"), Function("bot/dialog/post.py", "enqueue")


@pytest.mark.parametrize(
    ("callers", "wrong"),
    [
        ({POST: set(), ENQUEUE: {POST}}, ""),
        ({POST: set()}, "did not run"),
        ({POST: set(), ENQUEUE: {Function("bot/dialog/post.py", "post_staff")}}, "not by"),
        ({POST: set(), ENQUEUE: {Function("bot/dialog/menus.py", "menu.<lambda>")}}, "not by"),
    ],
    ids=["called", "never", "by another", "by a lambda"],
)
def test_wrong_item_is_found(callers, wrong) -> None:
    text = "- `bot/dialog/post.py` `post`: one.\n  - `bot/dialog/post.py` `enqueue`: two.\n"
    calls = Calls()
    calls.callers.update(callers)
    found = differences(text, calls)
    assert len(found) == bool(wrong)
    assert all(wrong in each for each in found)
