"""P21, a new phone: the old chat is asked, nothing is lost meanwhile, and no answers are shown to a phone unconfirmed."""

from collections.abc import Iterator

import pytest

from bot.app.patients import new_phone, participation, registry
from bot.app.ports.errors import RefusedError
from bot.app.work import Work
from bot.core.screen import Action
from bot.dialog import leaving
from bot.dialog.leaving_screens import DELETE, PAUSE, UNDO, WITHDRAW, minute_of
from bot.dialog.reachability import set_reachable
from tests.fakes.work import work_on
from tests.stories.test_calls import due
from tests.stories.test_old_buttons import button, moving
from tests.stories.test_roles import helping
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
    world.hear(anna, "now come to another phone", "112", "+49 30 901820")
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
    world.hear(anna, "now come to another phone")
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


async def test_p21_the_second_chat_can_neither_undo_a_stop_nor_delete(world: World) -> None:
    anna, phone = await answered(world)
    await world.say(anna, "/stop")
    await world.tap(anna, "Stop the check-ins")
    await shown_no_way_back(world, phone)
    assert (await world.view(anna)).state == "withdrawn"
    await world.tap(anna, "Undo the stop")
    world.hear_all(anna)
    assert (await world.view(anna)).state == "active"


async def shown_no_way_back(world: World, second) -> None:
    world.hear_all(second)
    for words in ("/stop", "/start", "/menu", "/export", "/delete", "/help"):
        await world.say(second, words)
        shown = world.hear_all(second)
        assert shown, words
        assert not any({"Undo the stop", "Yes, delete for good"} & set(labels(one)) for one in shown), words
        assert not any("document" in one for one in shown), words


async def test_p21_the_phone_that_the_old_chat_can_object_to_can_neither_stop_nor_pause(world: World) -> None:
    anna, phone = await answered(world)
    asked = world.last(anna)
    await world.tap(phone, "I agree, use this phone")
    world.hear_all(phone)
    await world.say(phone, "/stop")
    refused = world.hear(phone, "First say on your old phone that this one is yours", "+49 30 901820")
    assert not labels(refused)
    for choice in (WITHDRAW, PAUSE, UNDO):
        await world.service.database.transact(lambda s, c=choice: taps(work_on(s, world.clinic, world.clock.now()), c))
        await world.pump()
        world.hear(phone, "First say on your old phone")
    before = await world.service.database.read(lambda s: s.patients.by_code("P-0001"))
    assert (before.state, before.pauses, before.undo_until) == ("active", (), None)
    await world.tap_old(anna, asked["message_id"], button(asked, "No, that was not me"))
    assert any("I ask on this phone only" in text for text in texts(world, anna))
    world.hear_all(phone)
    await world.until_due(anna)
    assert any("Time for your check-in" in text for text in texts(world, anna))
    await world.say(anna, "/stop")
    assert "Stop the check-ins" in labels(world.last(anna)), "the patient's own chat may again"


async def test_p21_a_phone_that_was_confirmed_can_stop_and_undo_it(world: World) -> None:
    anna, phone = await answered(world)
    await world.tap(phone, "I agree, use this phone")
    await world.tap(anna, "Yes, that was me")
    world.hear_all(phone)
    await world.say(phone, "/stop")
    await world.tap(phone, "Stop the check-ins")
    assert (await world.view(anna)).state == "withdrawn"
    await world.tap(phone, "Undo the stop")
    assert (await world.view(anna)).state == "active"


@pytest.mark.parametrize("state", ["active", "paused", "withdrawn"])
@pytest.mark.parametrize("by", ["its message", "the menu"])
async def test_p21_not_me_works_whatever_the_patients_state(world: World, state: str, by: str) -> None:
    anna, phone = await answered(world)
    asked = world.last(anna)
    await world.tap(phone, "I agree, use this phone")
    change = {"paused": lambda w: participation.pause(w, "P-0001", None), "withdrawn": ends}.get(state)
    if change is not None:
        await world.service.database.transact(lambda s: change(work_on(s, world.clinic, world.clock.now())))
        await world.pump()
    await shown_no_way_back(world, anna)
    world.hear_all(phone)
    if by == "the menu":
        await world.say(anna, "/menu")
        asked = world.hear(anna, "have moved to another phone", "112", "+49 30 901820")
    await world.tap_old(anna, asked["message_id"], button(asked, "No, that was not me"))
    assert await chat_of(world) == anna.id
    world.hear(phone, "not used for check-ins")
    said = texts(world, anna)
    assert any("I ask on this phone only" in text for text in said) == (state != "withdrawn"), said
    assert (await world.view(anna)).state == state
    await world.say(phone, "/menu")
    assert not any("Mild" in text for text in texts(world, phone))
    world.hear_all(anna)
    await world.say(anna, "/menu")
    assert not any("another phone" in text for text in texts(world, anna)), "it is settled"


def ends(work: Work) -> None:
    participation.withdraw(work, "P-0001")


async def test_p21_not_me_works_on_a_phone_that_also_helps_another_patient(world: World) -> None:
    anna, phone = await answered(world)
    boris = await world.enrolled("P-0002", name="Boris")
    await helping(world, boris, anna)
    await world.tap(phone, "I agree, use this phone")
    await world.service.database.transact(lambda s: ends(work_on(s, world.clinic, world.clock.now())))
    await world.tap(anna, "No, that was not me")
    assert await chat_of(world) == anna.id
    assert (await world.view(boris)).new_phone is None


async def test_p21_red_buttons_of_the_old_chat_give_the_numbers_after_participation_ended(world: World) -> None:
    anna, phone = await answered(world)
    asked = world.last(anna)
    await world.tap(phone, "I agree, use this phone")
    await world.service.database.transact(lambda s: ends(work_on(s, world.clinic, world.clock.now())))
    await world.pump()
    world.hear_all(anna)
    await world.say(anna, "/worse")
    assert any("112" in text and "+49 30 901820" in text for text in texts(world, anna))
    await world.say(anna, "/menu")
    texts(world, anna)
    await world.tap(anna, "I feel worse now")
    assert any("can't see what you tap here" in text and "112" in text for text in texts(world, anna))
    await world.tap_old(anna, asked["message_id"], button(asked, "Yes, that was me"))
    assert (await chat_of(world), (await world.view(anna)).state) == (phone.id, "withdrawn")


async def test_p21_not_me_when_the_other_phone_blocked_the_bot(world: World) -> None:
    anna, phone = await answered(world)
    asked = world.last(anna)
    await world.tap(phone, "I agree, use this phone")
    await world.service.database.transact(
        lambda s: set_reachable(work_on(s, world.clinic, world.clock.now()), phone.id, reachable=False)
    )
    assert (await world.view(anna)).unreachable_at is not None
    await world.tap_old(anna, asked["message_id"], button(asked, "No, that was not me"))
    now = await world.view(anna)
    assert (now.unreachable_at, now.tasks) == (None, ())
    world.hear_all(anna)
    await world.until_due(anna)
    assert any("Time for your check-in" in text for text in texts(world, anna))


async def test_p21_a_phone_can_not_confirm_itself_with_a_button_of_an_earlier_move(world: World) -> None:
    anna, phone = await answered(world)
    asked = world.last(anna)
    await world.tap(phone, "I agree, use this phone")
    await world.tap(anna, "Yes, that was me")
    token = await world.service.database.transact(
        lambda s: registry.invite_again(work_on(s, world.clinic, world.clock.now()), "P-0001")[1]
    )
    await world.say(anna, f"/start {token}")
    await world.tap(anna, "I agree, use this phone")
    await world.tap_old(anna, asked["message_id"], button(asked, "Yes, that was me"))
    await world.tap_old(anna, asked["message_id"], button(asked, "No, that was not me"))
    stored = await world.service.database.read(lambda s: s.patients.by_code("P-0001"))
    assert (stored.phone_move, stored.chat_id) == ("moved", anna.id)
    world.hear_all(anna)
    await world.say(anna, "/answers")
    assert not any("Mild" in text for text in texts(world, anna))


async def test_p21_a_new_enrolment_settles_a_move(world: World) -> None:
    anna, phone = await answered(world)
    await world.tap(phone, "I agree, use this phone")
    await world.service.database.transact(lambda s: ends(work_on(s, world.clinic, world.clock.now())))
    token = await world.service.database.transact(
        lambda s: registry.invite_again(work_on(s, world.clinic, world.clock.now()), "P-0001")[1]
    )
    await world.say(anna, f"/start {token}")
    for label in ("Continue", "Continue", "Continue", "I agree", "English", "Yes", "Morning, 10:00"):
        await world.tap(anna, label)
    stored = await world.service.database.read(lambda s: s.patients.by_code("P-0001"))
    assert (stored.chat_id, stored.second_chat_id, stored.phone_move) == (anna.id, None, None)
    world.hear_all(anna)
    await world.say(phone, "/menu")
    world.hear_all(phone)
    await world.say(phone, "/menu")
    world.hear(phone, "only work with a link")


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


async def test_p21_leaving_on_a_new_phone_that_was_confirmed_leaves_both(world: World) -> None:
    anna, phone = await answered(world)
    await world.tap(phone, "I agree, use this phone")
    await world.tap(anna, "Yes, that was me")
    await world.service.database.transact(lambda s: ends(work_on(s, world.clinic, world.clock.now())))
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
    await world.service.database.transact(lambda s: taps(work_on(s, world.clinic, world.clock.now()), DELETE))
    await world.pump()
    world.hear(phone, "First say on your old phone")
    assert (await world.view(anna)).state == "active"


def taps(work: Work, choice: str) -> None:
    """Tap a button of the screens on leaving in the patient's chat, as if it had been shown there a minute ago."""
    action = Action(kind="stop", choice=choice, subject=minute_of(work.at) - 1)
    leaving.tapped(work, work.patients.by_code("P-0001", lock=True), action)
