"""P21, while a move to a new phone is not settled: which of the two chats gets what, and what it still has."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from bot.app.alerts import ownership
from bot.app.patients import registry
from tests.fakes.work import work_on
from tests.stories.test_calls import due
from tests.stories.test_new_phone import QUICK, answered, texts
from tests.stories.test_old_buttons import button, moving
from tests.stories.test_roles import helping, opens
from tests.stories.world import World, labels, plain

MOVES = pytest.mark.parametrize("move", ["asked", "moved"])


@pytest.fixture(autouse=True)
def all_heard(world: World) -> Iterator[None]:
    """Account for what these stories are not about."""
    yield
    for person in list(world.sandbox.people.values()):
        world.hear_all(person)


async def agreed(world: World, anna, phone, move: str):
    """Let the new phone agree if the move is to be "moved"; return the patient's own chat and the second one."""
    if move == "moved":
        await world.tap(phone, "I agree, use this phone")
    for person in (anna, phone):
        world.hear_all(person)
    return (phone, anna) if move == "moved" else (anna, phone)


async def with_something_open(world: World):
    """A patient whose numbness is new today, and their new phone, which opened the link."""
    anna = await due(world)
    await world.answer(anna, *QUICK, "Mild", "Not at all")
    return anna, await moving(world, anna)


async def until(world: World, person, words: str, *, days: int) -> str:
    """Let days pass until the person hears the words; return that message."""
    for _ in range(days):
        await world.advance(days=1)
        for text in texts(world, person):
            if words in text:
                return text
    raise AssertionError(f"{words!r} did not come within {days} days")


@MOVES
async def test_p21_daily_questions_go_to_the_patients_own_chat_only(world: World, move: str) -> None:
    anna, phone = await with_something_open(world)
    own, second = await agreed(world, anna, phone, move)
    for _ in range(2):
        await until(world, own, "I ask again", days=2)
        assert not any("I ask again" in text or "check-in" in text for text in texts(world, second))


@MOVES
async def test_p21_who_is_at_the_hospital_is_asked_in_their_own_chat_whether_they_are_home(
    world: World, move: str
) -> None:
    anna = await due(world)
    own, second = await agreed(world, anna, await moving(world, anna), move)
    await world.say(own, "I feel worse now")
    await world.tap(own, "Yes, one or more")
    await world.advance(minutes=15)
    await world.tap(own, "I am at the hospital")
    assert any("Good that you are there" in text for text in texts(world, own))
    assert not any("Good that you are there" in text for text in texts(world, second))
    await until(world, own, "Are you home", days=9)
    assert not any("Are you home" in text for text in texts(world, second))
    await world.tap(own, "Yes, I am home")
    world.hear_all(own)
    assert texts(world, second) == []


@MOVES
async def test_p21_silence_is_asked_about_in_the_patients_own_chat_only(world: World, move: str) -> None:
    anna = await world.enrolled("P-0001", name="Anna", ici_start=world.clock.now().date())
    own, second = await agreed(world, anna, await moving(world, anna), move)
    await until(world, own, "It has been a while", days=30)
    assert texts(world, second) == []


@MOVES
async def test_p21_goodbye_goes_to_the_patients_own_chat_only(world: World, move: str) -> None:
    anna, phone = await answered(world)
    own, second = await agreed(world, anna, phone, move)
    await world.service.database.transact(lambda s: only_goodbye_is_due(s, world.clock.now()))
    await world.advance(hours=2)
    assert any("Your check-ins have ended" in text for text in texts(world, own))
    assert not any("have ended" in text for text in texts(world, second))


def only_goodbye_is_due(stores, at) -> None:
    """Have nothing due any more but the goodbye."""
    anna = stores.patients.by_code("P-0001", lock=True)
    due_only = {"next_due_at": None, "follow_up": None, "goodbye_at": at + timedelta(hours=1)}
    stores.patients.save(anna.model_copy(update=due_only))


async def test_p21_call_screen_in_the_old_chat_loses_its_questions_with_the_alert_and_keeps_the_number(
    world: World,
) -> None:
    anna = await due(world)
    phone = await moving(world, anna)
    await world.answer(anna, "No, nothing new", "Yes, one or more")
    call = next(m["message_id"] for m in reversed(world.bot_messages(anna)) if plain(m).startswith("Call 112 now."))
    await agreed(world, anna, phone, "moved")

    def shown() -> list[str]:
        return labels(next(m for m in world.bot_messages(anna) if m["message_id"] == call))

    assert {"Copy 112", "I have called"} <= set(shown()), "the move takes nothing from it"
    alert = (await world.view(anna)).alerts[0].id
    for step in (ownership.acknowledge, lambda w, a: ownership.finish(w, a, "sent_to_ed")):
        await world.service.database.transact(
            lambda s, step=step: step(work_on(s, world.clinic, world.clock.now(), actor="ann"), alert)
        )
        await world.pump()
    assert (await world.view(anna)).alerts[0].state == "closed"
    assert shown() == ["Copy 112", "Show my card"]


async def test_p21_chart_on_a_phone_that_nobody_confirmed_begins_with_that_phone(world: World) -> None:
    anna, phone = await with_something_open(world)
    before = (await world.view(anna)).alerts
    assert before, "there is something to hide"
    await agreed(world, anna, phone, "moved")
    await world.until_due(anna)
    await world.answer(phone, "None of these 8", "None of these 7", "Medium", "Not at all")
    world.hear_all(phone)
    for is_confirmed in (False, True):
        if is_confirmed:
            await world.say(anna, "/menu")
            await world.tap(anna, "Yes, that was me")
        await world.say(phone, "/answers")
        said = "\n".join(texts(world, phone))
        patient = await world.service.database.read(lambda s: s.patients.by_code("P-0001"))
        (row,) = await world.service.database.read(lambda s, p=patient: s.outbox.shown(p.id, phone.id, ("trend",)))
        points, marked = row.screen.trend.points, row.screen.trend.alerts
        days = {point.day for point in points} | {one.day for one in marked}
        begun = patient.history_from.date() if patient.history_from is not None else None
        assert ("Mild" in said) == is_confirmed, said
        if not is_confirmed:
            assert [point.numbness for point in points] == [2]
            assert begun is not None
            assert min(days) >= begun
            hidden = len(points), len(marked)
    assert len(points) > hidden[0]
    assert len(marked) > hidden[1]


async def test_p21_not_me_ends_the_helper_whom_the_other_phone_let_in(world: World) -> None:
    anna, phone = await answered(world)
    asked = next(m for m in reversed(world.sandbox.messages(anna)) if "No, that was not me" in labels(m))
    await world.tap(phone, "I agree, use this phone")
    world.hear_all(phone)
    friend = world.sandbox.person("Mallory")
    await helping(world, phone, friend)
    await world.tap_old(anna, asked["message_id"], button(asked, "No, that was not me"))
    rows = await world.service.database.read(lambda s: s.caregivers.of_patient(s.patients.by_code("P-0001").id))
    assert [row.state for row in rows] == ["ended"]
    world.hear_all(friend)
    await world.until_due(anna)
    assert any("Time for your check-in" in text for text in texts(world, anna))
    assert texts(world, friend) == [], "nothing more of the patient's"


async def test_p21_a_third_phone_does_not_take_the_objection_from_the_old_one(world: World) -> None:
    anna, phone = await answered(world)
    await world.tap(phone, "I agree, use this phone")
    for person in (anna, phone):
        world.hear_all(person)
    third = world.sandbox.person("A third phone")
    token = await world.service.database.transact(
        lambda s: registry.invite_again(work_on(s, world.clinic, world.clock.now()), "P-0001")[1]
    )
    await opens(world, third, token)
    assert any("is not confirmed yet" in text and "+49 30 901820" in text for text in texts(world, third))
    await world.say(anna, "/menu")
    await world.tap(anna, "No, that was not me")
    patient = await world.service.database.read(lambda s: s.patients.by_code("P-0001"))
    assert (patient.chat_id, patient.second_chat_id, patient.phone_move) == (anna.id, None, None)
