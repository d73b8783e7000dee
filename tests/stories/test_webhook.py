"""The same conversation where Telegram brings the updates: each is answered 200 only once it is committed."""

import asyncio

from starlette.applications import Starlette

from bot.chat.webhook import SECRET_HEADER, webhook_route
from bot.ops.web import WebServer
from bot.service import WebhookAt
from tests.stories.world import World, plain

SECRET = "only-telegram-knows-this"


async def test_enrolment_begins_by_webhook(world: World) -> None:
    service = world.service
    web = WebServer(Starlette(routes=[webhook_route("/telegram/hidden", SECRET, service.dispatcher)]))
    url = await web.start("127.0.0.1", 0)
    service.webhook = WebhookAt(f"{url}/telegram/hidden", SECRET)
    await service.start()
    try:
        async with asyncio.timeout(10):
            while world.sandbox.webhook is None:  # noqa: ASYNC110 - set by a request, of which nobody tells
                await asyncio.sleep(0.01)
        anna = await world.add("P-0001", name="Anna")
        world.sandbox.open_invite(anna)
        message = await world.sandbox.next_message(anna)
        assert "Your care team asked me" in plain(message)
        world.sandbox.tap(anna, message["message_id"], label="Continue")
        await world.sandbox.wait_until(lambda: "1 of 3" in plain(world.last(anna)))
        world.hear_all(anna)
        assert SECRET_HEADER == "X-Telegram-Bot-Api-Secret-Token"
    finally:
        await service.stop()
        await web.stop()
        await service.bots.sending.request.initialize()
