"""How many taps and calls of the Bot API things take, counted by the sandbox: quiet check-ins, and the way to a call screen."""

from starlette.applications import Starlette

from bot.chat.webhook import webhook_route
from bot.ops.web import WebServer
from bot.service import WebhookConfig
from tests.polling import until
from tests.stories.world import World, plain

QUIET = ("No, nothing new", "None of these 8", "None of these 7", "None")


def calls_about(world: World, person, message_id: int) -> list[str]:
    """Return the methods that the bot called for a check-in, from its question on: sent, edited there, or answered."""
    calls = [call for call in world.sandbox.journal.calls() if call.error is None]
    first = next(n for n, call in enumerate(calls) if (call.result or {}) and _sent(call.result) == message_id)
    return [
        call.method
        for call in calls[first:]
        if "callback_query_id" in call.params
        or call.params.get("message_id") == str(message_id)
        or (call.method.startswith("send") and call.params["chat_id"] == str(person.id))
    ]


def _sent(result: object) -> int | None:
    return result.get("message_id") if isinstance(result, dict) else None


async def due(world: World):
    """Enrol Anna, and return her and the number of the message when her quick check falls due."""
    anna = await world.enrolled("P-0001", name="Anna")
    await world.until_due(anna)
    message = world.hear(anna, "Since your last check-in, is anything new or worse?")
    return anna, message["message_id"]


async def test_quiet_quick_check_takes_4_taps_and_9_calls_by_polling(world: World) -> None:
    anna, number = await due(world)
    for label in QUIET:
        await world.tap(anna, label)
    world.hear(anna, "Nothing here needs a call today")
    calls = calls_about(world, anna, number)
    assert sorted(calls) == ["answerCallbackQuery"] * 4 + ["editMessageText"] * 4 + ["sendMessage"]
    assert len(calls) <= 9


async def test_quiet_quick_check_takes_5_calls_by_webhook(world: World) -> None:
    """The button's answer goes in the response to the webhook."""
    anna, number = await due(world)
    service, secret = world.service, "only-telegram-knows-this"
    web = WebServer(Starlette(routes=[webhook_route("/telegram/hidden", secret, service.dispatcher)]))
    url = await web.start("127.0.0.1", 0)
    service.webhook = WebhookConfig(f"{url}/telegram/hidden", secret)
    await service.start()
    try:
        await until(lambda: world.sandbox.webhook is not None)
        for label in QUIET:
            text = plain(world.last(anna))
            tap = world.sandbox.tap(anna, number, label=label)
            await until(lambda text=text: plain(world.last(anna)) != text)
            await until(lambda tap=tap: tap.answer is not None)
        world.hear(anna, "Nothing here needs a call today")
    finally:
        await service.stop()
        await web.stop()
        await service.bots.sending.request.initialize()
    calls = calls_about(world, anna, number)
    assert sorted(calls) == ["editMessageText"] * 4 + ["sendMessage"]
    assert len(calls) <= 5


async def test_emergency_is_two_taps_from_its_call_screen(world: World) -> None:
    anna, number = await due(world)
    for label in ("No, nothing new", "Yes, one or more"):
        await world.tap(anna, label)
    assert plain(world.last(anna)).startswith("Call 112 now.")
    calls = calls_about(world, anna, number)
    call_screen = len(calls) - calls[::-1].index("sendMessage")
    assert call_screen <= 7, "the question, two answers, an edit, the card, and the call screen before all that follows"
    world.hear_all(anna)
