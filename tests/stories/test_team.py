"""Alerts reach the team in its own chats: at night, unacknowledged, and acknowledged by two at once."""

import re
from datetime import UTC, datetime, time, timedelta

from bot.app.alerts import raising
from bot.app.alerts.naming import Found
from bot.app.team import members
from bot.core.protocol import Tier
from bot.sandbox.chats import Person
from tests.fakes.work import work_on
from tests.stories.world import World, labels, plain


async def join(world: World, name: str, role: str = "coordinator", **shift) -> Person:
    def work(stores):
        at = world.clock.now()
        made = members.add(work_on(stores, world.clinic, at, actor="lead-0"), name=name, role=role, language=None)
        if shift:
            members.add_shift(work_on(stores, at=at, actor="lead-0"), name, **shift)
        return made

    _, token = await world.service.database.transact(work)
    person = world.sandbox.person(name, language_code="en", code=name, start=token, link=f"start={token}")
    world.sandbox.open_invite(person)
    await world.pump()
    world.hear_all(person)
    return person


async def night(world: World, *names: str) -> dict[str, Person]:
    """Set up early Sunday: ann is on call on weekdays, ben at night, cleo never; otto is the operator."""
    found = {
        "ann": await join(world, "ann", days=range(5), start=time(8), end=time(16)),
        "ben": await join(world, "ben", out_of_hours=True),
        "cleo": await join(world, "cleo"),
        "otto": await join(world, "otto", role="operator"),
    }
    await world.advance(seconds=(datetime(2026, 3, 8, 2, tzinfo=UTC) - world.clock.now()).total_seconds())
    for person in found.values():
        world.hear_all(person)
    return found


async def red_flag(world: World, code: str = "P-0001") -> Person:
    """Let a patient report at that hour that it is hard to breathe."""
    anna = await world.enrolled(code)
    await world.say(anna, "I feel worse now")
    await world.tap(anna, "Yes, one or more")
    world.hear_all(anna)
    return anna


async def test_alert_at_3_on_sunday_notifies_the_rota(world: World) -> None:
    team_ = await night(world)
    anna = await red_flag(world)
    text = plain(world.hear(team_["ben"], "EMERGENCY"))
    assert re.search(r"^🔴 EMERGENCY · P-0001 · 03:0\d · week \d", text)
    assert "Acknowledge by 03:" in text
    assert "breathe" not in text
    assert [world.news(team_[name]) for name in ("ann", "cleo", "otto")] == [[], [], []]
    await world.tap(team_["ben"], "I'm on it")
    world.hear(team_["ben"], "You acknowledged this at 03:")
    await world.tap(anna, "I have called")
    world.hear_all(anna)
    world.hear(team_["ben"], "says they called, but not yet that someone spoke with them")
    await world.advance(hours=2)
    world.hear_all(anna)
    assert [world.news(team_[name]) for name in ("ann", "cleo", "otto")] == [[], [], []]
    for _ in world.news(team_["ben"]):
        world.hear(team_["ben"], "never confirmed a call")
    await world.tap(team_["ben"], "Patient reached")
    world.hear(team_["ben"], "Outcome: Spoke to the patient")
    await world.tap(team_["ben"], "Close")
    world.hear(team_["ben"], "Closed by ben: Spoke to the patient.")
    assert (await world.view(anna)).alerts[0].state == "closed"


async def test_unacknowledged_alert_is_escalated(world: World) -> None:
    team_ = await night(world)
    anna = await red_flag(world)
    world.hear_all(anna)
    world.hear(team_["ben"], "EMERGENCY")
    await world.advance(minutes=14)
    assert world.news(team_["cleo"]) == []
    await world.advance(minutes=2)
    # Nobody else is on call, so the next escalation level is everyone.
    for name in ("ann", "cleo"):
        world.hear(team_[name], "EMERGENCY")
    assert world.news(team_["otto"]) == []
    await world.advance(minutes=15)
    world.hear(team_["otto"], "EMERGENCY")
    for name in team_:
        world.hear_all(team_[name])
    await world.advance(hours=1)
    assert [m for m in world.news(team_["otto"]) if "Acknowledge by" in plain(m)] == []
    world.hear_all(anna)
    for person in team_.values():
        world.hear_all(person)


async def test_two_acknowledge_at_once_and_one_becomes_owner(world: World) -> None:
    team_ = await night(world)
    anna = await red_flag(world)
    await world.advance(minutes=16)
    for person in (anna, *team_.values()):
        world.hear_all(person)
    await world.tap(team_["cleo"], "I'm on it")
    ben = next(m for m in reversed(world.bot_messages(team_["ben"])) if "EMERGENCY" in plain(m))
    assert re.search(r"Acknowledged by cleo at 03:\d\d\.", plain(ben)), "his message says so, and its buttons are gone"
    assert labels(ben) == []
    number = (await world.service.database.read(lambda s: s.alerts.in_queue(9)))[0].id
    for name in ("cleo", "ben", "ann"):
        world.hear_all(team_[name])
    # Ben's phone still showed the buttons when he tapped.
    late = await world.service.database.transact(lambda s: _take(s, world, "ben", number))
    assert (late.toast.key, late.toast.values["who"]) == ("staff.taken", "cleo")
    await world.pump()
    for name in ("cleo", "ben", "ann", "otto"):
        world.hear_all(team_[name])
    await world.tap(anna, "I have called")
    world.hear_all(anna)
    for name in ("cleo", "ben", "ann"):
        world.hear(team_[name], "The patient says they called, but not yet that someone spoke with them.")


def _take(stores, world, name, number):
    from bot.core.screen import Action  # noqa: PLC0415
    from bot.dialog import staff_chat  # noqa: PLC0415

    person = stores.staff.by_name(name)
    action = Action(kind="staff", subject=number, choice="take")
    return staff_chat.tapped(work_on(stores, world.clinic, world.clock.now()), person, action)


async def test_digest_and_patient_lookup_by_study_code(world: World) -> None:
    ann = await join(world, "ann")
    anna = await world.enrolled("P-0001")

    def raised(stores):
        raising.raise_alert(
            work_on(stores, world.clinic, world.clock.now()), stores.patients.by_code("P-0001"), Found(Tier.SOON, ("numb",)))  # fmt: skip

    await world.service.database.transact(raised)
    await world.pump()
    world.hear_all(anna)
    world.hear(ann, "SOON")
    tomorrow = (world.clock.now() + timedelta(days=1)).replace(hour=7, minute=1)
    await world.advance(seconds=(tomorrow - world.clock.now()).total_seconds())
    assert any("Good morning. 1 open alert." in plain(m) for m in world.news(ann))
    world.hear_all(ann)
    world.hear_all(anna)
    await world.say(ann, "p-0001")
    world.hear(ann, "P-0001 · week")
    await world.tap(ann, "Pause for 7 days")
    world.hear(ann, "P-0001: Pause for 7 days?")
    await world.tap(ann, "Yes, change it")
    world.hear(ann, "P-0001: done.")
    assert any("pause" in plain(m).lower() for m in world.bot_messages(anna)[-2:])
    world.hear_all(anna)
    await world.say(ann, "what is this")
    world.hear(ann, "1 open alert.")
