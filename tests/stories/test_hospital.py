"""A patient with an EMERGENCY says that they are at the hospital: a week without questions, then "Are you home?"."""

import re
from datetime import timedelta

from bot.app.alerts import ownership
from bot.config import Settings
from bot.wiring import build
from tests.fakes.outbox import UNLIMITED
from tests.fakes.work import work_on
from tests.stories.test_chat import data_of
from tests.stories.test_team import join
from tests.stories.world import World, labels, plain

DAY = timedelta(days=1)


async def at_hospital(world: World):
    """Return the patient, who said so 15 minutes after the call screen, and the coordinator who was notified."""
    ann = await join(world, "ann", out_of_hours=True)
    anna = await world.enrolled("P-0001", name="Anna")
    await world.say(anna, "I feel worse now")
    await world.tap(anna, "Yes, one or more")
    world.hear_all(anna)
    world.hear_all(ann)
    await world.advance(minutes=15)
    world.hear_all(anna)
    await world.tap(anna, "I am at the hospital")
    return anna, ann


async def restart(world: World, folder) -> None:
    """Stop the program and start it again on the same database, as after a crash."""
    await world.service.sender.stop()
    await world.service.bots.sending.request.shutdown()
    await world.service.database.close()
    url = f"sqlite:///{folder / 'story.db'}"
    settings = Settings.load({"NERVECHECK_DATABASE_URL": url}, sandbox=True).for_sandbox()
    app = build(settings, sandbox=True, clock=world.clock, api_url=world.server.api_url, owner="again")
    world.service = app.service(app.open_database())
    world.service.sender.limits = UNLIMITED
    await world.service.bots.sending.request.initialize()
    await world.service.connect()


async def staff(world: World, use_case, *args):
    await world.service.database.transact(
        lambda s: use_case(work_on(s, world.clinic, world.clock.now(), actor="ann"), *args)
    )
    await world.pump()


def asked(world: World, person) -> list[str]:
    return [plain(m) for m in world.hear_all(person)]


async def staff_outcome_and_another_finding_meanwhile(world: World, anna, ann) -> None:
    # The team notes how it went and closes the alert; that changes nothing for the patient's pause.
    alert = (await world.view(anna)).alerts[0].id
    await staff(world, ownership.acknowledge, alert)
    await staff(world, ownership.finish, alert, "sent_to_ed")
    world.hear_all(ann)
    assert (await world.view(anna)).alerts[0].state == "closed"

    # Another finding in these days acts as ever.
    await world.advance(days=4)
    assert asked(world, anna) == [], "nothing is asked"
    world.hear_all(ann)
    await world.say(anna, "I feel worse now")
    await world.tap(anna, "None of these 8")
    await world.tap(anna, "Yes, one or more")
    assert any(re.match("Call (112|your team) now", text) for text in asked(world, anna))
    world.hear_all(ann)
    await world.tap(anna, "I have called")
    world.hear_all(anna)
    await staff(world, ownership.acknowledge, (await world.view(anna)).alerts[0].id)
    await staff(world, ownership.finish, (await world.view(anna)).alerts[0].id, "spoke_to_patient")
    world.hear_all(ann)
    world.hear_all(anna)


async def test_p18_at_the_hospital_pauses_a_week_notifies_the_team_and_asks_whether_one_is_home(
    world: World, tmp_path
) -> None:
    anna, ann = await at_hospital(world)
    said = world.hear_all(anna)
    assert any("Good that you are there" in plain(m) for m in said)
    assert any("hospital" in plain(m) for m in world.hear_all(ann)), "the team is notified"
    view = await world.view(anna)
    assert view.next_due_at is not None
    assert view.next_due_at - world.clock.now() > 7 * DAY
    assert {c.state for c in view.concerns} == {"reached"}
    await staff_outcome_and_another_finding_meanwhile(world, anna, ann)

    await restart(world, tmp_path)
    for _ in range(4):
        await world.advance(days=1)
        found = asked(world, anna)
        if any("Are you home" in text for text in found):
            break
        assert not any("Time for your check-in" in text for text in found), "still paused"
    question = world.last(anna)
    assert "Are you home" in plain(question)
    assert labels(question) == ["Yes, I am home", "Not yet"]
    where, data = data_of(world, anna, "Yes, I am home")

    await world.tap(anna, "Not yet")
    assert any("pause" in text.lower() for text in asked(world, anna))
    heard = [plain(m) for m in world.hear_all(ann)]
    assert any("not home" in text for text in heard), "the team learns that they are still there"
    assert (await world.view(anna)).next_due_at - world.clock.now() > 7 * DAY
    await world.advance(days=7, hours=3)
    world.hear_all(ann)
    assert any("Are you home" in text for text in asked(world, anna))

    await world.tap(anna, "Yes, I am home")
    world.hear_all(anna)
    world.hear_all(ann)
    due = (await world.view(anna)).next_due_at
    assert due is not None
    assert due - world.clock.now() <= 2 * DAY, "asked daily about what was found"
    assert "Yes, I am home" not in [label for m in world.bot_messages(anna)[-3:] for label in labels(m)]
    await world.until_due(anna)
    assert any("I ask again" in text or "Time for your check-in" in text for text in asked(world, anna))
    before = (await world.view(anna)).next_due_at
    await world.tap_old(anna, where, data)
    world.hear_all(anna)
    assert (await world.view(anna)).next_due_at == before, "an old answer changes nothing"
    world.hear_all(ann)


async def test_p18_without_an_answer_check_ins_go_on(world: World) -> None:
    anna, ann = await at_hospital(world)
    world.hear_all(anna)
    world.hear_all(ann)
    texts: list[str] = []
    for _ in range(9):
        await world.advance(days=1)
        texts += asked(world, anna)
        world.hear_all(ann)
    home = next(n for n, text in enumerate(texts) if "Are you home" in text)
    assert not any("check-in" in text for text in texts[:home]), "nothing is asked in the pause"
    assert any("check-in" in text for text in texts[home + 1 :])
    assert not any("Is help with you" in text for text in texts), "what an unfinished form found is known there, too"
