"""Patients who answer quietly, and who do not answer at all: how much the bot writes, and what can still be tapped.

Counted from what Telegram got: messages sent, and buttons that are still in the chat, the reply keyboard apart.
"""

import re
from datetime import timedelta
from itertools import pairwise

import pytest

from bot.app.alerts import ownership
from bot.app.schedules import plan_edits
from bot.app.schedules.plan_edits import PlanEdit
from tests.fakes.work import work_on
from tests.stories.test_chat import data_of
from tests.stories.world import World, labels, plain

DAY = timedelta(days=1)
SENDS = {"sendMessage", "sendContact", "sendPhoto"}
QUIET = ("No, nothing new", "None of these 8", "None of these 7", "None")
QUIET_FULL = ("None of these 8", "None of these 7", *["No trouble"] * 6, "No", "None", "None of these")


def sent(world: World, person) -> int:
    """How many messages Telegram got for that chat."""
    calls = world.sandbox.journal.calls()
    return sum(
        call.method in SENDS and int(call.params["chat_id"]) == person.id and call.error is None for call in calls
    )


def live(world: World, person) -> list[str]:
    """The buttons that are still in the chat."""
    return [label for message in world.bot_messages(person) for label in labels(message)]


def choices(world: World, person) -> tuple[str, ...]:
    """What a patient taps to whom nothing is new, in the form that was asked last."""
    return QUIET if "No, nothing new" in labels(world.last(person)) else QUIET_FULL


async def spoken_with_and_closed(world: World, alert: int) -> None:
    def close(stores):
        work = work_on(stores, world.clinic, world.clock.now(), actor="lead-1")
        ownership.note(work, alert, "spoke_to_patient")
        ownership.close(work, alert)

    await world.service.database.transact(close)
    await world.pump()


async def enrolled_today(world: World, **more):
    return await world.enrolled("P-0001", name="Anna", ici_start=world.clock.now().date(), **more)


async def shown_plan(world: World, code: str) -> plan_edits.Preview:
    at = world.clock.now()
    return await world.service.database.read(
        lambda stores: plan_edits.preview(work_on(stores, world.clinic, at), code, PlanEdit())
    )


async def test_p17_thirty_silent_days_then_the_patient_returns(world: World) -> None:
    anna = await enrolled_today(world)
    texts: list[tuple[int, str]] = []
    begin = world.clock.now()
    for _ in range(30):
        await world.advance(days=1)
        texts += [((world.clock.now() - begin).days, plain(m)) for m in world.hear_all(anna)]
    hellos = [(day, text) for day, text in texts if re.match("Time for your check-in|It has been a while", text)]
    gaps = [later - sooner for (sooner, _), (later, _) in pairwise(hellos)]
    assert gaps == sorted(gaps, key=lambda gap: gap > 3), f"as planned, then rarer: {gaps}"
    assert max(gaps[:3]) <= 3 < min(gaps[3:])
    warm = [text for _, text in hellos if text.startswith("It has been a while")]
    assert len(warm) == 1, "once, not each time"
    view = await world.view(anna)
    assert {"not_heard_from", "missed_twice"} <= set(view.tasks), "staff see silence as before"
    plan = await shown_plan(world, "P-0001")
    assert [s.reason for s in plan.skipped]
    assert plan.unanswered == view.unanswered == len(hellos)
    assert not {s.day for s in plan.skipped} & {m.day for m in plan.messages}

    first, second, *rest = choices(world, anna)
    await world.tap(anna, first)
    assert plain(world.hear(anna, "now or at any time since your last")).startswith("Good to hear from you again.")
    await world.tap(anna, second)
    assert "Good to hear" not in plain(world.hear_all(anna)[-1]), "once"
    await world.answer(anna, *rest)
    world.hear(anna, "Nothing here needs a call")
    plan = await shown_plan(world, "P-0001")
    assert plan.skipped == ()
    assert plan.unanswered == 0
    days = [m.day for m in plan.messages if m.kind == "check-in"]
    assert max(b - a for a, b in pairwise(days)) <= 3 * DAY, "the plan is as it was"
    await world.until_due(anna)
    assert "Time for your check-in" in plain(world.hear_all(anna)[-1])
    await world.tap(anna, re.compile("None of these 8|No, nothing new"))
    assert "Good to hear" not in "".join(plain(m) for m in world.hear_all(anna))


async def test_p17_silence_with_something_urgent_open_puts_nothing_off(world: World) -> None:
    anna = await enrolled_today(world)
    await world.until_due(anna)
    await world.answer(anna, "No, nothing new", "None of these 8", "Yes, one or more")
    world.hear_all(anna)
    texts: list[str] = []
    for _ in range(14):
        await world.advance(days=1)
        texts += [plain(m) for m in world.hear_all(anna)]
    opened = [row for row in (await world.view(anna)).checkins if row.kind in {"scheduled", "follow_up"}]
    assert len(opened) >= 13, "every day"
    assert not any("It has been a while" in text for text in texts)
    assert "phone_patient" in (await world.view(anna)).tasks


# -- how much the bot writes, and what can still be tapped


@pytest.mark.parametrize("regimen", ["single", "combination"])
async def test_p8_silent_patient_gets_at_most_45_messages_in_91_days(world: World, regimen: str) -> None:
    anna = await enrolled_today(world, regimen=regimen)
    before = sent(world, anna)
    for _ in range(91):
        await world.advance(days=1)
        world.hear_all(anna)
    assert 20 < sent(world, anna) - before <= 45
    (message,) = [message for message in world.bot_messages(anna) if labels(message)]
    assert "check-in" in plain(message), "one live message: the check-in that can still be answered"
    assert len(live(world, anna)) == len(labels(message)) <= 9


async def test_p8_quiet_patient_gets_at_most_45_messages_in_91_days(world: World) -> None:
    anna = await enrolled_today(world)
    before = sent(world, anna)
    last = world.clock.now() + 91 * DAY
    while (await world.view(anna)).next_due_at <= last:
        await world.until_due(anna)
        world.hear_all(anna)
        await world.answer(anna, *choices(world, anna))
        world.hear_all(anna)
    assert 35 < sent(world, anna) - before <= 45
    assert "Change an answer" in live(world, anna)
    assert len(live(world, anna)) <= 5
    await world.until_due(anna)
    world.hear_all(anna)
    assert [m["message_id"] for m in world.bot_messages(anna) if labels(m)][-1] == world.last(anna)["message_id"]
    await world.answer(anna, *choices(world, anna))
    await world.advance(hours=24)
    world.hear_all(anna)
    assert live(world, anna) == []


async def test_p8_finished_check_in_can_be_changed_for_a_day_and_then_has_no_button(world: World) -> None:
    anna = await enrolled_today(world)
    await world.until_due(anna)
    await world.answer(anna, *choices(world, anna))
    text = plain(world.last(anna))
    where, data = world.last(anna)["message_id"], data_of(world, anna, "Change an answer")[1]
    await world.advance(hours=23)
    assert "Change an answer" in live(world, anna)
    edits = world.sandbox.journal.counts["editMessageReplyMarkup"]
    await world.advance(hours=1)
    world.hear_all(anna)
    assert live(world, anna) == []
    assert plain(world.last(anna)) == text, "its text stays"
    assert world.sandbox.journal.counts["editMessageReplyMarkup"] == edits + 1, "one call"
    await world.tap_old(anna, where, data)
    assert "Help" in labels(world.hear(anna, "What would you like to do?")), "in an old client it is answered"


async def test_p8_end_of_a_check_in_loses_its_buttons_when_the_next_one_is_finished(world: World) -> None:
    """Two drugs: check-ins are daily, and the next one may be answered within 24 hours of this one."""
    started = world.clock.now().date() - 10 * DAY
    anna = await world.enrolled("P-0001", name="Anna", ici_start=started, regimen="combination")
    ends = []
    for wait in (3, 2, 1):
        await world.until_due(anna)
        world.hear_all(anna)
        await world.advance(hours=wait)
        assert "Change an answer" in live(world, anna) or not ends, "until the next one is finished, it can be changed"
        await world.answer(anna, *choices(world, anna))
        world.hear_all(anna)
        ends.append(world.last(anna))
        assert labels(ends[-1]) == ["About this tip", "More tips", "Change an answer"]
        assert live(world, anna) == labels(ends[-1]), "no other message has buttons"
    assert len({end["message_id"] for end in ends}) == 3


async def test_tip_of_an_end_can_be_rated_and_has_its_source(world: World) -> None:
    anna = await enrolled_today(world)
    await world.until_due(anna)
    await world.answer(anna, *choices(world, anna))
    tip = plain(world.last(anna)).split("\n\n")
    await world.tap(anna, "About this tip")
    shown = world.last(anna)
    assert plain(shown) in "\n\n".join(tip), "the same tip"
    assert labels(shown) == ["Helpful", "Not for me", "Where is this from?", "More tips"]
    world.hear_all(anna)
    await world.tap(anna, "Not for me")
    await world.tap(anna, "Where is this from?")
    world.hear_all(anna)


async def test_p8_check_in_that_another_one_replaced_has_no_buttons_and_its_red_ones_act(world: World) -> None:
    anna = await enrolled_today(world)
    await world.until_due(anna)
    where, data = data_of(world, anna, "Need help now")
    yes = data_of(world, anna, "Yes, something")[1]
    await world.until_due(anna)
    world.hear_all(anna)
    assert [m["message_id"] for m in world.bot_messages(anna) if labels(m)] == [world.last(anna)["message_id"]]
    await world.tap_old(anna, where, yes)
    world.hear_all(anna)
    assert (await world.view(anna)).alerts == ()
    await world.tap_old(anna, where, data)
    assert [alert.tier for alert in (await world.view(anna)).alerts] == ["URGENT"]
    assert "+49 30 901820" in "".join(plain(m) for m in world.hear_all(anna))


async def test_p8_closed_alert_keeps_its_numbers_as_text_and_what_still_works(world: World) -> None:
    anna = await enrolled_today(world)
    await world.until_due(anna)
    await world.answer(anna, "No, nothing new", "Yes, one or more")
    world.hear_all(anna)
    screen = next(m for m in world.bot_messages(anna) if "Call 112 now" in plain(m))
    data = {b["text"]: b.get("callback_data") for row in screen["reply_markup"]["inline_keyboard"] for b in row}
    await world.advance(minutes=16)
    world.hear_all(anna)
    assert "Not yet" in live(world, anna)
    alert = (await world.view(anna)).alerts[0].id
    await spoken_with_and_closed(world, alert)
    shown = next(m for m in world.bot_messages(anna) if m["message_id"] == screen["message_id"])
    assert plain(shown) == plain(screen)
    assert labels(shown) == ["Copy 112", "Show my card"]
    assert not {"I have called", "I can't call", "Not yet", "Yes"} & set(live(world, anna))
    world.hear_all(anna)
    await world.tap_old(anna, screen["message_id"], data["I can't call"])
    assert "112" in "".join(plain(m) for m in world.hear_all(anna)), "a red button in an old client acts"


async def test_p8_closed_call_within_a_day_has_no_button_left(world: World) -> None:
    anna = await enrolled_today(world)
    await world.until_due(anna)
    await world.answer(anna, "No, nothing new", "None of these 8", "None of these 7", "Mild", "Not at all")
    world.hear_all(anna)
    where, data = data_of(world, anna, "Show a tip for today")
    alert = (await world.view(anna)).alerts[0].id
    await spoken_with_and_closed(world, alert)
    (screen,) = [m for m in world.bot_messages(anna) if m["message_id"] == where]
    assert "within 24 hours" in plain(screen)
    assert labels(screen) == []
    await world.tap_old(anna, where, data)
    assert "Tip" in plain(world.hear_all(anna)[-1]) or "Helpful" in labels(world.last(anna)), "in an old client it acts"
