"""P21, a new phone: the old chat is asked, nothing is lost meanwhile, and no answers are shown to a phone unconfirmed."""

from collections.abc import Iterator

import pytest

from bot.app.patients import new_phone, participation, registry
from bot.app.ports.errors import RefusedError
from bot.app.work import Work
from bot.core.screen import Action
from bot.dialog import leaving
from bot.dialog.leaving_screens import DELETE, minute_of
from tests.fakes.work import work_on
from tests.stories.test_calls import due
from tests.stories.test_old_buttons import button, moving
from tests.stories.test_team import join
from tests.stories.world import World, labels, plain

QUICK = ("No, nothing new", "None of these 8", "None of these 7")


@pytest.fixture(autouse=True)
def all_heard(world: World) -> Iterator[None]:
    """Account for what these stories are not about."""
    yield
    for person in list(world.sandbox.people.values()):
        world.hear_all(person)


def texts(world: World, person) -> list[str]:
    return [plain(m) for m in world.hear_all(person)]


async def chat_of(world: World, code: str = "P-0001") -> int | None:
    return await world.service.database.read(lambda s: s.patients.by_code(code).chat_id)


async def answered(world: World):
    """A patient with a usual, mild numbness in the answers of today, and a new phone that opened the link."""
    anna = await due(world, baseline="Mild")
    await world.answer(anna, *QUICK, "Mild", "Not at all")
    world.hear_all(anna)
    phone = await moving(world, anna)
    return anna, phone


async def acts(world: World, person, message, label: str) -> list[str]:
    await world.tap_old(person, message["message_id"], button(message, label))
    return texts(world, person)


async def test_p21_old_chat_is_asked_and_stays_the_patients_until_the_new_one_agreed(world: World) -> None:
    anna, phone = await answered(world)
    asked = world.hear(anna, "Your link was opened on another phone. Was that you?", "+49 30 901820")
    assert labels(asked) == ["Yes, that was me", "No, that was not me"]
    world.hear(phone, "I have asked on your old phone", "112", "+49 30 901820")
    assert await chat_of(world) == anna.id
    await world.until_due(anna)
    world.hear(anna, "Time for your check-in")
    assert texts(world, phone) == [], "no question goes to a phone that has not agreed"
    for words in ("/menu", "/answers", "2", "hello"):
        await world.say(phone, words)
        assert not any("Mild" in text for text in texts(world, phone))


async def test_p21_confirmed_on_the_old_phone_the_new_one_has_everything(world: World) -> None:
    anna, phone = await answered(world)
    await world.until_due(anna)
    world.hear_all(anna)
    await world.tap(anna, "Yes, that was me")
    world.hear(anna, "may show your earlier answers", "112", "+49 30 901820")
    assert await chat_of(world) == anna.id
    world.hear_all(phone)
    await world.tap(phone, "I agree, use this phone")
    world.hear(phone, "Done. I ask on this phone from now on.")
    assert any("is anything new or worse" in text for text in texts(world, phone)), "the question that is open"
    world.hear(anna, "now come to your new phone", "112", "+49 30 901820")
    await world.say(phone, "/answers")
    assert any("Numbness or pain: Mild" in text for text in texts(world, phone))
    await world.say(anna, "/answers")
    world.hear(anna, "only work with a link")


async def test_p21_without_confirmation_the_new_chat_starts_without_history(world: World) -> None:
    anna, phone = await answered(world)
    await world.until_due(anna)
    await world.tap(anna, "Yes, something")
    world.hear_all(anna)
    world.hear_all(phone)
    await world.tap(phone, "I agree, use this phone")
    world.hear(phone, "I show your earlier answers here once you say on the old phone that it was you", "+49 30 901820")
    assert any("is anything new or worse" in text for text in texts(world, phone)), "from the first question"
    assert (await world.view(anna)).checkins[0].answers == {}
    await world.say(phone, "/answers")
    assert not any("Mild" in text for text in texts(world, phone))
    world.hear(anna, "now come to your new phone")
    await world.say(anna, "/menu")
    world.hear(anna, "have moved to another phone", "112", "+49 30 901820")
    await world.tap(anna, "Yes, that was me")
    world.hear_all(anna)
    await world.say(phone, "/answers")
    assert any("Numbness or pain: Mild" in text for text in texts(world, phone))


async def test_p21_coordinator_confirms_when_the_old_phone_is_lost(world: World) -> None:
    _, phone = await answered(world)
    await world.tap(phone, "I agree, use this phone")
    world.hear_all(phone)
    await world.service.database.transact(
        lambda s: new_phone.confirm_for(work_on(s, world.clinic, world.clock.now(), actor="ann"), "P-0001")
    )
    await world.say(phone, "/answers")
    assert any("Numbness or pain: Mild" in text for text in texts(world, phone))
    lines = await world.service.database.read(lambda s: s.audit.lines(limit=50))
    assert ("ann", "new_phone_confirmed", "P-0001") in [(a.actor, a.action, a.subject) for a in lines]
    with pytest.raises(RefusedError, match="nothing to confirm"):
        await world.service.database.transact(
            lambda s: new_phone.confirm_for(work_on(s, world.clinic, world.clock.now(), actor="ann"), "P-0001")
        )


async def test_p21_own_data_is_not_sent_to_a_phone_that_nobody_confirmed(world: World) -> None:
    anna, phone = await answered(world)
    for agreed in (False, True):
        if agreed:
            await world.tap(phone, "I agree, use this phone")
        texts(world, phone)
        await world.say(phone, "/export")
        said = world.hear_all(phone)
        assert not any("document" in message for message in said), agreed
    assert any("once you say on your old phone that this one is yours" in plain(message) for message in said)
    world.hear_all(anna)
    await world.say(anna, "/menu")
    await world.tap(anna, "Yes, that was me")
    texts(world, phone)
    await world.say(phone, "/export")
    assert sum("document" in message for message in world.hear_all(phone)) == 2


@pytest.mark.parametrize("move", ["asked", "moved"])
async def test_p21_the_second_chat_can_neither_undo_a_stop_nor_delete(world: World, move: str) -> None:
    anna, phone = await answered(world)
    own, second = anna, phone
    if move == "moved":
        await world.tap(phone, "I agree, use this phone")
        own, second = phone, anna
    await world.say(own, "/stop")
    await world.tap(own, "Stop the check-ins")
    world.hear_all(second)
    for words in ("/stop", "/start", "/menu", "/export", "/delete", "/help"):
        await world.say(second, words)
        shown = world.hear_all(second)
        assert shown, words
        assert not any({"Undo the stop", "Yes, delete for good"} & set(labels(one)) for one in shown), words
        assert not any("document" in one for one in shown), words
    assert (await world.view(anna)).state == "withdrawn"
    await world.tap(own, "Undo the stop")
    world.hear_all(own)
    assert (await world.view(anna)).state == "active"
    if move == "moved":
        await world.say(own, "/answers")
        assert not any("Mild" in text for text in texts(world, own)), "undoing a stop confirms nothing"


@pytest.mark.parametrize("has_agreed", [False, True])
async def test_p21_not_me_on_the_old_phone_leaves_it_the_patients(world: World, has_agreed: bool) -> None:
    anna, phone = await answered(world)
    world.hear_all(anna)
    if has_agreed:
        await world.tap(phone, "I agree, use this phone")
    world.hear_all(phone)
    await world.tap(anna, "No, that was not me")
    assert any("I ask on this phone only" in text for text in texts(world, anna))
    world.hear(phone, "not used for check-ins", "112")
    assert await chat_of(world) == anna.id
    await world.until_due(anna)
    assert any("Time for your check-in" in text for text in texts(world, anna))
    await world.say(phone, f"/start {phone.start}")
    world.hear(phone, "does not work any more")


async def test_p21_new_phone_that_says_no_changes_nothing(world: World) -> None:
    anna, phone = await answered(world)
    world.hear_all(phone)
    await world.tap(phone, "No, thank you")
    world.hear(phone, "not used for check-ins")
    assert (await world.view(anna)).state == "active"
    assert await chat_of(world) == anna.id


@pytest.mark.parametrize("has_agreed", [False, True])
async def test_p21_red_buttons_of_both_chats_act_until_it_is_settled(world: World, has_agreed: bool) -> None:
    anna = await due(world)
    await world.tap(anna, "No, nothing new")
    safety = world.last(anna)
    phone = await moving(world, anna)
    if has_agreed:
        await world.tap(phone, "I agree, use this phone")
    world.hear_all(phone)
    world.hear_all(anna)
    said = await acts(world, anna, safety, "Yes, one or more")
    assert any(text.startswith("Call 112 now.") for text in said)
    assert [a.tier for a in (await world.view(anna)).alerts] == ["EMERGENCY"]
    if has_agreed:
        assert any(text.startswith("Call 112 now.") for text in texts(world, phone))
    await world.tap(anna, "I have called")
    await world.advance(minutes=15)
    asked = [anna, phone] if has_agreed else [anna]
    for person in asked:
        assert any("Is help with you, or did someone speak" in text for text in texts(world, person))


@pytest.mark.parametrize("has_agreed", [False, True])
async def test_p21_red_words_and_buttons_of_the_other_chat_act(world: World, has_agreed: bool) -> None:
    anna, phone = await answered(world)
    if has_agreed:
        await world.tap(phone, "I agree, use this phone")
    second = anna if has_agreed else phone
    world.hear_all(anna)
    world.hear_all(phone)
    await world.say(second, "I can't breathe")
    assert any("Any of these, now or at any time" in text for text in texts(world, second))
    await world.tap(second, "Yes, one or more")
    for person in (anna, phone) if has_agreed else (phone, anna):
        assert any(text.startswith("Call 112 now.") for text in texts(world, person))
    assert [a.tier for a in (await world.view(anna)).alerts] == ["EMERGENCY"]
    await world.tap(second, "I can't call")
    assert any("112" in text for text in texts(world, second))


async def test_p21_what_is_open_is_said_first_on_the_new_phone_and_the_team_learns_of_it(world: World) -> None:
    ann = await join(world, "ann")
    anna = await due(world)
    await world.answer(anna, "No, nothing new", "Yes, one or more")
    world.hear_all(ann)
    phone = await moving(world, anna)
    assert any("moving to another phone" in text for text in texts(world, ann))
    world.hear_all(phone)
    await world.tap(phone, "I agree, use this phone")
    (done,) = [text for text in texts(world, phone) if "I ask on this phone from now on" in text]
    assert "112" in done.split("Done.")[0]


async def test_p21_leaving_on_the_new_phone_leaves_both(world: World) -> None:
    anna, phone = await answered(world)
    await world.tap(phone, "I agree, use this phone")
    await world.service.database.transact(
        lambda s: participation.withdraw(work_on(s, world.clinic, world.clock.now()), "P-0001")
    )
    world.hear_all(anna)
    world.hear_all(phone)
    await world.say(anna, "hello")
    world.hear(anna, "only work with a link")


async def test_p21_another_patients_link_on_a_phone_that_waits_is_refused(world: World) -> None:
    _, phone = await answered(world)
    boris = await world.add("P-0002", name="Boris")
    world.hear_all(phone)
    await world.say(phone, f"/start {boris.start}")
    world.hear(phone, "for one patient only")
    assert (await world.view(boris)).state == "invited"


async def test_p21_returning_on_another_phone_after_leaving_shows_no_history(world: World) -> None:
    anna = await due(world)
    await world.answer(anna, *QUICK, "Mild", "Not at all")
    await world.service.database.transact(
        lambda s: participation.withdraw(work_on(s, world.clinic, world.clock.now()), "P-0001")
    )
    _, token = await world.service.database.transact(
        lambda s: registry.invite_again(work_on(s, world.clinic, world.clock.now()), "P-0001")
    )
    await world.advance(minutes=1)
    phone = world.sandbox.person("Anna's other phone")
    await world.say(phone, f"/start {token}")
    for label in ("Continue", "Continue", "Continue", "I agree", "English", "Yes", "Morning, 10:00"):
        await world.tap(phone, label)
    world.hear_all(phone)
    await world.say(phone, "/answers")
    assert not any("Mild" in text for text in texts(world, phone))


async def test_p21_a_phone_that_nobody_confirmed_can_not_delete(world: World) -> None:
    anna, phone = await answered(world)
    asked = world.last(anna)
    await world.tap(phone, "I agree, use this phone")
    world.hear_all(phone)
    await world.say(phone, "/delete")
    refused = world.hear(phone, "First say on your old phone that this one is yours", "+49 30 901820")
    assert "Yes, delete for good" not in labels(refused)
    await world.tap_old(anna, asked["message_id"], button(asked, "Yes, that was me"))
    world.hear_all(phone)
    await world.say(phone, "/delete")
    assert any("delete" in label.lower() for one in world.hear_all(phone) for label in labels(one))


async def test_p21_second_screen_on_deleting_that_is_older_than_a_move_deletes_nothing(world: World) -> None:
    anna, phone = await answered(world)
    await world.tap(phone, "I agree, use this phone")
    world.hear_all(phone)
    await world.service.database.transact(lambda s: deletes(work_on(s, world.clinic, world.clock.now())))
    await world.pump()
    world.hear(phone, "First say on your old phone")
    assert (await world.view(anna)).state == "active"


def deletes(work: Work) -> None:
    """Tap the last button on deleting in the patient's chat, as if it had been shown there a minute ago."""
    action = Action(kind="stop", choice=DELETE, subject=minute_of(work.at) - 1)
    leaving.tapped(work, work.patients.by_code("P-0001", lock=True), action)
