"""The webhook: posts with the secret, tries again, and doesn't mix with polling."""

import asyncio

import pytest
from aiohttp import web


@pytest.fixture
async def receiver():
    """A little web server that notes what is posted and answers with the statuses it is given."""

    async def take(request):
        hook.taken.append((request.headers.get("X-Telegram-Bot-Api-Secret-Token"), await request.json()))
        hook.came.set()
        return web.Response(status=hook.statuses.pop(0) if hook.statuses else 200)

    class Receiver:
        def __init__(self):
            self.taken, self.statuses, self.came, self.url = [], [], asyncio.Event(), ""

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


async def emptied(box):
    async with asyncio.timeout(5):
        while len(box.updates):  # noqa: ASYNC110 - confirming is no event
            await asyncio.sleep(0.01)


async def test_updates_are_posted_with_the_secret(client, box, maria, receiver):
    box.say(maria, "before")
    await client.result("setWebhook", url=receiver.url, secret_token="s3cret")
    box.say(maria, "after")
    await receiver.wait(2)
    assert {secret for secret, _ in receiver.taken} == {"s3cret"}
    assert {update["message"]["text"] for _, update in receiver.taken} == {"before", "after"}
    await emptied(box)


async def test_what_is_not_taken_is_posted_again(client, box, maria, receiver):
    receiver.statuses = [500, 403]
    await client.result("setWebhook", url=receiver.url)
    box.say(maria, "hello")
    await receiver.wait(3)
    assert len({update["update_id"] for _, update in receiver.taken}) == 1
    await emptied(box)
    info = await client.result("getWebhookInfo")
    assert info["last_error_message"].startswith("Wrong response from the webhook: 403")


async def test_polling_and_webhook_exclude_each_other(client, box, receiver):
    poll = asyncio.create_task(client.call("getUpdates", timeout=30))
    await asyncio.sleep(0.1)
    await client.result("setWebhook", url=receiver.url)
    assert (await poll)["description"] == "Conflict: terminated by setWebhook request"
    said = (
        "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first"
    )
    assert await client.refused("getUpdates") == (409, said)
    await client.result("deleteWebhook")
    assert await client.result("getUpdates") == []


async def test_an_outage_holds_posts_back(client, box, maria, receiver):
    await client.result("setWebhook", url=receiver.url)
    fault = box.faults.add("outage")
    box.say(maria, "hello")
    await asyncio.sleep(0.3)
    assert receiver.taken == []
    box.faults.clear(fault.id)
    await receiver.wait(1)


async def test_pending_updates_can_be_dropped(client, box, maria, receiver):
    box.say(maria, "hello")
    await client.result("setWebhook", url=receiver.url, drop_pending_updates=True)
    assert (await client.result("getWebhookInfo"))["pending_update_count"] == 0


@pytest.mark.parametrize(
    "url", ["https://example.org/hook", "http://192.168.0.1/hook", "ftp://127.0.0.1/", "http://127.0.0.1.example.org/"]
)
async def test_the_sandbox_posts_to_this_machine_only(client, url):
    code, said = await client.refused("setWebhook", url=url)
    assert (code, said.startswith("Bad Request: bad webhook")) == (400, True)


async def test_secrets_are_checked(client, receiver):
    refused = await client.refused("setWebhook", url=receiver.url, secret_token="not good!")
    assert refused == (400, "Bad Request: secret token contains unallowed characters")


async def test_an_update_can_be_brought_twice(client, box, maria, receiver):
    box.faults.add("duplicate", count=1)
    await client.result("setWebhook", url=receiver.url)
    box.say(maria, "hello")
    await receiver.wait(2)
    assert len({update["update_id"] for _, update in receiver.taken}) == 1
    await emptied(box)
    box.say(maria, "again")
    await receiver.wait(3)
    await emptied(box)
    assert len(receiver.taken) == 3


async def test_updates_can_come_out_of_order(client, box, maria, receiver):
    box.faults.add("reorder", seconds=0.3)
    await client.result("setWebhook", url=receiver.url)
    for number in range(12):
        box.say(maria, str(number))
    await receiver.wait(12)
    came = [update["message"]["text"] for _, update in receiver.taken]
    assert sorted(came, key=int) == [str(number) for number in range(12)], "each once"
    assert came != sorted(came, key=int), "and not in order"
