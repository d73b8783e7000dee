"""Coordinators change plans in use: sent and open check-ins remain, and everyone concerned is notified."""

import re
from datetime import timedelta

import pytest

from bot.app.patients import importing
from bot.app.patients.importing import ImportFaultsError
from bot.app.schedules import plan_edits
from bot.app.schedules.plan_edits import PlanEdit
from bot.core.plan_override import Rhythm
from bot.core.schedule import Pause
from tests.fakes.work import work_on
from tests.stories.world import World, plain

DAY = timedelta(days=1)


async def edit(world: World, code: str, **changes):
    def work(stores):
        return plan_edits.apply(
            work_on(stores, world.clinic, world.clock.now(), actor="lead-1"), code, PlanEdit(**changes)
        )

    found = await world.service.database.transact(work)
    await world.pump()
    return found


async def test_plan_edit_leaves_the_open_check_in_unchanged(world: World) -> None:
    anna = await world.enrolled("P-0001")
    await world.until_due(anna)
    world.hear(anna, "Time for your check-in")
    await world.tap(anna, "No, nothing new")
    world.hear_all(anna)
    before = (await world.view(anna)).checkins[0]
    found = await edit(world, "P-0001", rhythms=(Rhythm(first_day=0, every=1),))
    world.hear(anna, "Your team changed your plan.")
    assert (await world.view(anna)).checkins[0] == before, "the open check-in is unchanged"
    assert min(m.day for m in found.messages if m.kind == "check-in") > world.clock.now().date(), "today was asked"
    await world.answer(anna, "None of these 8")
    world.hear_all(anna)
    await world.answer(anna, "None of these 7", "None")
    world.hear_all(anna)
    for _ in range(3):
        last = world.clock.now()
        await world.until_due(anna)
        assert world.clock.now() - last < 25 * timedelta(hours=1), "daily from now on"
        world.hear_all(anna)
        await world.answer(anna, "No, nothing new", "None of these 8", "None of these 7", "None")
        world.hear_all(anna)


async def test_restart_after_a_hold_repeats_the_early_phase(world: World) -> None:
    anna = await world.enrolled("P-0001", ici_start=(world.clock.now() - 150 * DAY).date())
    await edit(world, "P-0001", ici_stop=world.clock.now().date())
    world.hear(anna, "Your team changed your plan.")
    held = (await world.view(anna)).next_due_at
    assert held is not None
    assert held - world.clock.now() < 3 * DAY, "four weeks after a stop are followed like the first weeks"
    await world.advance(days=40)
    world.hear_all(anna)
    found = await edit(world, "P-0001", ici_restart=world.clock.now().date())
    world.hear(anna, "Your team changed your plan.", "Next check-in")
    assert found.ici_stop is None
    days = [m.day for m in found.messages if m.kind == "check-in"]
    assert len(days) >= 5, "as often as in the first weeks"
    assert len([m for m in found.messages if m.kind == "check-in" and m.mark == "new"]) >= 3
    await world.until_due(anna)
    assert "check-in" in plain(world.hear_all(anna)[0])


async def test_pause_over_three_due_check_ins_sends_none(world: World) -> None:
    anna = await world.enrolled("P-0001")
    seen = (await world.service.database.read(
        lambda s: plan_edits.preview(work_on(s, world.clinic, world.clock.now()), "P-0001", PlanEdit())
    )).messages  # fmt: skip
    due = [m.day for m in seen if m.kind == "check-in"][:3]
    await edit(world, "P-0001", pause=Pause(first=due[0], last=due[2], reason="hospital"))
    world.hear(anna, "Your team planned a pause.")
    while world.clock.now().date() <= due[2]:
        await world.advance(hours=12)
    assert world.hear_all(anna) == [], "no check-in and no reminder is sent"
    await world.until_due(anna)
    assert re.search("Time for your check-in", plain(world.hear_all(anna)[0]))
    assert world.clock.now().date() > due[2]


async def test_import_with_bad_rows_adds_nobody_until_fixed(world: World) -> None:
    good = [
        f"S-{n:04d},2026-02-{n % 27 + 1:02d},{'combination' if n % 3 else 'single'},,en,Europe/Berlin"
        for n in range(1000)
    ]
    bad = {
        3: "Anna Example,2026-02-01,single,,en,Europe/Berlin",
        99: "S-0099,31.02.2026,single,,en,Europe/Berlin",
        200: "S-0200,2026-02-01,triple,,en,Europe/Berlin",
        321: "S-0321,2026-02-01,single,weekly,en,Europe/Berlin",
        500: "S-0500,2026-02-01,single,,fr,Europe/Berlin",
        777: "S-0777,2026-02-01,single,,en,Berlin",
        998: "S-0001,2026-02-01,single,,en,Europe/Berlin",
    }
    columns = ("code", "ici_start", "regimen", "plan", "language", "timezone")
    rows = [bad.get(n, line) for n, line in enumerate(good)]
    content = "\n".join((",".join(columns), *rows)).encode()
    with pytest.raises(ImportFaultsError) as refused:
        await world.service.database.transact(
            lambda s: importing.add_all(work_on(s, world.clinic, world.clock.now(), actor="operator"), content)
        )
    faults = [(fault.line - 2, fault.column) for fault in refused.value.faults]
    assert faults == [
        *((3, "code"), (99, "ici_start"), (200, "regimen"), (321, "plan")),
        *((500, "language"), (777, "timezone"), (998, "code")),
    ]
    assert await world.service.database.read(lambda s: s.patients.page(limit=5)) == [], "nobody was added"
    corrected = "\n".join((",".join(columns), *good)).encode()
    added = await world.service.database.transact(
        lambda s: importing.add_all(work_on(s, world.clinic, world.clock.now(), actor="operator"), corrected)
    )
    assert len({one.start for one in added}) == 1000
