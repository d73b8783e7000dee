"""The running service: it never stops receiving for long, and a stop is quick."""

import asyncio
import time
from contextlib import suppress
from datetime import datetime, timedelta

import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from telegram.error import InvalidToken

from bot import service as service_module
from bot import ticker as ticking
from bot.app.operations import outages
from bot.app.records.messages import Lane, Outbox
from bot.chat import webhook
from bot.core.screen import Screen, Text
from bot.delivery import telegram_calls
from bot.ops import health
from bot.ops.web import WebServer
from bot.service import WebhookConfig
from tests.polling import until
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


async def test_receiving_restarts_after_any_error(world: World, monkeypatch) -> None:
    monkeypatch.setattr(service_module, "FIRST_RETRY_SECONDS", 0.01)
    tried = []

    async def connect() -> None:
        tried.append("connect")
        if len(tried) == 1:
            raise OSError("the disk is full")

    polled = asyncio.Event()

    async def run() -> None:
        polled.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(world.service, "connect", connect)
    monkeypatch.setattr(world.service.receiver, "run", run)
    await world.service.start()
    async with asyncio.timeout(5):
        await polled.wait()
    assert tried == ["connect", "connect"]
    assert world.service.is_receiving
    await world.service.stop()
    assert not world.service.is_receiving


async def test_receiving_restarts_at_once_after_a_long_success(world: World, monkeypatch) -> None:
    """Earlier errors must not make it wait a minute now."""
    monkeypatch.setattr(service_module, "FIRST_RETRY_SECONDS", 0.001)
    monkeypatch.setattr(service_module, "MAX_RETRY_SECONDS", 0.05)
    waits, really = [], asyncio.sleep

    async def connect() -> None:
        if len(waits) == 8:
            # It succeeded for longer than the maximum wait, then ended.
            await really(0.1)
        raise OSError("the disk is full")

    async def sleep(seconds: float) -> None:
        waits.append(seconds)
        await really(3600 if len(waits) > 9 else 0)

    monkeypatch.setattr(world.service, "connect", connect)
    monkeypatch.setattr(service_module.asyncio, "sleep", sleep)
    receiving = asyncio.create_task(world.service._receive())
    while len(waits) < 9:
        await really(0.001)
    receiving.cancel()
    assert waits[:9] == [0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.05, 0.05, 0.001]


async def test_start_forgets_rate_limits_of_a_wrong_clock(world: World) -> None:
    anna = await world.enrolled("P-0001", name="Anna")
    far = world.clock.now().replace(year=2030)
    await world.service.database.transact(lambda stores: stores.limits.save_chats_free_at({anna.id: far}))
    await world.service.start()
    await world.service.stop()
    await world.service.bots.sending.request.initialize()
    assert await world.service.database.read(lambda stores: stores.limits.chats_free_at([anna.id])) == {}


async def test_stop_is_bounded_whatever_hangs(world: World, monkeypatch) -> None:
    """The limits are a tenth of the real ones, which add up to ten seconds."""
    over = asyncio.Event()

    async def hang() -> None:
        # Like a task that waits for a hanging database: cancellation doesn't end it.
        while not over.is_set():
            with suppress(asyncio.CancelledError):
                await over.wait()

    for name in ("STOP_SECONDS", "COMMIT_SECONDS", "LAST_SEND_SECONDS", "CLOSE_SECONDS"):
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
    assert 0.8 < took < 2, "most of it is the allowed time, the rest is overhead of this machine"


async def test_stop_sends_what_is_committed_meanwhile(world: World, monkeypatch) -> None:
    """The call screen and contact card of a red flag being committed must not wait for the next start."""
    anna = await world.enrolled("P-0001", name="Anna")
    service, at = world.service, world.clock.now()
    rows = [red_flag(anna.id, at, slot) for slot in ("call", "card")]
    taken, go_on = asyncio.Event(), asyncio.Event()

    async def handle(_raw: object, **_: bool) -> None:
        taken.set()
        await go_on.wait()
        await service.database.transact(lambda stores: [stores.outbox.enqueue(row) for row in rows])

    monkeypatch.setattr(service.dispatcher, "handle", handle)
    await service.start()
    world.sandbox.say(anna, "hello")
    await asyncio.wait_for(taken.wait(), 20)
    stopping = asyncio.create_task(service.stop())
    await until(service.receiver.poller._stopping.is_set)
    assert not stopping.done()
    go_on.set()
    await asyncio.wait_for(stopping, 20)
    assert len(world.news(anna)) == 2
    world.hear_all(anna)
    await service.bots.sending.request.initialize()


async def test_stop_releases_messages_without_an_answer(world: World, monkeypatch) -> None:
    """Otherwise other replicas would wait for its lease to expire."""
    monkeypatch.setattr(service_module, "STOP_SECONDS", 2.0)
    anna = await world.enrolled("P-0001", name="Anna")
    service = world.service
    await service.start()
    world.sandbox.faults.add("half_open", methods=["sendMessage"])
    await service.database.transact(lambda stores: stores.outbox.enqueue(red_flag(anna.id, world.clock.now())))
    service.sender.nudge()
    await until(lambda: service.sender.in_flight == 1)
    await service.stop()
    assert service.sender.in_flight == 0
    later = world.clock.now() + timedelta(seconds=1)
    claims = await service.database.transact(
        lambda stores: stores.outbox.claim(later, lanes=[Lane.RED_FLAG], limit=9, owner="other", lease_until=later)
    )
    assert [claim.attempt for claim in claims] == [2]
    await service.bots.sending.request.initialize()


async def test_stalled_ticker_or_sender_is_reported(world: World, monkeypatch) -> None:
    """Both loops are running but never finish an iteration."""
    await world.service.start()
    assert world.service.is_ticking
    assert world.service.is_sending
    later = time.monotonic() + service_module.STALLED_SECONDS
    monkeypatch.setattr(ticking.time, "monotonic", lambda: later)
    assert not world.service.is_ticking
    assert not world.service.is_sending
    monkeypatch.undo()
    await world.service.stop()
    assert not world.service.is_sending, "a sender that has ended is not running"
    await world.service.bots.sending.request.initialize()


async def test_red_flag_retried_in_vain_is_reported_within_minutes(world: World, monkeypatch) -> None:
    """For example after a revoked token: each failure makes the message due later, so nothing is ever overdue."""
    anna = await world.enrolled("P-0001", name="Anna")
    service, at = world.service, world.clock.now()

    async def refuse(*_: object) -> int:
        raise InvalidToken("revoked")

    monkeypatch.setattr(telegram_calls, "send", refuse)
    await service.database.transact(lambda stores: stores.outbox.enqueue(red_flag(anna.id, at)))
    on_time, delivered = (
        probe(service.database, world.clock) for probe in (health.due_work_probe, health.delivery_probe)
    )
    while world.clock.now() - at <= timedelta(minutes=2):
        assert await delivered() is None
        await service.sender.send_once()
        world.clock.advance(timedelta(seconds=15))
    assert await delivered() == "messages are retried without success: red_flag for 2 min"
    assert await on_time() is None
    monkeypatch.undo()
    await world.advance(seconds=15)
    assert await delivered() is None
    world.hear_all(anna)


async def heard_at(world: World) -> datetime | None:
    kept = await world.service.database.read(lambda stores: stores.settings.get(outages.HEARD_AT))
    return datetime.fromisoformat(kept) if kept else None


async def heard_again(world: World, before: datetime | None) -> None:
    async def heard() -> bool:
        return await heard_at(world) != before

    await until(heard)


async def tasks(world: World) -> set[str]:
    return {item.kind for item in await world.service.database.read(lambda stores: stores.tasks.open())}


@pytest.fixture
def looks_often(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Let the webhook be checked often; the list grows with each check that begins."""
    for name in ("CHECK_SECONDS", "SOON_CHECK_SECONDS"):
        monkeypatch.setattr(webhook, name, 0.02)
    looks, check = [], webhook.WebhookMonitor.check

    async def noted(monitor: webhook.WebhookMonitor) -> bool:
        looks.append("check")
        return await check(monitor)

    monkeypatch.setattr(webhook.WebhookMonitor, "check", noted)
    return looks


async def test_broken_webhook_is_distinguished_from_quiet_hours(world: World, looks_often: list[str]) -> None:
    """For example when a proxy answers Telegram with an error page: no update arrives, and the bot looks healthy."""
    service, status = world.service, [200]
    page = Route("/telegram/hidden", lambda _: PlainTextResponse("", status[0]), methods=["POST"])
    web = WebServer(Starlette(routes=[page]))
    service.webhook = WebhookConfig(f"{await web.start('127.0.0.1', 0)}/telegram/hidden", "secret")
    ready = health.webhook_probe(lambda: service.webhook_problem)
    assert await ready() == "the webhook has not been set yet"
    anna = world.sandbox.person("Anna")
    await service.start()
    try:
        await until(lambda: service.webhook_problem is None)
        assert service.is_receiving
        await heard_again(world, None)
        status[0] = 502
        world.sandbox.say(anna, "hello")
        await until(lambda: service.webhook_problem is not None)
        assert await ready() == "Telegram can't deliver: the webhook answers 502"
        # Telegram fails to deliver for more than a day; its last error is always recent.
        broken_at = world.clock.now()
        for _ in range(25):
            world.clock.advance(timedelta(hours=1))
            world.sandbox.webhook.last_error_date = world.sandbox.now_unix()
        before = len(looks_often)
        await until(lambda: len(looks_often) >= before + 2)
        assert await heard_at(world) == broken_at
        status[0] = 200
        await until(lambda: service.webhook_problem is None)
        await heard_again(world, broken_at)
        assert {"telegram_silent", "answers_lost"} <= await tasks(world)
    finally:
        await service.stop()
        await web.stop()
        await service.bots.sending.request.initialize()


async def test_webhook_set_elsewhere_is_set_again(world: World, looks_often: list[str]) -> None:
    service = world.service
    service.webhook = WebhookConfig("http://127.0.0.1:9/telegram/hidden", "secret")
    await service.start()
    await until(lambda: service.webhook_problem is None)
    world.sandbox.webhook = None
    await until(lambda: world.sandbox.webhook is not None and service.webhook_problem is None)
    assert world.sandbox.webhook.url == service.webhook.url
    await service.stop()
    await service.bots.sending.request.initialize()


async def test_contact_is_recorded_only_by_the_replica_that_polls(world: World, monkeypatch) -> None:
    """The other replica polls, but Telegram may not answer it either."""
    asked = []
    monkeypatch.setattr(service_module, "CONTACT_SECONDS", 0.01)
    monkeypatch.setattr(type(world.service.receiver), "seconds_since_poll", 0.0)
    monkeypatch.setattr(type(world.service.receiver), "seconds_since_own_poll", property(asked.append))
    listening = asyncio.create_task(world.service._record_polling_contact())
    await until(lambda: len(asked) >= 3)
    listening.cancel()
    assert await heard_at(world) is None


async def test_service_is_connected_only_once_the_bot_is_stored(world: World, monkeypatch) -> None:
    """Readiness must not report an answer from Telegram if the connection failed right after it."""
    service = world.service

    async def down(_: object) -> None:
        raise OSError("the disk is full")

    monkeypatch.setattr(service, "_connected_at", None)
    with monkeypatch.context() as broken:
        broken.setattr(service.database, "transact", down)
        with pytest.raises(OSError, match="full"):
            await service.connect()
    assert service.seconds_since_answer is None
    await service.connect()
    assert service.seconds_since_answer is not None


async def test_new_bot_forgets_update_ids_of_another_bot(world: World) -> None:
    """With another bot's token on the same database, update ids restart, and none may count as already processed."""
    service, at = world.service, world.clock.now()

    async def first_time() -> bool:
        return await service.database.transact(lambda stores: stores.updates.mark_processed(77, at))

    assert await first_time()
    await service.connect()
    assert not await first_time(), "the same bot"
    await service.database.transact(lambda stores: stores.settings.set(service_module.BOT_ID, "1"))
    await service.connect()
    assert await first_time()
    await service.connect()
    assert not await first_time(), "the ids are forgotten only once"


async def test_upgrade_without_stored_bot_id_forgets_nothing(world: World, monkeypatch) -> None:
    """After an upgrade it is the same bot, and it must remember the update ids it has seen."""
    service, at = world.service, world.clock.now()
    monkeypatch.setattr(service_module, "BOT_ID", "never kept")
    await service.database.transact(lambda stores: stores.updates.mark_processed(77, at))
    await service.connect()
    assert not await service.database.transact(lambda stores: stores.updates.mark_processed(77, at))
