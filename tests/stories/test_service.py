"""The running service: it is never deaf for long, and a stop is quick."""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta

import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from telegram.error import InvalidToken

from bot import service as service_module
from bot import ticker as ticking
from bot.app import outage
from bot.app.store import Lane, Outbox
from bot.chat import webhook
from bot.core.screen import Screen, Text
from bot.delivery import calls
from bot.ops import health
from bot.ops.web import WebServer
from bot.service import WebhookAt
from tests.stories.world import World


def red_flag(chat_id: int, at: datetime, slot: str = "call") -> Outbox:
    return Outbox(
        patient_id=None,
        chat_id=chat_id,
        language="en",
        lane=Lane.RED_FLAG,
        slot=slot,
        mode="new",
        revision=0,
        screen=Screen(name="call", lines=(Text(key="stop.kept"),)),
        created_at=at,
        not_before=at,
    )


async def test_receiving_is_begun_again_whatever_ended_it(world: World, monkeypatch) -> None:
    monkeypatch.setattr(service_module, "FIRST_WAIT", 0.01)
    tried = []

    async def introduce() -> None:
        tried.append("introduce")
        if len(tried) == 1:
            raise OSError("the disk is full")

    polled = asyncio.Event()

    async def run() -> None:
        polled.set()
        await asyncio.sleep(3600)

    monkeypatch.setattr(world.service, "introduce", introduce)
    monkeypatch.setattr(world.service.receiver, "run", run)
    await world.service.start()
    async with asyncio.timeout(5):
        await polled.wait()
    assert tried == ["introduce", "introduce"]
    assert world.service.receives
    await world.service.stop()
    assert not world.service.receives


async def test_receiving_that_went_well_for_long_is_begun_again_at_once(world: World, monkeypatch) -> None:
    """Faults of other days must not make it wait a minute now."""
    monkeypatch.setattr(service_module, "FIRST_WAIT", 0.001)
    monkeypatch.setattr(service_module, "LONGEST_WAIT", 0.05)
    waits, really = [], asyncio.sleep

    async def introduce() -> None:
        if len(waits) == 8:
            # Well for longer than the longest wait, then ended.
            await really(0.1)
        raise OSError("the disk is full")

    async def sleep(seconds: float) -> None:
        waits.append(seconds)
        await really(3600 if len(waits) > 9 else 0)

    monkeypatch.setattr(world.service, "introduce", introduce)
    monkeypatch.setattr(service_module.asyncio, "sleep", sleep)
    receiving = asyncio.create_task(world.service._receive())
    while len(waits) < 9:
        await really(0.001)
    receiving.cancel()
    assert waits[:9] == [0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.05, 0.05, 0.001]


async def test_a_start_forgets_paces_a_wrong_clock_left_behind(world: World) -> None:
    anna = await world.enrolled("P-0001", name="Anna")
    far = world.clock.now().replace(year=2030)
    await world.service.database.transact(lambda store: store.save_chat_free_at({anna.id: far}))
    await world.service.start()
    await world.service.stop()
    await world.service.bots.sending.request.initialize()
    assert await world.service.database.read(lambda store: store.chat_free_at([anna.id])) == {}


async def test_a_stop_does_not_wait_for_ever_for_all_that_hangs(world: World, monkeypatch) -> None:
    """Ten times as fast as a real one, which has ten seconds."""
    over = asyncio.Event()

    async def hang() -> None:
        # As what waits for a database that hangs: a cancellation doesn't end it.
        while not over.is_set():
            with suppress(asyncio.CancelledError):
                await over.wait()

    for name in ("STOP_SECONDS", "TAKE_SECONDS", "LAST_SECONDS", "HANG_UP_SECONDS"):
        monkeypatch.setattr(service_module, name, getattr(service_module, name) / 10)
    await world.service.start()
    for part in (world.service.receiver, world.service.ticker, world.service.sender):
        monkeypatch.setattr(part, "stop", hang)
    monkeypatch.setattr(world.service.sender, "send_once", hang)
    begun = time.monotonic()
    async with asyncio.timeout(20):
        await world.service.stop()
    took = time.monotonic() - begun
    over.set()
    await world.service.bots.sending.request.initialize()
    monkeypatch.undo()
    await world.service.ticker.stop()
    assert 0.8 < took < 2, "most of it is the time given, the rest this machine's"


async def test_what_is_committed_while_it_stops_is_still_sent(world: World, monkeypatch) -> None:
    """A red flag that was being committed: call screen and contact card must not wait for the next start."""
    anna = await world.enrolled("P-0001", name="Anna")
    service, at = world.service, world.clock.now()
    rows = [red_flag(anna.id, at, slot) for slot in ("call", "card")]
    taken, go_on = asyncio.Event(), asyncio.Event()

    async def handle(_raw: object, **_: bool) -> None:
        taken.set()
        await go_on.wait()
        await service.database.transact(lambda store: [store.enqueue(row) for row in rows])

    monkeypatch.setattr(service.dispatcher, "handle", handle)
    await service.start()
    world.sandbox.say(anna, "hello")
    await asyncio.wait_for(taken.wait(), 20)
    stopping = asyncio.create_task(service.stop())
    await asyncio.sleep(0.3)
    assert not stopping.done()
    go_on.set()
    await asyncio.wait_for(stopping, 20)
    assert len(world.news(anna)) == 2
    world.hear_all(anna)
    await service.bots.sending.request.initialize()


async def test_what_telegram_does_not_answer_is_given_back_by_a_stop(world: World, monkeypatch) -> None:
    """Otherwise other replicas would wait for its lease to run out."""
    monkeypatch.setattr(service_module, "STOP_SECONDS", 2.0)
    anna = await world.enrolled("P-0001", name="Anna")
    service = world.service
    await service.start()
    world.sandbox.faults.add("half_open", methods=["sendMessage"])
    await service.database.transact(lambda store: store.enqueue(red_flag(anna.id, world.clock.now())))
    service.sender.nudge()
    await until(lambda: service.sender.under_way == 1)
    await service.stop()
    assert service.sender.under_way == 0
    later = world.clock.now() + timedelta(seconds=1)
    claims = await service.database.transact(
        lambda store: store.claim_outbox(later, lanes=[Lane.RED_FLAG], limit=9, owner="other", lease_until=later)
    )
    assert [claim.attempt for claim in claims] == [2]
    await service.bots.sending.request.initialize()


async def test_a_ticker_or_a_sender_that_hangs_is_seen(world: World, monkeypatch) -> None:
    """Both loops run on, and get through nothing."""
    await world.service.start()
    assert world.service.ticks
    assert world.service.sends
    later = time.monotonic() + service_module.ROUND_SECONDS
    monkeypatch.setattr(ticking.time, "monotonic", lambda: later)
    assert not world.service.ticks
    assert not world.service.sends
    monkeypatch.undo()
    await world.service.stop()
    assert not world.service.sends, "one that has ended is not running"
    await world.service.bots.sending.request.initialize()


async def test_a_red_flag_that_is_tried_in_vain_is_seen_within_minutes(world: World, monkeypatch) -> None:
    """A token that was revoked, say: each failure makes the message due later, so nothing is ever overdue."""
    anna = await world.enrolled("P-0001", name="Anna")
    service, at = world.service, world.clock.now()

    async def refuse(*_: object) -> int:
        raise InvalidToken("revoked")

    monkeypatch.setattr(calls, "send", refuse)
    await service.database.transact(lambda store: store.enqueue(red_flag(anna.id, at)))
    on_time, delivered = (probe(service.database, world.clock) for probe in (health.on_time, health.delivered))
    while world.clock.now() - at <= timedelta(minutes=2):
        assert await delivered() is None
        await service.sender.send_once()
        world.clock.advance(timedelta(seconds=15))
    assert await delivered() == "messages are tried in vain: red_flag for 2 min"
    assert await on_time() is None
    monkeypatch.undo()
    await world.advance(seconds=15)
    assert await delivered() is None
    world.hear_all(anna)


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not true():  # noqa: ASYNC110 - many different things are waited for
            await asyncio.sleep(0.01)


async def heard_at(world: World) -> datetime | None:
    kept = await world.service.database.read(lambda store: store.setting(outage.HEARD_AT))
    return datetime.fromisoformat(kept) if kept else None


async def heard_again(world: World, before: datetime | None) -> None:
    async with asyncio.timeout(20):
        while await heard_at(world) == before:  # noqa: ASYNC110 - the database tells nobody
            await asyncio.sleep(0.01)


async def work_items(world: World) -> set[str]:
    return {item.kind for item in await world.service.database.read(lambda store: store.work_items())}


@pytest.fixture
def looks_often(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LOOK_SECONDS", "SOON_SECONDS"):
        monkeypatch.setattr(webhook, name, 0.02)


async def test_a_way_that_is_broken_is_told_from_quiet_hours(world: World, looks_often: None) -> None:
    """Telegram meets an error page of a proxy, say: no update arrives, and all of the bot looks well."""
    service, status = world.service, [200]
    page = Route("/telegram/hidden", lambda _: PlainTextResponse("", status[0]), methods=["POST"])
    web = WebServer(Starlette(routes=[page]))
    service.webhook = WebhookAt(f"{await web.start('127.0.0.1', 0)}/telegram/hidden", "secret")
    ready = health.brought(lambda: service.webhook_trouble)
    assert await ready() == "Telegram was not told yet where to bring updates"
    anna = world.sandbox.person("Anna")
    await service.start()
    try:
        await until(lambda: service.webhook_trouble is None)
        assert service.receives
        await heard_again(world, None)
        status[0] = 502
        world.sandbox.say(anna, "hello")
        await until(lambda: service.webhook_trouble is not None)
        assert await ready() == "Telegram can't deliver: it is answered 502"
        # For a day and more Telegram asks in vain; the error is always one of a moment ago.
        broken_at = world.clock.now()
        for _ in range(25):
            world.clock.advance(timedelta(hours=1))
            world.sandbox.webhook.last_error_date = world.sandbox.now_unix()
        await asyncio.sleep(0.1)
        assert await heard_at(world) == broken_at
        status[0] = 200
        await until(lambda: service.webhook_trouble is None)
        await heard_again(world, broken_at)
        assert {"telegram_silent", "answers_lost"} <= await work_items(world)
    finally:
        await service.stop()
        await web.stop()
        await service.bots.sending.request.initialize()


async def test_a_webhook_that_was_taken_away_is_set_again(world: World, looks_often: None) -> None:
    service = world.service
    service.webhook = WebhookAt("http://127.0.0.1:9/telegram/hidden", "secret")
    await service.start()
    await until(lambda: service.webhook_trouble is None)
    world.sandbox.webhook = None
    await until(lambda: world.sandbox.webhook is not None and service.webhook_trouble is None)
    assert world.sandbox.webhook.url == service.webhook.url
    await service.stop()
    await service.bots.sending.request.initialize()


async def test_what_another_replica_hears_is_for_that_one_to_say(world: World, monkeypatch) -> None:
    """It polls, but may be answered no more than this one would be."""
    monkeypatch.setattr(type(world.service.receiver), "seconds_since_poll", 0.0)
    listening = asyncio.create_task(world.service._listen())
    await asyncio.sleep(0.2)
    listening.cancel()
    assert await heard_at(world) is None


async def test_it_is_introduced_once_that_is_stored(world: World, monkeypatch) -> None:
    """Whoever asks for health must not be told that Telegram answered by one who failed right after."""
    service = world.service

    async def down(_: object) -> None:
        raise OSError("the disk is full")

    monkeypatch.setattr(service, "_introduced", None)
    with monkeypatch.context() as broken:
        broken.setattr(service.database, "transact", down)
        with pytest.raises(OSError, match="full"):
            await service.introduce()
    assert service.seconds_since_answer is None
    await service.introduce()
    assert service.seconds_since_answer is not None


async def test_what_another_bot_has_seen_is_not_held_against_this_one(world: World) -> None:
    """A new token on the same database: its updates are numbered anew, and none may count as done already."""
    service, at = world.service, world.clock.now()

    async def first_time() -> bool:
        return await service.database.transact(lambda store: store.first_time(77, at))

    assert await first_time()
    await service.introduce()
    assert not await first_time(), "the same bot"
    await service.database.transact(lambda store: store.save_setting(service_module.BOT_ID, "1"))
    await service.introduce()
    assert await first_time()
    await service.introduce()
    assert not await first_time(), "forgotten once"


async def test_one_that_did_not_keep_which_bot_it_was_forgets_nothing(world: World, monkeypatch) -> None:
    """An upgrade: it is the same bot, and what it has seen it must know."""
    service, at = world.service, world.clock.now()
    monkeypatch.setattr(service_module, "BOT_ID", "never kept")
    await service.database.transact(lambda store: store.first_time(77, at))
    await service.introduce()
    assert not await service.database.transact(lambda store: store.first_time(77, at))
