"""The webhook: only with the secret, only small, 200 only after the commit."""

import asyncio
import json
from collections.abc import AsyncIterator

import httpx
import pytest
from starlette.applications import Starlette

from bot.chat.webhook import MAX_BODY, SECRET_HEADER, UpdateIntake, remove_webhook, setup_webhook, webhook_route
from bot.dialog.replies import TapResult

from .stand_ins import NOTED, House, broken, message, tap, until

SECRET = "s3cret-Word"
GOOD = {SECRET_HEADER: SECRET}


@pytest.fixture
def intake(house: House) -> UpdateIntake:
    return UpdateIntake(house.dispatcher)


@pytest.fixture
async def client(intake: UpdateIntake) -> AsyncIterator[httpx.AsyncClient]:
    app = Starlette(routes=[webhook_route("/telegram/hook", SECRET, intake)])
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://bot") as made:
        yield made


async def test_webhook_answers_200_once_committed(house: House, client: httpx.AsyncClient) -> None:
    answer = await client.post("/telegram/hook", json=message(1, 7), headers=GOOD)
    assert answer.status_code == 200
    assert house.log == [("said", 7)]


async def test_webhook_update_sent_twice_is_processed_once(house: House, client: httpx.AsyncClient) -> None:
    for _ in range(2):
        assert (await client.post("/telegram/hook", json=message(1, 7), headers=GOOD)).status_code == 200
    assert house.log == [("said", 7)]


@pytest.mark.parametrize("headers", [{}, {SECRET_HEADER: "s3cret-word"}, {SECRET_HEADER: ""}, {SECRET_HEADER: "\xe9"}])
async def test_webhook_without_secret_does_nothing(
    house: House, client: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    encoded = {name: value.encode("latin-1") for name, value in headers.items()}
    answer = await client.post("/telegram/hook", json=message(1, 7), headers=encoded)
    assert answer.status_code == 403
    assert house.database.tries == 0


async def test_webhook_accepts_only_post(client: httpx.AsyncClient) -> None:
    assert (await client.get("/telegram/hook", headers=GOOD)).status_code == 405


@pytest.mark.parametrize(("size", "status"), [(MAX_BODY, 200), (MAX_BODY + 1, 413)])
async def test_webhook_body_too_large_is_refused(
    house: House, client: httpx.AsyncClient, size: int, status: int
) -> None:
    body = json.dumps(message(1, 7)).encode()
    answer = await client.post("/telegram/hook", content=body + b" " * (size - len(body)), headers=GOOD)
    assert answer.status_code == status
    assert len(house.log) == (status == 200)


async def test_webhook_database_down_answers_503_until_retried(house: House, client: httpx.AsyncClient) -> None:
    house.database.down = True
    assert (await client.post("/telegram/hook", json=message(1, 7), headers=GOOD)).status_code == 503
    assert (await client.post("/telegram/hook", content=b"{", headers=GOOD)).status_code == 503
    house.database.down = False
    assert (await client.post("/telegram/hook", json=message(1, 7), headers=GOOD)).status_code == 200
    assert house.log == [("said", 7)]


async def test_webhook_while_stopping_answers_503_until_retried(
    house: House, intake, client: httpx.AsyncClient
) -> None:
    await intake.close(0)
    assert (await client.post("/telegram/hook", json=message(1, 7), headers=GOOD)).status_code == 503
    assert (await client.post("/telegram/hook", content=b"{", headers=GOOD)).status_code == 503
    assert house.database.tries == 0


async def test_intake_close_waits_for_updates_in_progress_but_bounded(
    house: House, intake: UpdateIntake, client: httpx.AsyncClient
) -> None:
    gate, _never = house.hold(1), house.hold(2)
    posts = [asyncio.create_task(client.post("/telegram/hook", json=message(n, n), headers=GOOD)) for n in (1, 2)]
    await until(lambda: len(intake._in_progress) == 2)
    closing = asyncio.create_task(intake.close(0.2))
    await asyncio.sleep(0)
    gate.set()
    assert [(await post).status_code for post in posts] == [200, 503]
    await closing
    assert house.log == [("said", 1)]


async def test_response_answers_the_tapped_button(house: House, client: httpx.AsyncClient) -> None:
    house.conversation.outcome = TapResult(toast=NOTED, language="en", urgent=True)
    answer = await client.post("/telegram/hook", json=tap(1, 7, "forged"), headers=GOOD)
    assert answer.status_code == 200
    assert answer.json() == {
        "method": "answerCallbackQuery",
        "callback_query_id": "q1",
        "text": "Noted & kept.",
        "show_alert": True,
    }
    assert house.api.sent("answerCallbackQuery") == [], "no call of its own"
    again = await client.post("/telegram/hook", json=tap(1, 7, "forged"), headers=GOOD)
    assert again.json() == {"method": "answerCallbackQuery", "callback_query_id": "q1"}, "done already: no toast"
    assert (await client.post("/telegram/hook", json=message(2, 7), headers=GOOD)).text == "ok"


async def test_tap_that_was_not_committed_is_not_answered(house: House, client: httpx.AsyncClient) -> None:
    house.database.down = True
    answer = await client.post("/telegram/hook", json=tap(1, 7, "forged"), headers=GOOD)
    assert (answer.status_code, answer.text) == (503, "try again")


async def test_taps_at_the_same_time_get_their_own_answers(
    house: House, intake: UpdateIntake, client: httpx.AsyncClient
) -> None:
    gates = [house.hold(1), house.hold(2)]
    taps = [tap(1, 7, "forged"), tap(2, 8, "forged")]
    posts = [asyncio.create_task(client.post("/telegram/hook", json=one, headers=GOOD)) for one in taps]
    await until(lambda: len(intake._in_progress) == 2)
    for gate in reversed(gates):
        gate.set()
    found = [(await post).json()["callback_query_id"] for post in posts]
    assert found == [one["callback_query"]["id"] for one in taps]
    assert len(set(found)) == 2


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe", b"[" * 100_000])
async def test_webhook_invalid_json_is_stored_and_confirmed(
    house: House, client: httpx.AsyncClient, body: bytes
) -> None:
    assert (await client.post("/telegram/hook", content=body, headers=GOOD)).status_code == 200
    (dead,) = house.database.rows.dead
    assert dead.update_id is None
    assert dead.raw == body.decode("utf-8", "replace")


async def test_webhook_malformed_update_is_stored_and_confirmed(house: House, client: httpx.AsyncClient) -> None:
    assert (await client.post("/telegram/hook", json=broken(4), headers=GOOD)).status_code == 200
    assert [dead.update_id for dead in house.database.rows.dead] == [4]


async def test_setup_and_remove_webhook_keep_pending_updates(house: House) -> None:
    await setup_webhook(house.bot, "https://bot.example/telegram/hook", SECRET)
    await remove_webhook(house.bot)
    (asked,) = house.api.sent("setWebhook")
    assert asked["secret_token"] == SECRET
    assert asked["drop_pending_updates"] is False
    assert list(asked["allowed_updates"]) == ["message", "edited_message", "callback_query", "my_chat_member"]
    assert house.api.sent("deleteWebhook") == [{"drop_pending_updates": False}]
