"""Effects of time: check-ins fall due, are reminded of, missed and superseded; an outage is reported, not hidden."""

from datetime import timedelta

from bot.app.checkins import opening
from bot.app.patients import lookup, participation
from tests.fakes.work import work_on
from tests.stories.world import World


async def test_unanswered_check_in_is_reminded_then_reported(world: World) -> None:
    anna = await world.enrolled("P-0001", name="Anna", ici_start=(world.clock.now() - timedelta(days=185)).date())
    await world.until_due(anna)
    world.hear(anna, "Time for your check-in")
    await world.advance(hours=23)
    world.nothing_more()
    await world.advance(hours=2)
    world.hear(anna, "Your check-in is still open. 4 taps.", "is anything new or worse")
    await world.advance(hours=23)
    world.hear(anna, "still open")
    await world.advance(hours=24, minutes=5)
    view = await world.view(anna)
    assert view.tasks == ("not_heard_from",)
    await world.tap(anna, "No, nothing new")
    world.hear(anna, "Any of these, now or at any time since your last check-in")
    assert (await world.view(anna)).tasks == (), "heard from again"


async def test_daily_check_in_has_one_reminder_then_is_missed(world: World) -> None:
    anna = await world.enrolled(
        "P-0001", name="Anna", regimen="combination", ici_start=(world.clock.now() - timedelta(days=20)).date()
    )
    await world.until_due(anna)
    world.hear(anna, "Time for your check-in")
    await world.advance(hours=5)
    world.nothing_more()
    await world.advance(hours=2)
    world.hear(anna, "still open")
    await world.advance(hours=17)
    world.hear(anna, "Time for your check-in")
    assert (await world.view(anna)).tasks == ()
    await world.advance(days=1)
    world.hear(anna, "still open")
    world.hear(anna, "Time for your check-in")
    view = await world.view(anna)
    assert view.tasks == ("missed_twice",)
    assert [c.state for c in view.checkins[:3]] == ["asking", "replaced", "replaced"]


async def test_new_check_in_replaces_the_open_one_keeping_answers(world: World) -> None:
    anna = await world.enrolled("P-0001", name="Anna")
    await world.until_due(anna)
    world.hear(anna, "Time for your check-in")
    await world.tap(anna, "No, nothing new")
    await world.until_due(anna)
    states = [(c.state, c.answers) for c in (await world.view(anna)).checkins]
    assert [s for s, _ in states].count("asking") == 1
    assert states[1] == ("replaced", {"change": ("no",)})
    world.hear_all(anna)


async def test_reminder_is_not_sent_in_quiet_hours(world: World) -> None:
    anna = await world.enrolled("P-0001", name="Anna")
    await world.advance(hours=8)  # 17:00 in Berlin
    await world.service.database.transact(lambda stores: _send_now(world, stores))
    await world.pump()
    world.hear(anna, "One more check-in for you")
    await world.advance(hours=15, minutes=30)  # the reminder after 6 hours would have come at 23:00
    world.nothing_more()
    await world.advance(minutes=35)
    world.hear(anna, "still open")


async def test_reminder_is_not_sent_in_or_after_a_pause(world: World) -> None:
    anna = await world.enrolled("P-0001", name="Anna", ici_start=(world.clock.now() - timedelta(days=185)).date())
    await world.until_due(anna)
    world.hear(anna, "Time for your check-in")
    await world.say(anna, "/stop")
    world.hear(anna, "What would you like?")
    await world.tap(anna, "Pause for a week")
    world.hear(anna, "paused until")
    await world.advance(days=7)
    world.nothing_more()
    assert (await world.view(anna)).tasks == (), "a patient in a pause is not reported"
    await world.until_due(anna)
    world.hear(anna, "Time for your check-in")


async def test_worse_check_in_during_a_pause_is_reminded(world: World) -> None:
    anna = await world.enrolled("P-0001", name="Anna")
    await world.say(anna, "/stop")
    world.hear_all(anna)
    await world.tap(anna, "Pause for a week")
    world.hear(anna, "paused until")
    await world.say(anna, "I feel worse now")
    world.hear(anna, "what is worse")
    await world.advance(hours=25)
    world.hear(anna, "call your team within 24 hours")
    world.hear(anna, "still open")
    world.hear_all(anna)


async def test_concern_answered_after_the_last_reminder_counts(world: World) -> None:
    anna = await world.enrolled("P-0001", name="Anna", ici_start=(world.clock.now() - timedelta(days=185)).date())
    await world.until_due(anna)
    await world.advance(hours=73)
    assert (await world.view(anna)).tasks == ("not_heard_from",)
    world.hear_all(anna)
    await world.tap(anna, "Yes, something")
    world.hear(anna, "Any of these, now or at any time since your last check-in")
    await world.advance(minutes=55)
    world.nothing_more()
    await world.advance(minutes=10)
    world.hear(anna, "call your team within 24 hours")
    assert [a.tier for a in (await world.view(anna)).alerts] == ["SOON"]
    await world.tap(anna, "I have called")
    world.hear_all(anna)


async def test_concern_answered_late_in_a_pause_counts(world: World) -> None:
    anna = await world.enrolled("P-0001", name="Anna")
    await world.until_due(anna)
    at = world.clock.now()
    await world.service.database.transact(
        lambda stores: participation.pause(work_on(stores, world.clinic, at, actor="operator"), "P-0001", None)
    )
    await world.advance(days=9)
    world.hear_all(anna)
    await world.tap(anna, "Yes, something")
    world.hear(anna, "Any of these, now or at any time since your last check-in")
    await world.advance(minutes=5)
    world.nothing_more()
    await world.advance(hours=6)
    world.hear(anna, "call your team within 24 hours")
    await world.tap(anna, "I have called")
    world.hear_all(anna)


async def test_reminder_requested_in_a_pause_is_sent(world: World) -> None:
    anna = await world.enrolled("P-0001", name="Anna")
    await world.until_due(anna)
    world.hear(anna, "Time for your check-in")
    at = world.clock.now()
    await world.service.database.transact(
        lambda stores: participation.pause(work_on(stores, world.clinic, at, actor="operator"), "P-0001", None)
    )
    await world.pump()
    world.hear_all(anna)
    await world.tap(anna, "In 1 hour")
    world.hear_all(anna)
    await world.advance(hours=1, minutes=1)
    world.hear(anna, "still open")
    await world.advance(days=4)
    world.nothing_more()


def _send_now(world: World, stores):
    return opening.send_now(
        work_on(stores, world.clinic, world.clock.now(), actor="operator"), lookup.locked(stores.patients, "P-0001")
    )


async def test_check_in_later_than_the_cutoff_is_skipped_and_shown(world: World) -> None:
    anna = await world.enrolled("P-0001", name="Anna")
    world.clock.advance(timedelta(days=1, hours=14))  # the service was down meanwhile
    await world.pump()
    view = await world.view(anna)
    assert view.tasks == ("skipped_after_outage",)
    assert len(view.checkins) == 1
    await world.until_due(anna)
    world.hear(anna, "Time for your check-in")


async def test_check_in_late_within_the_cutoff_is_sent(world: World) -> None:
    anna = await world.enrolled("P-0001", name="Anna")
    world.clock.advance(timedelta(days=1, hours=12))
    await world.pump()
    world.hear(anna, "Time for your check-in")
