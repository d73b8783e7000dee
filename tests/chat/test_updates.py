"""One update, one transaction: idempotent, in order within a chat, never lost, never blocking others."""

import asyncio

import pytest
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from bot.app.ports.errors import StaleRecordError, StoreDownError
from bot.app.records.messages import Lane
from bot.chat.updates import FIRST_RETRY_SECONDS, HANDLER_RETRY_SECONDS, MAX_RETRY_SECONDS, DatabaseDownError
from bot.dialog.replies import TapResult

from .stand_ins import AT, NOTED, House, broken, chat, message, patient, tap, until

ALWAYS = 10**6


def dead_count() -> float:
    return REGISTRY.get_sample_value("nervecheck_dead_updates_total") or 0.0


async def test_handle_after_commit_answers_the_tap_and_nudges(house: House) -> None:
    house.conversation.outcome = TapResult(toast=NOTED, language="en", urgent=True)
    await house.handle(tap(1, 7, "forged"))
    assert house.api.sent("answerCallbackQuery") == [
        {"callback_query_id": "q1", "text": "Noted & kept.", "show_alert": True}
    ]
    assert house.nudges == 1


async def test_handle_repeated_update_only_answers_the_tap(house: House) -> None:
    await house.handle(tap(1, 7, "forged"), tap(1, 7, "forged"))
    assert house.log == [("stale_tap", 7)]
    assert len(house.api.sent("answerCallbackQuery")) == 2


async def test_handle_malformed_update_is_stored_counted_not_blocking(house: House) -> None:
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
async def test_handle_any_json_is_stored(house: House, raw: object) -> None:
    await house.handle(raw)
    assert [d.update_id for d in house.database.rows.dead] in ([None], [])
    assert house.log == []


async def test_handle_malformed_message_is_answered(house: House) -> None:
    await house.handle(broken(2, chat_id=7))
    (apology,) = house.database.rows.outbox
    assert (apology.chat_id, apology.screen.name, apology.lane) == (7, "oops", Lane.DIGEST)
    assert house.log == [("stale_tap", 7)]


@pytest.mark.parametrize(
    "raw",
    [
        {"update_id": 1, "my_chat_member": {"chat": chat(7)}},
        {"update_id": 1, "message": {"message_id": "x", "chat": chat(-7, "group")}},
        {"update_id": 1, "callback_query": {"id": 3, "message": {"chat": chat(-7, "group")}}},
    ],
)
async def test_handle_dead_update_without_person_gets_no_answer(house: House, raw: object) -> None:
    await house.handle(raw)
    assert len(house.database.rows.dead) == 1
    assert house.database.rows.outbox == []
    assert house.api.calls == []


async def test_handle_lone_surrogate_can_be_stored(house: House) -> None:
    await house.handle(broken(2) | {"half": "\ud83d"})
    (dead,) = house.database.rows.dead
    assert dead.raw.encode()


async def test_handle_transient_error_is_retried(house: House) -> None:
    house.conversation.fails["said"] = len(HANDLER_RETRY_SECONDS)
    await house.handle(message(1, 7))
    assert house.log == [("said", 7)]
    assert house.database.rows.dead == []
    assert house.waits == list(HANDLER_RETRY_SECONDS)


async def test_handle_permanent_error_is_stored_and_apologized_for(house: House) -> None:
    house.database.patients[7] = patient(7)
    house.conversation.fails["command"] = ALWAYS
    with capture_logs() as logs:
        await house.handle(message(1, 7, "/help"), message(2, 7))
    assert house.log == [("stale_tap", 7), ("said", 7)]
    (apology,) = house.database.rows.outbox
    assert (apology.language, apology.screen.lines[0].key) == ("es", "oops.body")
    assert apology.screen.lines[0].values["emergency"] == "112"
    (dead,) = house.database.rows.dead
    assert dead.error.startswith("KeyError at ")
    assert "what the patient said" not in dead.error + str(logs)
    assert "update_dead" in {line["action"] for line in logs}


async def test_apology_is_sent_even_if_no_screen_can_be_shown(house: House) -> None:
    house.conversation.fails = {"command": ALWAYS, "stale_tap": ALWAYS}
    await house.handle(message(1, 7, "/help"))
    assert [row.screen.name for row in house.database.rows.outbox] == ["oops"]
    assert house.log == []


async def test_dead_update_repeated_is_stored_and_answered_once(house: House) -> None:
    await house.handle(broken(2, chat_id=7), broken(2, chat_id=7))
    assert len(house.database.rows.dead) == 1
    assert len(house.database.rows.outbox) == 1


async def test_dead_tap_is_answered(house: House) -> None:
    house.conversation.fails["stale_tap"] = ALWAYS
    await house.handle(tap(1, 7, "forged"))
    assert house.api.sent("answerCallbackQuery") == [{"callback_query_id": "q1"}]


async def test_handle_database_down_raises_and_confirms_nothing(house: House) -> None:
    house.database.down = True
    with capture_logs() as logs, pytest.raises(DatabaseDownError):
        await house.handle(tap(1, 7, "forged"))
    with pytest.raises(DatabaseDownError):
        await house.handle(broken(2))
    assert house.api.calls == []
    assert house.nudges == 0
    assert "secret" not in str(logs)


async def test_handle_failed_commit_raises_database_down(house: House) -> None:
    house.database.lose_commit = 1
    with pytest.raises(DatabaseDownError):
        await house.handle(message(1, 7))
    assert house.database.rows.dead == []
    await house.handle(message(1, 7))
    assert house.log == [("said", 7)]


@pytest.mark.parametrize("error", [StoreDownError, StaleRecordError])
async def test_handle_database_error_in_work_raises_database_down(house: House, error: type[Exception]) -> None:
    def fails(*_: object) -> None:
        raise error

    house.conversation.message, said = fails, house.conversation.message  # type: ignore[method-assign]
    with capture_logs() as logs, pytest.raises(DatabaseDownError):
        await house.handle(message(1, 7))
    assert house.database.rows.dead == []
    assert house.waits == []
    assert [(line["action"], line["error"]) for line in logs] == [("update_not_committed", error.__name__)]
    house.conversation.message = said  # type: ignore[method-assign]
    await house.handle(message(1, 7))
    assert house.log == [("said", 7)]


async def test_handle_retries_until_committed_in_the_chats_order(house: House) -> None:
    house.database.down = True
    first = asyncio.create_task(house.dispatcher.handle(message(1, 7, "/help"), retry_until_committed=True))
    second = asyncio.create_task(house.dispatcher.handle(message(2, 7), retry_until_committed=True))
    await until(lambda: len(house.waits) >= 8)
    assert house.waits[0] == FIRST_RETRY_SECONDS
    assert max(house.waits) == MAX_RETRY_SECONDS
    assert house.database.tries <= len(house.waits) + 1  # the second update has not been attempted
    house.database.down = False
    await asyncio.gather(first, second)
    assert house.log == [("command", 7, "help"), ("said", 7)]


async def test_handle_slow_chat_does_not_block_others(house: House) -> None:
    gate = house.hold(1)
    slow_one = asyncio.create_task(house.dispatcher.handle(message(1, 7, "/help")))
    after_it = asyncio.create_task(house.dispatcher.handle(message(2, 7)))
    await house.dispatcher.handle(message(3, 8))
    assert house.log == [("said", 8)]
    gate.set()
    await asyncio.gather(slow_one, after_it)
    assert house.log == [("said", 8), ("command", 7, "help"), ("said", 7)]


async def test_chat_order_idle_chats_use_no_memory(house: House) -> None:
    await asyncio.gather(*(house.dispatcher.handle(message(n, n % 5 + 1)) for n in range(50)))
    assert len(house.dispatcher._order) == 0


async def test_answer_to_a_tap_refused_is_counted_not_raised(house: House) -> None:
    house.api.fail("answerCallbackQuery", 400, "query is too old")
    with capture_logs() as logs:
        await house.handle(tap(1, 7, "forged"))
    assert house.log == [("stale_tap", 7)]
    assert [line["error"] for line in logs if line["action"] == "call_failed"] == ["BadRequest"]
