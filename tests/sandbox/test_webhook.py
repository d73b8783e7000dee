"""The webhook: posts with the secret, retries, and excludes polling."""

import asyncio
from itertools import count

import aiohttp
import pytest
from aiohttp import web

from bot.sandbox import delivering
from tests.polling import until

KEYS = {"inline_keyboard": [[{"text": "Yes", "callback_data": "y"}]]}


@pytest.fixture
async def receiver():
    """A web server that records the posts and answers with the configured status codes."""

    async def take(request):
        hook.taken.append((request.headers.get("X-Telegram-Bot-Api-Secret-Token"), await request.json()))
        hook.came.set()
        status = hook.statuses.pop(0) if hook.statuses else 200
        return web.json_response(hook.calls.pop(0), status=status) if hook.calls else web.Response(status=status)

    class Receiver:
        def __init__(self):
            self.taken, self.statuses, self.came, self.url = [], [], asyncio.Event(), ""
            self.calls = []

        async def wait(self, count):
            async with asyncio.timeout(5):
                while len(self.taken) < count:
                    self.came.clear()
                    await self.came.wait()

    hook = Receiver()
    app = web.Application()
    app.router.add_post("/hook", take)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    hook.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    yield hook
    await runner.cleanup()


async def wait_until_empty(box):
    await until(lambda: not len(box.updates))


async def test_updates_are_posted_with_the_secret(client, box, maria, receiver):
    box.say(maria, "before")
    await client.result("setWebhook", url=receiver.url, secret_token="s3cret")
    box.say(maria, "after")
    await receiver.wait(2)
    assert {secret for secret, _ in receiver.taken} == {"s3cret"}
    assert {update["message"]["text"] for _, update in receiver.taken} == {"before", "after"}
    await wait_until_empty(box)


async def test_method_that_the_response_names_is_executed(client, box, maria, receiver):
    sent = await client.result("sendMessage", chat_id=maria.id, text="x", reply_markup=KEYS)
    await client.result("setWebhook", url=receiver.url)
    tap = box.tap(maria, sent["message_id"], label="Yes")
    receiver.calls = [{"method": "answercallbackquery", "callback_query_id": tap.id, "text": "Noted"}]
    await until(lambda: tap.answer is not None)
    assert tap.answer == {"text": "Noted", "show_alert": False}
    assert not box.journal.calls("answerCallbackQuery"), "it is no request"
    await wait_until_empty(box)


@pytest.mark.parametrize("call", [{"method": "nonsense"}, {"method": "sendMessage", "chat_id": 1}, ["x"], {}])
async def test_response_without_a_valid_method_confirms_the_update(client, box, maria, receiver, call):
    receiver.calls = [call]
    await client.result("setWebhook", url=receiver.url)
    box.say(maria, "hello")
    await wait_until_empty(box)
    assert len(receiver.taken) == 1


async def test_failed_posts_are_retried(client, box, maria, receiver):
    receiver.statuses = [500, 403]
    await client.result("setWebhook", url=receiver.url)
    box.say(maria, "hello")
    await receiver.wait(3)
    assert len({update["update_id"] for _, update in receiver.taken}) == 1
    await wait_until_empty(box)
    info = await client.result("getWebhookInfo")
    assert info["last_error_message"].startswith("Wrong response from the webhook: 403")


async def test_polling_and_webhook_exclude_each_other(client, server, box, receiver):
    poll = asyncio.create_task(client.call("getUpdates", timeout=30))
    await until(lambda: server._delivering._poll is not None)
    await client.result("setWebhook", url=receiver.url)
    assert (await poll)["description"] == "Conflict: terminated by setWebhook request"
    said = (
        "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first"
    )
    assert await client.refused("getUpdates") == (409, said)
    await client.result("deleteWebhook")
    assert await client.result("getUpdates") == []


async def test_outage_delays_posts(client, box, maria, receiver, monkeypatch):
    monkeypatch.setattr(delivering, "OUTAGE_LOOK_SECONDS", 0.01)
    await client.result("setWebhook", url=receiver.url)
    fault, outage, looks = box.faults.add("outage"), box.faults.outage, []

    def looked(*method):
        looks.append(method)
        return outage(*method)

    box.faults.outage = looked
    box.say(maria, "hello")
    await until(lambda: len(looks) >= 3)
    assert receiver.taken == []
    box.faults.clear(fault.id)
    await receiver.wait(1)


async def test_dropped_connections_hold_up_only_what_they_drop(client, box, maria, receiver):
    """An outage with a percentage drops so many posts; the others arrive, and in the end all of them."""
    await client.result("setWebhook", url=receiver.url)
    box.faults.add("outage", percent=50)
    for _ in range(12):
        box.say(maria, "hello")
    await wait_until_empty(box)
    assert len({update["update_id"] for _, update in receiver.taken}) == 12
    assert (await client.result("getWebhookInfo"))["last_error_message"] == "Connection lost"


async def test_pending_updates_can_be_dropped(client, box, maria, receiver):
    box.say(maria, "hello")
    await client.result("setWebhook", url=receiver.url, drop_pending_updates=True)
    assert (await client.result("getWebhookInfo"))["pending_update_count"] == 0


@pytest.mark.parametrize(
    "url", ["https://example.org/hook", "http://192.168.0.1/hook", "ftp://127.0.0.1/", "http://127.0.0.1.example.org/"]
)
async def test_webhook_to_another_machine_is_refused(client, url):
    code, said = await client.refused("setWebhook", url=url)
    assert (code, said.startswith("Bad Request: bad webhook")) == (400, True)


async def test_invalid_secret_is_refused(client, receiver):
    refused = await client.refused("setWebhook", url=receiver.url, secret_token="not good!")
    assert refused == (400, "Bad Request: secret token contains unallowed characters")


async def test_duplicate_fault_posts_updates_twice(client, box, maria, receiver):
    box.faults.add("duplicate", count=1)
    await client.result("setWebhook", url=receiver.url)
    box.say(maria, "hello")
    await receiver.wait(2)
    assert len({update["update_id"] for _, update in receiver.taken}) == 1
    await wait_until_empty(box)
    box.say(maria, "again")
    await receiver.wait(3)
    await wait_until_empty(box)
    assert len(receiver.taken) == 3


async def test_reorder_fault_changes_the_order(client, box, maria, receiver):
    box.faults.add("reorder", seconds=0.3)
    await client.result("setWebhook", url=receiver.url)
    for number in range(12):
        box.say(maria, str(number))
    await receiver.wait(12)
    came = [update["message"]["text"] for _, update in receiver.taken]
    assert sorted(came, key=int) == [str(number) for number in range(12)], "each once"
    assert came != sorted(came, key=int), "and not in order"


@pytest.mark.parametrize(
    "error",
    [OSError("too many open files"), TimeoutError(), ValueError("bad answer"), asyncio.CancelledError(), KeyError()],
)
async def test_an_error_of_one_post_does_not_stop_delivery(client, box, maria, receiver, monkeypatch, error):
    post, failing = aiohttp.ClientSession.post, [error]

    class Failing:
        async def __aenter__(self):
            raise error

        async def __aexit__(self, *_):
            return None

    def fail_once(session, url, **given):
        return Failing() if url == receiver.url and failing and failing.pop() else post(session, url, **given)

    monkeypatch.setattr(aiohttp.ClientSession, "post", fail_once)
    await client.result("setWebhook", url=receiver.url)
    box.say(maria, "fails at first")
    await receiver.wait(1)
    box.say(maria, "comes as well")
    await receiver.wait(2)
    await wait_until_empty(box)
    assert [update["message"]["text"] for _, update in receiver.taken] == ["fails at first", "comes as well"]
    assert (await client.result("getWebhookInfo"))["last_error_message"] == "Connection lost"


@pytest.mark.parametrize("said", [b"", b"HTTP/1.1 200 OK\r\nContent-", b"HTTP/1.1 2OO fine\r\n\r\n", b"\x00" * 40])
async def test_a_server_that_breaks_off_its_answer_gets_it_again(client, box, maria, said):
    answers = iter([said])

    async def serve(reader, writer):
        await reader.readuntil(b"hello")
        writer.write(next(answers, b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"))
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as web_server:
        await client.result("setWebhook", url=f"http://127.0.0.1:{web_server.sockets[0].getsockname()[1]}/hook")
        box.say(maria, "hello")
        await wait_until_empty(box)
    assert next(answers, None) is None


async def test_a_post_that_is_never_answered_is_released(client, box, maria, receiver, monkeypatch):
    monkeypatch.setattr(delivering, "ANSWER_SECONDS", 0.05)
    silent = iter([True])

    async def serve(reader, writer):
        await reader.readuntil(b"hello")
        if not next(silent, False):
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        await reader.read()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as web_server:
        await client.result("setWebhook", url=f"http://127.0.0.1:{web_server.sockets[0].getsockname()[1]}/hook")
        box.say(maria, "hello")
        await wait_until_empty(box)
    assert next(silent, None) is None


async def test_an_outage_that_ends_between_two_looks_is_noticed(client, box, maria, receiver, monkeypatch):
    """Whatever instant it ends at, what waited is delivered without another update to wake the delivery up."""
    monkeypatch.setattr(delivering, "OUTAGE_LOOK_SECONDS", 0.01)
    await client.result("setWebhook", url=receiver.url)
    for looks in range(1, 6):
        calls = count()
        box.faults.monotonic = lambda: 0.0
        box.faults.add("outage", seconds=5)
        box.faults.monotonic = lambda looks=looks, calls=calls: 0.0 if next(calls) < looks else 10.0
        box.say(maria, "hello")
        await receiver.wait(looks)
        await wait_until_empty(box)
