"""A chat with several roles: links ask first, buttons act for whom they are, and looking loses nothing."""

import re
from collections.abc import Iterator

import pytest

from bot.app.patients import registry
from bot.app.team import members
from bot.core.protocol import Tier
from tests.fakes.work import work_on
from tests.stories.test_calls import due
from tests.stories.test_old_buttons import button
from tests.stories.test_team import join, red_flag
from tests.stories.world import World, labels, plain


@pytest.fixture(autouse=True)
def all_heard(world: World) -> Iterator[None]:
    """Account for what these stories are not about."""
    yield
    for person in list(world.sandbox.people.values()):
        world.hear_all(person)


async def opens(world: World, person, token: str) -> None:
    await world.say(person, f"/start {token}")


async def helpers_link(world: World, patient) -> str:
    """Let a patient make a link for a helper; return its token."""
    await world.say(patient, "Menu")
    for label in ("Someone who helps me", "Make a link"):
        await world.tap(patient, label)
    (link,) = [plain(m) for m in world.hear_all(patient) if "It works once" in plain(m)]
    return re.search(r"start=(\S+)", link)[1]


async def helping(world: World, patient, helper) -> None:
    await opens(world, helper, await helpers_link(world, patient))
    if "Go on with this link" in labels(world.last(helper)):
        await world.tap(helper, "Go on with this link")
    await world.tap(helper, "I agree")
    world.hear_all(helper)
    world.hear_all(patient)


async def staff_link(world: World, name: str) -> str:
    _, token = await world.service.database.transact(
        lambda stores: members.add(
            work_on(stores, world.clinic, world.clock.now(), actor="lead-0"),
            name=name,
            role="coordinator",
            language=None,
        )
    )
    return token


# -- a coordinator and a patient's card


async def test_t3_card_link_that_a_coordinator_tries_asks_first_and_their_alert_still_works(world: World) -> None:
    ann = await join(world, "ann")
    boris = await world.add("P-0002", name="Boris")
    await red_flag(world)
    world.hear(ann, "EMERGENCY")
    await opens(world, ann, boris.start)
    asked = world.hear(ann, "patient P-0002", "In this chat you are on the team", "Nothing has changed so far")
    assert labels(asked) == ["No, leave all as it is", "Go on with this link"]
    assert (await world.view(boris)).state == "invited"
    await world.tap(ann, "I'm on it")
    world.hear(ann, "You acknowledged this")
    await world.tap(ann, "No, leave all as it is")
    world.hear(ann, "Nothing has changed. The link still works.")
    world.sandbox.open_invite(boris)
    await world.pump()
    world.hear(boris, "Your care team asked me")


async def test_t3_coordinator_who_is_a_patient_too_still_works_on_alerts(world: World) -> None:
    ann = await join(world, "ann")
    boris = await world.add("P-0002", name="Boris")
    await opens(world, ann, boris.start)
    await world.tap(ann, "Go on with this link")
    for label in (
        "Continue",
        "Continue",
        "Continue",
        "I agree",
        "English",
        "Yes",
        re.compile("^Morning"),
    ):
        await world.tap(ann, label)
    world.hear_all(ann)
    assert (await world.view(boris)).state == "active"
    await red_flag(world)
    world.hear(ann, "EMERGENCY", "P-0001")
    await world.tap(ann, "I'm on it")
    world.hear(ann, "You acknowledged this")
    await world.say(ann, "/staff")
    world.hear(ann, "1 open alert")
    await world.say(ann, "p-0001")
    world.hear(ann, "P-0001 · week")
    await world.say(ann, "Menu")
    assert "The team's alerts" in labels(world.hear(ann, "What would you like to do?"))
    await world.tap(ann, "The team's alerts")
    world.hear(ann, "1 open alert")
    await world.say(ann, "I can't breathe")
    world.hear(ann, "Any of these, now")
    await world.tap(ann, "Yes, one or more")
    texts = [plain(m) for m in world.hear_all(ann)]
    assert any(text.startswith("Call 112 now.") for text in texts), "her words act for herself"
    assert [a.tier for a in (await world.view(boris)).alerts] == ["EMERGENCY"]


async def test_patient_who_joins_the_team_keeps_the_check_ins(world: World) -> None:
    anna = await due(world)
    token = await staff_link(world, "ann")
    await opens(world, anna, token)
    world.hear(anna, "for a member of the care team", "In this chat I ask how you are")
    await world.tap(anna, "Go on with this link")
    world.hear(anna, "You are ann")
    world.hear(anna, "0 open alerts")
    await world.answer(anna, "No, nothing new", "Yes, one or more")
    texts = [plain(m) for m in world.hear_all(anna)]
    assert any(t.startswith("Call 112 now.") for t in texts)
    assert any("🔴 EMERGENCY · P-0001" in t for t in texts), "she is the team as well"


async def test_team_member_keeps_their_name_in_their_chat(world: World) -> None:
    ann = await join(world, "ann")
    await opens(world, ann, await staff_link(world, "ben"))
    world.hear(ann, "In this chat you are ann", "Nothing has changed")
    found = await world.service.database.read(lambda s: s.staff.by_name("ben"))
    assert (found.state, found.chat_id) == ("invited", None)


# -- a patient who helps another


async def test_t4_wife_who_is_a_patient_becomes_her_husbands_helper(world: World) -> None:
    wife = await world.enrolled("P-0001", name="Wife")
    husband = await world.enrolled("P-0002", name="Husband")
    token = await helpers_link(world, husband)
    await opens(world, wife, token)
    world.hear(wife, "With this link you help someone", "In this chat I ask how you are. That goes on.")
    await world.tap(wife, "No, leave all as it is")
    world.hear(wife, "Nothing has changed")
    await opens(world, wife, token)
    await world.tap(wife, "Go on with this link")
    world.hear_all(wife)
    await world.tap(wife, "I agree")
    world.hear(wife, "You now also help someone")
    world.hear(husband, "now answers with you")
    await world.until_due(husband)
    world.hear_all(wife)
    world.hear_all(husband)
    await world.answer(wife, "No, nothing new", "Yes, one or more")
    for person in (wife, husband):
        assert any("Call 112 now." in plain(m) for m in world.hear_all(person))
    assert [a.tier for a in (await world.view(husband)).alerts] == ["EMERGENCY"]
    assert (await world.view(wife)).alerts == ()


async def test_t4_each_button_of_a_patient_who_helps_acts_for_whom_it_is(world: World) -> None:
    wife = await due(world)
    hers = world.last(wife)
    husband = await world.enrolled("P-0002", name="Husband")
    await helping(world, husband, wife)
    await world.until_due(husband)
    world.hear_all(husband)
    (his,) = [m for m in world.hear_all(wife) if plain(m).startswith("For the person you help:")]
    await world.tap_old(wife, his["message_id"], button(his, "Yes, something"))
    await world.tap_old(wife, hers["message_id"], button(hers, "No, nothing new"))
    world.hear_all(wife)
    world.hear_all(husband)
    assert (await world.view(husband)).checkins[0].answers == {"change": ("yes",)}
    assert (await world.view(wife)).checkins[0].answers == {"change": ("no",)}
    await world.say(wife, "I feel worse now")
    world.hear(wife, "Any of these, now or at any time")
    await world.tap(wife, "Yes, one or more")
    world.hear_all(wife)
    world.hear_all(husband)
    assert [a.tier for a in (await world.view(wife)).alerts] == ["EMERGENCY"], "the keyboard is hers"
    assert (await world.view(husband)).alerts == ()


async def test_t4_menu_of_the_person_one_helps_acts_for_them(world: World) -> None:
    wife = await world.enrolled("P-0001", name="Wife")
    husband = await world.enrolled("P-0002", name="Husband")
    await helping(world, husband, wife)
    await world.say(wife, "Menu")
    await world.tap(wife, "The person I help")
    world.hear_all(wife)
    await world.tap(wife, "They feel worse now")
    world.hear(wife, "For the person you help:", "Any of these, now or at any time")
    world.hear(husband, "Any of these, now or at any time")
    await world.tap(wife, "Yes, one or more")
    world.hear_all(wife)
    world.hear_all(husband)
    assert [a.tier for a in (await world.view(husband)).alerts] == ["EMERGENCY"]
    assert (await world.view(wife)).alerts == ()
    await world.say(wife, "Menu")
    for label in ("The person I help", "Stop helping"):
        await world.tap(wife, label)
    world.hear_all(wife)
    world.hear_all(husband)
    assert (await world.view(wife)).state == "active"


async def test_t4_helper_who_gets_an_invite_becomes_a_patient_too(world: World) -> None:
    husband = await world.enrolled("P-0002", name="Husband")
    wife = await world.add("P-0001", name="Wife")
    await helping(world, husband, wife)
    world.sandbox.open_invite(wife)
    await world.pump()
    world.hear(wife, "This link starts check-ins for one patient", "In this chat you help someone")
    assert (await world.view(wife)).state == "invited"
    await world.tap(wife, "Go on with this link")
    assert (await world.view(wife)).state == "enrolling"
    world.hear_all(wife)
    await world.until_due(husband)
    world.hear(wife, "For the person you help:")
    world.hear_all(husband)
    await world.answer(wife, "No, nothing new", "Yes, one or more")
    world.hear_all(wife)
    world.hear_all(husband)
    assert [a.tier for a in (await world.view(husband)).alerts] == ["EMERGENCY"]


# -- what can't be is refused with the reason


async def test_patient_who_opens_the_own_helpers_link_learns_whom_it_is_for(world: World) -> None:
    anna = await world.enrolled("P-0001", name="Anna")
    token = await helpers_link(world, anna)
    await opens(world, anna, token)
    world.hear(anna, "for the person who should help you", "Nothing has changed")
    helper = world.sandbox.person("Helper")
    await opens(world, helper, token)
    world.hear(helper, "Someone asks you to help")


async def test_helper_can_help_one_person_in_a_chat(world: World) -> None:
    anna = await world.enrolled("P-0001", name="Anna")
    boris = await world.enrolled("P-0002", name="Boris")
    helper = world.sandbox.person("Helper")
    await helping(world, anna, helper)
    await opens(world, helper, await helpers_link(world, boris))
    world.hear(helper, "You already help someone in this chat", "Nothing has changed")
    await opens(world, helper, (await again(world, "P-0001")))
    world.hear(helper, "for the person you help", "on their own phone")
    assert (await world.view(anna)).state == "active"


async def again(world: World, code: str) -> str:
    _, token = await world.service.database.transact(
        lambda stores: registry.invite_again(work_on(stores, world.clinic, world.clock.now()), code)
    )
    return token


async def test_question_about_a_link_that_was_used_meanwhile_changes_nothing(world: World) -> None:
    ann = await join(world, "ann")
    boris = await world.add("P-0002", name="Boris")
    await opens(world, ann, boris.start)
    world.hear_all(ann)
    world.sandbox.open_invite(boris)
    await world.pump()
    world.hear_all(boris)
    await world.tap(ann, "Go on with this link")
    world.hear(ann, "That link does not work any more. Nothing has changed.")
    await world.say(ann, "/staff")
    world.hear(ann, "0 open alerts")


async def test_coordinator_who_left_as_a_patient_has_the_teams_menu(world: World) -> None:
    ann = await join(world, "ann")
    boris = await world.add("P-0002", name="Boris")
    await opens(world, ann, boris.start)
    await world.tap(ann, "Go on with this link")
    for label in ("Continue", "Continue", "Continue", "No, thank you"):
        await world.tap(ann, label)
    world.hear_all(ann)
    assert (await world.view(boris)).state == "declined"
    await world.say(ann, "hello")
    world.hear(ann, "0 open alerts")
    await red_flag(world)
    world.hear(ann, Tier.EMERGENCY.name)


async def test_blocked_bot_counts_for_every_role(world: World) -> None:
    ann = await join(world, "ann")
    husband = await world.enrolled("P-0002", name="Husband")
    await helping(world, husband, ann)
    world.sandbox.block(ann)
    await world.pump()
    world.hear(husband, "does not answer with you")
    person = await world.service.database.read(lambda s: s.staff.by_name("ann"))
    assert person.unreachable_at is not None
    world.sandbox.unblock(ann)
    await world.pump()
    person = await world.service.database.read(lambda s: s.staff.by_name("ann"))
    assert person.unreachable_at is None
