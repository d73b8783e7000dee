"""Invites and consent: who may enrol, and how they may end participation."""

import re

from bot.app.patients import registry
from tests.fakes.work import work_on
from tests.stories.world import World, labels, plain


async def through_consent(world: World, person) -> None:
    world.sandbox.open_invite(person)
    await world.pump()
    for label in ("Continue", "Continue", "Continue", "I agree"):
        await world.tap(person, label)


async def test_consent_refused_is_final_until_the_link_is_reopened(world: World) -> None:
    anna = await world.add("P-0001", name="Anna")
    world.sandbox.open_invite(anna)
    await world.pump()
    for _ in range(3):
        await world.tap(anna, "Continue")
    world.hear_all(anna)
    await world.tap(anna, "No, thank you")
    world.hear(anna, "I will not write to you", "+49 30 901820", "112")
    assert (await world.view(anna)).state == "declined"
    await world.advance(days=10)
    world.nothing_more()
    world.sandbox.open_invite(anna)
    await world.pump()
    world.hear(anna, "Your care team asked me")
    assert (await world.view(anna)).state == "enrolling"


async def test_invite_works_in_one_chat_only(world: World) -> None:
    anna = await world.add("P-0001", name="Anna")
    world.sandbox.open_invite(anna)
    await world.pump()
    world.hear(anna, "Your care team")
    mallory = world.sandbox.person("Mallory")
    await world.say(mallory, f"/start {anna.start}")
    world.hear(mallory, "does not work any more")
    assert (await world.view(anna)).state == "enrolling"


async def test_second_link_during_enrolment_strands_nobody(world: World) -> None:
    anna = await world.add("P-0001", name="Anna")
    other = await world.add("P-0002", name="Other")
    world.sandbox.open_invite(anna)
    await world.pump()
    world.hear(anna, "Your care team")
    await world.say(anna, f"/start {other.start}")
    world.hear(anna, "for one patient only. Nothing has changed.", "+49 30 901820")
    world.hear(anna, "Your care team")  # the current screen
    assert (await world.view(anna)).state == "enrolling"
    world.sandbox.open_invite(other)
    await world.pump()
    world.hear(other, "Your care team")
    assert (await world.view(other)).state == "enrolling"


async def test_invite_expires_after_14_days(world: World) -> None:
    anna = await world.add("P-0001", name="Anna")
    await world.advance(days=14, seconds=1)
    world.sandbox.open_invite(anna)
    await world.pump()
    world.hear(anna, "does not work any more", "112")


async def test_invite_works_on_its_last_day(world: World) -> None:
    anna = await world.add("P-0001", name="Anna")
    await world.advance(days=13, hours=23)
    world.sandbox.open_invite(anna)
    await world.pump()
    world.hear(anna, "Your care team asked me")


async def test_stranger_is_asked_to_request_a_link(world: World) -> None:
    someone = world.sandbox.person("Someone")
    await world.say(someone, "hello")
    world.hear(someone, "only work with a link", "112")


async def test_enrolment_uses_the_phones_language_from_the_start(world: World) -> None:
    lucia = await world.add("P-0001", name="Lucía", phone="es-MX")
    world.sandbox.open_invite(lucia)
    await world.pump()
    message = world.hear(lucia, "112")
    assert "English" in labels(message)
    assert "Español" not in labels(message)


async def test_back_shows_the_previous_screen(world: World) -> None:
    anna = await world.add("P-0001", name="Anna")
    await through_consent(world, anna)
    await world.tap(anna, "English")
    await world.tap(anna, "No")
    await world.tap(anna, "Back")
    world.hear_all(anna)
    assert re.search(r"Is it 09:\d\d for you now", plain(world.last(anna)))
    await world.tap(anna, "Yes")
    await world.tap(anna, "Another time")
    assert "09:00" in labels(world.last(anna))
    assert "08:00" not in labels(world.last(anna)), "quiet hours are not offered"
    await world.tap(anna, "15:00")
    assert (await world.view(anna)).send_time == "15:00"
    world.hear_all(anna)


async def test_patient_can_pause_stop_and_erase_in_chat(world: World) -> None:
    anna = await world.enrolled("P-0001", name="Anna")
    await world.say(anna, "/stop")
    assert labels(world.hear(anna, "Your care stays the same")) == [
        "Pause for a week",
        "Stop the check-ins",
        "Keep going",
        *("My data", "Delete"),
    ]
    await world.tap(anna, "Pause for a week")
    world.hear(anna, "paused until 9 March 2026")
    await world.advance(days=7)
    world.nothing_more()
    await world.advance(days=2)
    world.hear(anna, "Time for your check-in")
    await world.say(anna, "/stop")
    world.hear(anna, "What would you like?")
    await world.answer(anna, "Delete", "Delete my answers", "Yes, delete for good")
    world.hear(anna, "No one can bring your answers back")
    world.hear(anna, "I have stopped")
    view = await world.view(anna)
    assert (view.state, view.checkins, view.alerts) == ("withdrawn", (), ())
    await world.advance(days=30)
    world.nothing_more()
    await world.say(anna, "hello again")
    world.hear(anna, "only work with a link")


async def test_withdrawn_patient_keeps_answers_and_is_sent_nothing(world: World) -> None:
    anna = await world.enrolled("P-0001", name="Anna")
    await world.say(anna, "/stop")
    world.hear_all(anna)
    await world.tap(anna, re.compile("^Stop the check-ins"))
    world.hear(anna, "I have stopped")
    view = await world.view(anna)
    assert view.state == "withdrawn"
    assert view.consent is None
    assert view.checkins[0].answers
    await world.advance(days=30)


async def test_new_invite_replaces_an_expired_one_or_another_phone(world: World) -> None:
    anna = await world.enrolled("P-0001", name="Anna")
    at = world.clock.now()
    _, token = await world.service.database.transact(
        lambda stores: registry.invite_again(work_on(stores, world.clinic, at, actor="operator"), "P-0001")
    )
    await world.say(anna, f"/start {anna.start}")
    world.hear_all(anna)  # enrolled: the current screen
    assert (await world.view(anna)).state == "active"
    phone = world.sandbox.person("Anna's new phone")
    await world.say(phone, f"/start {token}")
    world.hear(phone, "your check-ins come to this phone")
    world.hear(anna, "opened on another phone")
    await world.tap(anna, "Yes, that was me")
    await world.tap(phone, "I agree, use this phone")
    world.hear_all(anna)
    world.hear_all(phone)
    await world.say(anna, "/menu")
    world.hear(anna, "only work with a link")
    assert (await world.view(anna)).state == "active"


async def test_answers_before_leaving_still_count(world: World) -> None:
    anna = await world.enrolled("P-0001", name="Anna")
    await world.until_due(anna)
    await world.tap(anna, "Yes, something")
    await world.say(anna, "/stop")
    world.hear_all(anna)
    await world.tap(anna, re.compile("^Stop the check-ins"))
    world.hear(anna, "Call your team within 24 hours", "I have stopped")
    view = await world.view(anna)
    assert [(a.tier, a.state) for a in view.alerts] == [("SOON", "unconfirmed")]
    await world.advance(days=3)


async def test_p14_zone_is_chosen_by_the_clock_from_new_york_in_russian(world: World) -> None:
    anna = await world.add("P-0001", name="Anna", phone="ru")
    world.sandbox.open_invite(anna)
    await world.pump()
    for label in ("Дальше", "Дальше", "Дальше"):
        await world.tap(anna, label)
    await world.tap(anna, re.compile("оглас"))
    await world.tap(anna, "Русский")
    assert plain(world.last(anna)) == "У вас сейчас 09:00?"
    await world.tap(anna, "Нет")
    shown = labels(world.last(anna))
    assert all(re.fullmatch(r"\d\d:\d\d", label) for label in shown[:-2]), "times only, no cities"
    assert len(set(shown[:-2])) == 20
    await world.tap(anna, "03:00")
    await world.tap(anna, "Да, переводят")
    assert (await world.view(anna)).timezone == "America/New_York"
    world.hear_all(anna)
