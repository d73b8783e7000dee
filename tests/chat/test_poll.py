"""Polling confirms only committed updates; no fault of Telegram or the database stops it permanently."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from structlog.testing import capture_logs

from bot.chat import poll
from bot.chat.metrics import DROPPED_UPDATES
from bot.chat.poll import ALLOWED_UPDATES, LIMIT, Poller

from .stand_ins import AT, TOKEN, House, broken, message, tap, until


@asynccontextmanager
async def polling(house: House) -> AsyncIterator[Poller]:
    poller = Poller(house.bot, house.dispatcher, house.clock)
    run = asyncio.create_task(poller.run())
    await asyncio.sleep(0)
    try:
        yield poller
    finally:
        await poller.stop()
        await run


async def test_poller_confirms_raw_updates_once_committed(house: House) -> None:
    house.api.put(message(10, 7), message(11, 8))
    async with polling(house) as poller:
        await until(lambda: house.api.confirmed == 2)
        assert sorted(house.log) == [("said", 7), ("said", 8)]
        assert poller.last_poll_at == AT
        assert poller.seconds_since_poll is not None
    asked = house.api.sent("getUpdates")[0]
    assert (asked["limit"], asked["timeout"]) == (LIMIT, poll.LONG_POLL)
    assert tuple(asked["allowed_updates"]) == ALLOWED_UPDATES
    assert house.api.offsets[:2] == [None, 12]


async def test_poller_malformed_update_does_not_block_others(house: House) -> None:
    house.api.put(message(1, 7), broken(2), message(3, 7), tap(4, 8, "forged"), message(5, 7))
    async with polling(house):
        await until(lambda: house.api.confirmed == 5)
    assert [entry for entry in house.log if entry[1] == 7] == [("said", 7)] * 3
    assert [dead.update_id for dead in house.database.rows.dead] == [2]


async def test_offset_waits_for_a_slow_chat_but_others_go_on(house: House) -> None:
    gate = house.hold(2)
    house.api.put(message(1, 8), message(2, 7), message(3, 9))
    async with polling(house) as poller:
        await until(lambda: len(house.log) == 2)
        house.api.put(message(4, 9), message(5, 7))
        await until(lambda: len(house.log) == 3)
        assert sorted(house.log) == [("said", 8), ("said", 9), ("said", 9)]
        assert len(poller._tasks) == 2
        assert max(offset or 0 for offset in house.api.offsets) == 2
        gate.set()
        await until(lambda: house.api.confirmed == 5)
    assert len(house.log) == 5
    assert house.database.tries == 5  # those in progress were received repeatedly and recognized


async def test_kill_between_commit_and_confirm_loses_nothing(house: House) -> None:
    house.api.put(*(message(number, 7) for number in range(1, 6)))
    killed = asyncio.create_task(Poller(house.bot, house.dispatcher, house.clock).run())
    await until(lambda: len(house.log) == 5)
    killed.cancel()
    await asyncio.gather(killed, return_exceptions=True)
    house.api.confirmed, house.api.queue = 0, [message(number, 7) for number in range(1, 8)]
    house.dispatcher = house.make_dispatcher()
    async with polling(house):
        await until(lambda: house.api.confirmed == 7)
    assert house.log == [("said", 7)] * 7


async def test_poller_database_down_confirms_nothing(house: House) -> None:
    house.database.down = True
    house.api.put(message(1, 7, "/help"), broken(2), message(3, 7), message(4, 8))
    async with polling(house) as poller:
        await until(lambda: len(house.waits) > 12 and len(house.api.offsets) > 2)
        assert set(house.api.offsets) == {None}
        assert len(poller._tasks) == 4
        house.database.down = False
        await until(lambda: house.api.confirmed == 4)
    assert [entry for entry in house.log if entry[1] == 7] == [("command", 7, "help"), ("said", 7)]
    assert len(house.database.rows.dead) == 1


async def test_stop_with_database_down_confirms_nothing(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(poll, "DRAIN_SECONDS", 0.01)
    house.database.down = True
    house.api.put(message(1, 7))
    async with polling(house) as poller:
        await until(lambda: len(poller._tasks) == 1)
    assert house.api.confirmed == 0
    assert set(house.api.offsets) == {None}


async def test_stop_finishes_and_confirms_updates_in_progress(house: House) -> None:
    gate = house.hold(1)
    house.api.put(message(1, 7), message(2, 8))
    async with polling(house) as poller:
        await until(lambda: len(house.log) == 1)
        stop = asyncio.create_task(poller.stop())
        await asyncio.sleep(0)
        gate.set()
        await stop
    assert sorted(house.log) == [("said", 7), ("said", 8)]
    assert house.api.confirmed == 2
    last = house.api.sent("getUpdates")[-1]
    assert (last["offset"], last["timeout"]) == (3, 0)


async def test_stop_does_not_wait_for_a_long_poll(house: House) -> None:
    async with polling(house):
        await until(lambda: len(house.api.offsets) == 1)
    assert house.api.offsets == [None]


async def test_stop_does_not_wait_for_an_unanswered_confirmation(house: House, monkeypatch) -> None:
    monkeypatch.setattr(poll, "CONFIRM_SECONDS", 0.01)
    first = house.api.do_request

    async def request(url: str, *args: object, **kwargs: Any) -> Any:
        if kwargs["request_data"].parameters["timeout"] == 0:
            await asyncio.Event().wait()
        return await first(url, *args, **kwargs)

    house.api.put(message(1, 7))
    async with asyncio.timeout(20), polling(house):
        await until(lambda: house.api.confirmed == 1)
        monkeypatch.setattr(house.api, "do_request", request)


async def test_stop_of_a_poller_that_never_ran_returns(house: House) -> None:
    await Poller(house.bot, house.dispatcher, house.clock).stop()


@pytest.fixture
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Replace the waits between polls; return them."""
    waits: list[float] = []

    async def wait(self: Poller, seconds: float) -> None:
        waits.append(seconds)
        await asyncio.sleep(0)

    monkeypatch.setattr(Poller, "_wait", wait)
    monkeypatch.setenv("PTB_TIMEDELTA", "1")
    return waits


async def test_poll_errors_are_retried_and_logged_without_the_token(house: House, no_waiting: list[float]) -> None:
    for code in (502, 401, 500, 409):
        house.api.fail("getUpdates", code, f"https://api.example/bot{TOKEN}/getUpdates")
    house.api.fail("getUpdates", 429, "slow down", retry_after=77)
    house.api.answers["getUpdates"].append((200, "no object"))
    house.api.answers["getUpdates"].append((200, {"ok": True, "result": "no list"}))
    with capture_logs() as logs:
        house.api.put(message(1, 7))
        async with polling(house):
            await until(lambda: house.api.confirmed == 1)
    assert no_waiting == [1, 2, 4, 8, 77, 30, 30]
    assert [line["action"] for line in logs if "poll" in line["action"]].count("poll_conflict") == 1
    assert TOKEN not in str(logs)
    assert house.log == [("said", 7)]


async def test_poll_conflict_waits_longer_than_the_first_backoff(house: House, no_waiting: list[float]) -> None:
    house.api.fail("getUpdates", 409, "terminated by other getUpdates request")
    async with polling(house):
        await until(lambda: len(house.api.offsets) == 1)
    assert no_waiting == [poll.CONFLICT_BACKOFF]


@pytest.fixture
def hands(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A monotonic clock, in seconds, that the test sets and only the poller reads."""
    hands = SimpleNamespace(at=1000.0)
    monkeypatch.setattr(poll, "time", SimpleNamespace(monotonic=lambda: hands.at))
    monkeypatch.setenv("PTB_TIMEDELTA", "1")
    return hands


async def test_requested_pause_counts_as_activity_and_answer(house: House, hands) -> None:
    house.api.fail("getUpdates", 429, "slow down", retry_after=77)
    async with polling(house) as poller:
        await until(lambda: poller._last_activity > hands.at)
        hands.at += 76
        assert (poller.seconds_since_activity, poller.seconds_unanswered) == (0, 0)
        hands.at += 46
        assert (poller.seconds_since_activity, poller.seconds_unanswered) == (45, 45), (
            "a poll that never ends is noticed"
        )


async def test_seconds_since_activity_starts_with_the_call(house: House, hands, monkeypatch) -> None:
    async def wait(_: Poller, seconds: float) -> None:
        hands.at += 30 * seconds

    monkeypatch.setattr(Poller, "_wait", wait)
    house.api.fail("getUpdates", 502)
    async with polling(house) as poller:
        await until(lambda: house.api.offsets == [None])
        assert hands.at == 1030
        assert poller.seconds_since_activity == 0, "the wait before it does not count"
        hands.at += 45
        assert poller.seconds_since_activity == 45
        assert poller.seconds_unanswered == 75


async def test_dropped_update_is_counted_and_not_confirmed(house: House, monkeypatch) -> None:
    dropped, really = DROPPED_UPDATES._value, house.dispatcher.handle
    before, fails = dropped.get(), [MemoryError()]

    async def handle(raw: Any, **how: bool) -> None:
        if fails:
            raise fails.pop()
        await really(raw, **how)

    monkeypatch.setattr(house.dispatcher, "handle", handle)
    house.api.put(message(1, 7))
    async with polling(house):
        await until(lambda: house.api.confirmed == 1)
    assert dropped.get() == before + 1
    assert house.log == [("said", 7)], "Telegram sent it again"


async def test_update_without_id_is_stored_once_and_does_not_block(house: House) -> None:
    house.api.put({"message": {}}, message(1, 7))
    async with polling(house):
        await until(lambda: len(house.api.offsets) > 4)
        assert house.log == [("said", 7)]
        assert len(house.database.rows.dead) == 1


async def test_answer_older_than_the_confirmation_changes_nothing(house: House) -> None:
    house.api.put(message(1, 7))
    async with polling(house):
        await until(lambda: house.api.confirmed == 1)
        house.api.answers["getUpdates"] = [(200, {"ok": True, "result": [message(1, 7), message(2, 7)]})]
        house.api.put(message(2, 7))
        await until(lambda: house.api.confirmed == 2)
    assert house.database.tries == 2


async def test_poller_handles_more_updates_than_one_answer_holds(house: House) -> None:
    house.api.put(*(message(number, number % 20 + 1) for number in range(1, 301)))
    async with polling(house):
        await until(lambda: house.api.confirmed == 300)
    assert len(house.log) == 300


async def test_update_ids_may_restart_after_a_week_without_updates(house: House) -> None:
    house.api.put(message(1000, 7))
    async with polling(house):
        await until(lambda: house.api.confirmed == 1)
        house.api.answers["getUpdates"] = [(200, {"ok": True, "result": []})]
        house.api.put(message(1001, 7))
        await until(lambda: house.api.confirmed == 2)
        assert house.api.answers["getUpdates"] == []
        await until(lambda: house.api.offsets[-1] is None or house.api.offsets[-1] == 1002)
        house.api.answers["getUpdates"] = [(200, {"ok": True, "result": []})]
        house.api.put(message(5, 7))
        await until(lambda: len(house.log) == 3)


async def test_seconds_since_poll_ignores_the_sandbox_clock(house: House) -> None:
    house.api.put(message(1, 7))
    async with polling(house) as poller:
        await until(lambda: house.api.confirmed == 1)
        house.clock.advance(timedelta(days=90))
        assert poller.seconds_since_poll is not None
        assert poller.seconds_since_poll < timedelta(days=1).total_seconds()
