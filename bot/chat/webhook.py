"""Takes updates that Telegram brings by HTTP, and says 200 once they are committed. Decides nothing.

Anything but 200 makes Telegram bring the update again.
"""

import hmac
import json

import structlog
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from telegram import Bot

from bot.chat.metrics import WEBHOOK_REFUSALS
from bot.chat.poll import ALLOWED_UPDATES
from bot.chat.updates import DatabaseDownError, Dispatcher

log = structlog.get_logger(__name__)

SECRET_HEADER = "X-Telegram-Bot-Api-Secret-Token"  # noqa: S105 - the header's name
MAX_BODY = 1024 * 1024
"""Bytes. Updates have a few kilobytes."""
CONNECTIONS = 40
"""How many updates Telegram may bring at the same time (its own default)."""


class BodyTooLargeError(ValueError):
    """The body of a request is larger than any update."""


def webhook_route(path: str, secret: str, dispatcher: Dispatcher) -> Route:
    """Return the route: 200 committed, 403 not from Telegram, 413 too large, 503 the database failed."""
    expected = secret.encode()

    async def receive(request: Request) -> Response:
        given = request.headers.get(SECRET_HEADER, "").encode("utf-8", "replace")
        if not hmac.compare_digest(given, expected):
            WEBHOOK_REFUSALS.labels("secret").inc()
            log.warning("a request without the webhook's secret", action="webhook_refused")
            return PlainTextResponse("forbidden", 403)
        try:
            await _take(await _body(request), dispatcher)
        except BodyTooLargeError:
            WEBHOOK_REFUSALS.labels("too_large").inc()
            return PlainTextResponse("too large", 413)
        except DatabaseDownError:
            WEBHOOK_REFUSALS.labels("database").inc()
            return PlainTextResponse("try again", 503)
        return PlainTextResponse("ok")

    return Route(path, receive, methods=["POST"])


async def _body(request: Request) -> bytes:
    """Read the body; stop reading where it gets too large."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY:
            raise BodyTooLargeError
    return bytes(body)


async def _take(body: bytes, dispatcher: Dispatcher) -> None:
    try:
        raw = json.loads(body)
    except (ValueError, RecursionError) as error:
        await dispatcher.bury(body.decode("utf-8", "replace"), error)
    else:
        await dispatcher.handle(raw)


async def setup_webhook(bot: Bot, url: str, secret: str) -> None:
    """Tell Telegram where to bring updates; raise `TelegramError` when it refuses."""
    await bot.set_webhook(
        url,
        secret_token=secret,
        allowed_updates=ALLOWED_UPDATES,
        max_connections=CONNECTIONS,
        drop_pending_updates=False,
    )


async def remove_webhook(bot: Bot) -> None:
    """Make polling possible: Telegram refuses getUpdates (409) while a webhook is set. Waiting updates stay."""
    await bot.delete_webhook(drop_pending_updates=False)
