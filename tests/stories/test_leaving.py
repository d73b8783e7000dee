"""Leaving: pause, stop, undo, delete. One tap never deletes, a stop can be undone for a day, and what is open outlives it."""

from bot.sandbox.chats import Person
from tests.stories.test_calls import due
from tests.stories.test_conversation import invited
from tests.stories.test_old_buttons import button
from tests.stories.test_team import join
from tests.stories.world import World, labels, plain

FIRST, LAST = "Delete my answers", "Yes, delete for good"
NUMBERS = "Call 112 now, then your team: +49 30 901820."


def rows(message) -> list[list[str]]:
    return [[one["text"] for one in row] for row in message["reply_markup"]["inline_keyboard"]]


def heights(message, label: str) -> set[int]:
    """The row of a button as counted from above (0, 1, …) and from below (-1, -2, …)."""
    found = next(number for number, row in enumerate(rows(message)) if label in row)
    return {found, found - len(rows(message))}


async def in_an_emergency(world: World) -> tuple[Person, Person]:
    """A patient whose EMERGENCY is open, whose call screen was shown, and a coordinator who was notified of it."""
    lena = await join(world, "lena")
    anna = await due(world)
    await world.answer(anna, "No, nothing new", "Yes, one or more")
    world.hear_all(anna)
    assert "EMERGENCY" in plain(world.hear_all(lena)[-1])
    return anna, lena


# -- P1


async def test_p1_delete_in_an_emergency_takes_two_taps_and_the_team_goes_on(world: World) -> None:
    anna, lena = await in_an_emergency(world)
    call = next(m for m in reversed(world.bot_messages(anna)) if plain(m).startswith("Call 112 now."))
    await world.say(anna, "/stop")
    screen = world.hear(anna, NUMBERS, "Your care stays the same")
    assert rows(screen) == [
        *(["Copy 112"], ["Pause for a week"], ["Stop the check-ins"], ["Keep going"]),
        ["My data", "Delete"],
    ]
    await world.tap(anna, "Delete")
    first = world.hear(anna, NUMBERS, "Gone for good", "Your team still has to look after what you told me")
    assert (await world.view(anna)).state == "active"
    await world.tap(anna, FIRST)
    second = world.hear(anna, NUMBERS, "No one can bring your answers back")
    assert not heights(first, FIRST) & heights(second, LAST), "two taps of habit would delete"
    assert not heights(screen, "Delete") & heights(first, FIRST)
    assert (await world.view(anna)).state == "active"
    assert [alert.tier for alert in (await world.view(anna)).alerts] == ["EMERGENCY"]
    world.nothing_more()

    await world.tap(anna, LAST)
    world.hear(anna, NUMBERS, "your answers here are deleted")
    world.hear(lena, "The patient no longer takes part, and this is still open. Call them.")
    view = await world.view(anna)
    assert (view.checkins, [(alert.tier, alert.state) for alert in view.alerts]) == ((), [("EMERGENCY", "unconfirmed")])

    for label in ("I have called", "I can't call"):
        await world.tap_old(anna, call["message_id"], button(call, label))
        numbers = plain(world.hear(anna, "call 112", "+49 30 901820", "llame al 112", "звоните: 112"))
        assert numbers.startswith("If you need help now, call 112"), "the phone's language first"
    await world.advance(minutes=31)
    heard = " ".join(plain(message) for message in world.hear_all(lena))
    assert "was asked but never confirmed" not in heard, "nobody asked: the chat was gone before the first question"
    assert "P-0001" in heard
    assert "EMERGENCY" in heard
    (alert,) = (await world.view(anna)).alerts
    assert alert.state == "unconfirmed", "it ends with an outcome of the team alone"


async def test_p1_old_call_screen_gives_the_numbers_in_the_language_of_the_phone(world: World) -> None:
    anna, lena = await in_an_emergency(world)
    call = next(m for m in reversed(world.bot_messages(anna)) if plain(m).startswith("Call 112 now."))
    await world.say(anna, "/delete")
    await world.answer(anna, FIRST, LAST)
    world.hear_all(anna)
    anna.language_code = "ru"
    await world.tap_old(anna, call["message_id"], button(call, "I have called"))
    assert plain(world.hear(anna, "112", "llame al 112")).startswith("Если нужна помощь сейчас, звоните: 112")
    world.hear_all(lena)


# -- deleting


async def test_old_button_that_deleted_at_one_tap_leads_to_the_first_screen(world: World) -> None:
    anna = await world.enrolled("P-0001", name="Anna")
    await world.say(anna, "/stop")
    data = button(world.hear(anna), "Delete")  # the data of the buttons "Stop, and delete my answers" in older chats
    await world.advance(hours=72)
    world.hear_all(anna)
    where = world.last(anna)["message_id"]
    for _ in range(3):
        await world.tap_old(anna, where, data)
        assert "Gone for good" in plain(world.hear_all(anna)[-1])
    assert (await world.view(anna)).state == "active"
    assert (await world.view(anna)).checkins


async def test_last_button_works_for_ten_minutes_and_then_asks_again(world: World) -> None:
    anna = await world.enrolled("P-0001", name="Anna")
    await world.say(anna, "/delete")
    await world.tap(anna, FIRST)
    await world.advance(minutes=12)
    world.hear_all(anna)
    await world.tap(anna, LAST)
    world.hear(anna, "Gone for good")
    assert (await world.view(anna)).state == "active"
    await world.answer(anna, FIRST, LAST)
    assert "your answers here are deleted" in plain(world.hear_all(anna)[-1])
    assert (await world.view(anna)).checkins == ()


async def test_keeping_the_answers_at_either_step_changes_nothing(world: World) -> None:
    anna = await world.enrolled("P-0001", name="Anna")
    before = await world.view(anna)
    for steps in ((), (FIRST,)):
        await world.say(anna, "/delete")
        await world.answer(anna, *steps, "Keep my answers")
        world.hear(anna, "We go on as before")
    assert await world.view(anna) == before


async def test_only_the_newest_screen_of_leaving_has_buttons(world: World) -> None:
    anna = await world.enrolled("P-0001", name="Anna")
    for words in ("/stop", "/delete", "/stop", "/delete"):
        await world.say(anna, words)
    await world.tap(anna, FIRST)
    world.hear_all(anna)
    leaving = {FIRST, LAST, "Stop the check-ins"}
    assert [labels(m) for m in world.bot_messages(anna) if leaving & set(labels(m))] == [["Keep my answers", LAST]]


async def test_who_has_stopped_can_still_delete(world: World) -> None:
    anna = await world.enrolled("P-0001", name="Anna")
    await world.say(anna, "/stop")
    await world.tap(anna, "Stop the check-ins")
    world.hear_all(anna)
    await world.advance(days=3)
    await world.say(anna, "/delete")
    await world.answer(anna, FIRST, LAST)
    assert "your answers here are deleted" in plain(world.hear_all(anna)[-1])
    assert (await world.view(anna)).checkins == ()


async def test_red_buttons_and_words_act_on_every_screen_of_leaving(world: World) -> None:
    anna = await world.enrolled("P-0001", name="Anna")
    for steps in ((), ("Delete",), ("Delete", FIRST)):
        await world.say(anna, "/stop")
        await world.answer(anna, *steps)
        world.hear(anna)
        await world.say(anna, "I feel worse now")
        world.hear(anna, "Any of these, now or at any time")
    await world.tap(anna, "Need help now")
    world.hear(anna, "[contact")
    world.hear(anna, "Call your team now")
    await world.say(anna, "/stop")
    assert plain(world.hear(anna)).startswith("There is still a call to make. Call your team now")


# -- stopping, and undoing it


async def stopped(world: World, anna: Person) -> None:
    await world.say(anna, "/stop")
    world.hear_all(anna)
    await world.tap(anna, "Stop the check-ins")


async def test_stop_is_undone_by_its_button_and_all_goes_on(world: World) -> None:
    anna = await world.enrolled("P-0001", name="Anna")
    before = await world.view(anna)
    await stopped(world, anna)
    said = world.hear(anna, "I have stopped", "Changed your mind?", "Tuesday, 3 March", "+49 30 901820", "112")
    assert labels(said) == ["Undo the stop"]
    assert (await world.view(anna)).consent is None
    await world.advance(hours=23)
    world.nothing_more()
    await world.tap(anna, "Undo the stop")
    world.hear(anna, "We go on as before", "Next check-in")
    view = await world.view(anna)
    assert (view.state, view.consent) == ("active", before.consent)
    assert view.checkins == before.checkins
    await world.until_due(anna)
    world.hear(anna, "Time for your check-in")


async def test_stop_is_undone_by_opening_the_bot_again(world: World) -> None:
    anna = await world.enrolled("P-0001", name="Anna")
    await stopped(world, anna)
    world.hear(anna, "I have stopped")
    await world.say(anna, "/start")
    world.hear(anna, "I have stopped, as you asked.", "+49 30 901820", "112")
    await world.tap(anna, "Undo the stop")
    world.hear(anna, "We go on as before")
    assert (await world.view(anna)).state == "active"


async def test_after_a_day_a_stop_says_how_to_join_again(world: World) -> None:
    anna = await world.enrolled("P-0001", name="Anna")
    await stopped(world, anna)
    data = button(world.hear(anna, "I have stopped"), "Undo the stop")
    await world.advance(hours=24)
    world.nothing_more()
    where = world.last(anna)["message_id"]
    await world.tap_old(anna, where, data)
    assert labels(world.hear(anna, "Ask your team for a new link", "+49 30 901820", "112")) == []
    await world.say(anna, "/start")
    world.hear(anna, "Ask your team for a new link")
    assert (await world.view(anna)).state == "withdrawn"


async def test_undone_stop_in_an_emergency_shows_the_call_screen_and_asks_again(world: World) -> None:
    anna, lena = await in_an_emergency(world)
    await stopped(world, anna)
    assert labels(world.hear(anna, NUMBERS, "I have stopped")) == ["Copy 112", "Undo the stop"]
    world.hear(lena, "The patient no longer takes part")
    await world.advance(minutes=20)
    assert world.news(anna) == []
    await world.tap(anna, "Undo the stop")
    world.hear(anna, "[contact 112]")
    world.hear(anna, "Call 112 now.")
    world.hear(anna, NUMBERS, "We go on as before")
    assert any("takes part again" in plain(m) for m in world.hear_all(lena))
    await world.advance(minutes=15)
    world.hear(anna, "Is help with you, or did someone speak with you?")
    world.hear_all(lena)


async def test_who_has_stopped_gets_the_numbers_for_each_red_button(world: World) -> None:
    anna, lena = await in_an_emergency(world)
    call = next(m for m in reversed(world.bot_messages(anna)) if plain(m).startswith("Call 112 now."))
    await world.say(anna, "/language")
    await world.tap(anna, "Español")
    await world.say(anna, "/stop")
    await world.tap(anna, "Detener las preguntas")
    world.hear_all(anna)
    for label in ("I have called", "I can't call"):
        await world.tap_old(anna, call["message_id"], button(call, label))
        assert plain(world.hear(anna)).startswith("Si necesita ayuda ahora, llame al 112 o a su equipo: +49 30 901820")
    await world.say(anna, "Ahora me siento peor")
    world.hear(anna, "Si necesita ayuda ahora, llame al 112")
    world.hear_all(lena)


async def test_helper_can_not_leave_for_the_patient(world: World) -> None:
    anna = await world.enrolled("P-0001", name="Anna")
    ben = await invited(world, anna)
    await world.tap(ben, "I agree")
    world.hear_all(ben)
    world.hear_all(anna)
    for words in ("/stop", "/export", "/delete"):
        await world.say(ben, words)
        assert labels(world.hear(ben, "Only the person you help")) == ["Stop helping"]
    await stopped(world, anna)
    world.hear_all(anna)
    world.hear_all(ben)
    await world.tap(anna, "Undo the stop")
    world.hear(anna, "We go on as before", "The person who helped you needs a new link")
