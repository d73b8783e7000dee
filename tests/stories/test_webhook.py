"""The same conversation by webhook: each update is answered 200 only once it is committed."""

from starlette.applications import Starlette

from bot.chat.webhook import SECRET_HEADER, webhook_route
from bot.ops.web import WebServer
from bot.service import WebhookConfig
from tests.polling import until
from tests.stories.world import World, plain

SECRET = "only-telegram-knows-this"


async def test_enrolment_starts_by_webhook(world: World) -> None:
    service = world.service
    web = WebServer(Starlette(routes=[webhook_route("/telegram/hidden", SECRET, service.dispatcher)]))
    url = await web.start("127.0.0.1", 0)
    service.webhook = WebhookConfig(f"{url}/telegram/hidden", SECRET)
    await service.start()
    try:
        await until(lambda: world.sandbox.webhook is not None)
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
