"""One update, one transaction: idempotent, in order within a chat, never lost, never in the way of others."""

import asyncio

import pytest
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from bot.app.ports import Outcome
from bot.app.store import Lane
from bot.app.store_errors import StaleRecordError, StoreDownError
from bot.chat.updates import AGAIN_AFTER, FIRST_WAIT, LONGEST_WAIT, DatabaseDownError

from .stand_ins import AT, NOTED, House, broken, chat, message, patient, tap, until

ALWAYS = 10**6


def dead_count() -> float:
    return REGISTRY.get_sample_value("nervecheck_dead_updates_total") or 0.0


async def test_after_the_commit_the_spinner_is_answered_and_the_sender_nudged(house: House) -> None:
    house.door.outcome = Outcome(toast=NOTED, language="en", urgent=True)
    await house.handle(tap(1, 7, "forged"))
    assert house.api.sent("answerCallbackQuery") == [
        {"callback_query_id": "q1", "text": "Noted & kept.", "show_alert": True}
    ]
    assert house.nudges == 1


async def test_an_update_that_comes_twice_changes_nothing_but_its_spinner_stops(house: House) -> None:
    await house.handle(tap(1, 7, "forged"), tap(1, 7, "forged"))
    assert house.log == [("stale_tap", 7)]
    assert len(house.api.sent("answerCallbackQuery")) == 2


async def test_a_malformed_update_is_kept_counted_and_not_in_the_way(house: House) -> None:
    before = dead_count()
    await house.handle(message(1, 7), broken(2), message(3, 7))
    assert house.log == [("said", 7), ("said", 7)]
    (dead,) = house.database.rows.dead
    assert (dead.update_id, dead.at) == (2, AT)
    assert '"message_id": "x"' in dead.raw
    assert dead_count() - before == 1


@pytest.mark.parametrize(
    "raw", [None, 3, "text", [], {}, {"update_id": "1"}, {"update_id": True}, {"update_id": 2**70}]
)
async def test_whatever_comes_is_kept(house: House, raw: object) -> None:
    await house.handle(raw)
    assert [d.update_id for d in house.database.rows.dead] in ([None], [])
    assert house.log == []


async def test_the_sender_of_a_malformed_message_is_told(house: House) -> None:
    await house.handle(broken(2, chat_id=7))
    (sorry,) = house.database.rows.outbox
    assert (sorry.chat_id, sorry.screen.name, sorry.lane) == (7, "oops", Lane.DIGEST)
    assert house.log == [("stale_tap", 7)]


@pytest.mark.parametrize(
    "raw",
    [
        {"update_id": 1, "my_chat_member": {"chat": chat(7)}},
        {"update_id": 1, "message": {"message_id": "x", "chat": chat(-7, "group")}},
        {"update_id": 1, "callback_query": {"id": 3, "message": {"chat": chat(-7, "group")}}},
    ],
)
async def test_whoever_waits_for_no_answer_gets_none(house: House, raw: object) -> None:
    await house.handle(raw)
    assert len(house.database.rows.dead) == 1
    assert house.database.rows.outbox == []
    assert house.api.calls == []


async def test_half_a_character_can_be_kept(house: House) -> None:
    await house.handle(broken(2) | {"half": "\ud83d"})
    (dead,) = house.database.rows.dead
    assert dead.raw.encode()


async def test_a_fault_of_the_moment_costs_no_answer(house: House) -> None:
    house.door.fails["said"] = len(AGAIN_AFTER)
    await house.handle(message(1, 7))
    assert house.log == [("said", 7)]
    assert house.database.rows.dead == []
    assert house.waits == list(AGAIN_AFTER)


async def test_a_handler_that_always_fails_leaves_a_dead_update_and_a_kind_answer(house: House) -> None:
    house.database.patients[7] = patient(7)
    house.door.fails["command"] = ALWAYS
    with capture_logs() as logs:
        await house.handle(message(1, 7, "/help"), message(2, 7))
    assert house.log == [("stale_tap", 7), ("said", 7)]
    (sorry,) = house.database.rows.outbox
    assert (sorry.language, sorry.screen.lines[0].key) == ("es", "oops.body")
    assert sorry.screen.lines[0].values["emergency"] == "112"
    (dead,) = house.database.rows.dead
    assert dead.error.startswith("KeyError at ")
    assert "what the patient said" not in dead.error + str(logs)
    assert "update_dead" in {line["action"] for line in logs}


async def test_the_kind_answer_comes_even_when_no_screen_can_be_shown(house: House) -> None:
    house.door.fails = {"command": ALWAYS, "stale_tap": ALWAYS}
    await house.handle(message(1, 7, "/help"))
    assert [row.screen.name for row in house.database.rows.outbox] == ["oops"]
    assert house.log == []


async def test_a_dead_update_that_comes_again_is_stored_and_answered_once(house: House) -> None:
    await house.handle(broken(2, chat_id=7), broken(2, chat_id=7))
    assert len(house.database.rows.dead) == 1
    assert len(house.database.rows.outbox) == 1


async def test_a_dead_tap_stops_its_spinner(house: House) -> None:
    house.door.fails["stale_tap"] = ALWAYS
    await house.handle(tap(1, 7, "forged"))
    assert house.api.sent("answerCallbackQuery") == [{"callback_query_id": "q1"}]


async def test_database_down_is_said_and_nothing_confirmed(house: House) -> None:
    house.database.down = True
    with capture_logs() as logs, pytest.raises(DatabaseDownError):
        await house.handle(tap(1, 7, "forged"))
    with pytest.raises(DatabaseDownError):
        await house.handle(broken(2))
    assert house.api.calls == []
    assert house.nudges == 0
    assert "secret" not in str(logs)


async def test_a_lost_commit_is_not_the_updates_fault(house: House) -> None:
    house.database.lose_commit = 1
    with pytest.raises(DatabaseDownError):
        await house.handle(message(1, 7))
    assert house.database.rows.dead == []
    await house.handle(message(1, 7))
    assert house.log == [("said", 7)]


@pytest.mark.parametrize("error", [StoreDownError, StaleRecordError])
async def test_a_database_that_fails_in_the_middle_of_the_work_is_not_its_fault(
    house: House, error: type[Exception]
) -> None:
    def fails(*_: object) -> None:
        raise error

    house.door.said, said = fails, house.door.said  # type: ignore[method-assign]
    with capture_logs() as logs, pytest.raises(DatabaseDownError):
        await house.handle(message(1, 7))
    assert house.database.rows.dead == []
    assert house.waits == []
    assert [(line["action"], line["error"]) for line in logs] == [("update_not_committed", error.__name__)]
    house.door.said = said  # type: ignore[method-assign]
    await house.handle(message(1, 7))
    assert house.log == [("said", 7)]


async def test_keep_trying_waits_for_the_database_and_keeps_the_chats_order(house: House) -> None:
    house.database.down = True
    first = asyncio.create_task(house.dispatcher.handle(message(1, 7, "/help"), keep_trying=True))
    second = asyncio.create_task(house.dispatcher.handle(message(2, 7), keep_trying=True))
    await until(lambda: len(house.waits) >= 8)
    assert house.waits[0] == FIRST_WAIT
    assert max(house.waits) == LONGEST_WAIT
    assert house.database.tries <= len(house.waits) + 1  # the second update has not been tried
    house.database.down = False
    await asyncio.gather(first, second)
    assert house.log == [("command", 7, "help"), ("said", 7)]


async def test_a_slow_chat_does_not_hold_others(house: House) -> None:
    gate = house.hold(1)
    slow_one = asyncio.create_task(house.dispatcher.handle(message(1, 7, "/help")))
    after_it = asyncio.create_task(house.dispatcher.handle(message(2, 7)))
    await house.dispatcher.handle(message(3, 8))
    assert house.log == [("said", 8)]
    gate.set()
    await asyncio.gather(slow_one, after_it)
    assert house.log == [("said", 8), ("command", 7, "help"), ("said", 7)]


async def test_chats_at_rest_cost_no_memory(house: House) -> None:
    await asyncio.gather(*(house.dispatcher.handle(message(n, n % 5 + 1)) for n in range(50)))
    assert len(house.dispatcher._order) == 0


async def test_a_refused_spinner_answer_is_counted_not_raised(house: House) -> None:
    house.api.fail("answerCallbackQuery", 400, "query is too old")
    with capture_logs() as logs:
        await house.handle(tap(1, 7, "forged"))
    assert house.log == [("stale_tap", 7)]
    assert [line["error"] for line in logs if line["action"] == "call_failed"] == ["BadRequest"]
