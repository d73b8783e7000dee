"""Takes updates that Telegram brings by HTTP, and says 200 once they are committed. Decides nothing.

Anything but 200 makes Telegram bring the update again. When it can't bring them nobody here would know: it is asked.
"""

import asyncio
import hmac
import json
import re
import time
from collections.abc import Callable, Coroutine
from datetime import timedelta
from typing import Any, Protocol

import structlog
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from telegram import Bot, WebhookInfo
from telegram.error import TelegramError

from bot.chat.metrics import CALL_ERRORS, WEBHOOK_REFUSALS, WEBHOOK_RESETS
from bot.chat.poll import ALLOWED_UPDATES
from bot.chat.updates import DatabaseDownError, Dispatcher
from bot.clock import Clock

log = structlog.get_logger(__name__)

SECRET_HEADER = "X-Telegram-Bot-Api-Secret-Token"  # noqa: S105 - the header's name
MAX_BODY = 1024 * 1024
"""Bytes. Updates have a few kilobytes."""
CONNECTIONS = 40
"""How many updates Telegram may bring at the same time (its own default)."""
LOOK_SECONDS = 60.0
SOON_SECONDS = 10.0
"""Until the next look while updates wait or something is wrong: what waits at two looks alone may not be the same."""
STUCK_SECONDS = 60.0
"""Updates that wait for so long, and become no fewer, don't come."""
UNANSWERED_SECONDS = 120.0
"""Without an answer for so long, nobody knows whether Telegram brings anything."""
RECENT = timedelta(minutes=2)
"""An error that lies further back may have been overcome; whether it was, what still waits will tell."""
_ANSWERED = re.compile(r"wrong response from the webhook: (\d{3})\b")
_FAILURES = {
    "refused": "the connection is refused",
    "timed out": "no answer in time",
    "timeout": "no answer in time",
    "ssl": "the certificate or TLS is wrong",
    "certificate": "the certificate or TLS is wrong",
    "resolve": "the host's name is not found",
    "closed": "the connection is lost",
    "lost": "the connection is lost",
    "reset": "the connection is lost",
}
"""What stands in Telegram's words (in small letters), and what is told instead."""


class BodyTooLargeError(ValueError):
    """The body of a request is larger than any update."""


class StoppingError(Exception):
    """The update is not taken any more: it must not be confirmed."""


class Taker(Protocol):
    """What takes updates (see `Dispatcher`)."""

    async def handle(self, raw: Any) -> None: ...
    async def bury(self, text: str, error: Exception) -> None: ...


class Intake:
    """Passes updates on to the dispatcher until `close`. Both methods then raise `StoppingError`."""

    def __init__(self, dispatcher: Dispatcher) -> None:
        self._dispatcher = dispatcher
        self._under_way: set[asyncio.Task[None]] = set()
        self._closed = False

    async def handle(self, raw: Any) -> None:
        """See `Dispatcher`."""
        await self._take(self._dispatcher.handle, raw)

    async def bury(self, text: str, error: Exception) -> None:
        """See `Dispatcher`."""
        await self._take(self._dispatcher.bury, text, error)

    async def close(self, seconds: float) -> None:
        """Take no more, and give what is under way that long; what isn't committed then Telegram brings again."""
        self._closed = True
        if self._under_way:
            _, late = await asyncio.wait(self._under_way, timeout=seconds)
            for task in late:
                task.cancel()

    async def _take(self, how: Callable[..., Coroutine[Any, Any, None]], *what: Any) -> None:
        if self._closed:
            raise StoppingError
        task = asyncio.create_task(how(*what))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        await asyncio.wait({task})
        if task.cancelled():
            raise StoppingError
        task.result()


def webhook_route(path: str, secret: str, taker: Taker) -> Route:
    """Return the route: 200 committed, 403 not from Telegram, 413 too large, 503 the database failed, or it stops."""
    expected = secret.encode()

    async def receive(request: Request) -> Response:
        given = request.headers.get(SECRET_HEADER, "").encode("utf-8", "replace")
        if not hmac.compare_digest(given, expected):
            WEBHOOK_REFUSALS.labels("secret").inc()
            log.warning("a request without the webhook's secret", action="webhook_refused")
            return PlainTextResponse("forbidden", 403)
        try:
            await _take(await _body(request), taker)
        except BodyTooLargeError:
            WEBHOOK_REFUSALS.labels("too_large").inc()
            return PlainTextResponse("too large", 413)
        except DatabaseDownError:
            WEBHOOK_REFUSALS.labels("database").inc()
            return PlainTextResponse("try again", 503)
        except StoppingError:
            WEBHOOK_REFUSALS.labels("stopping").inc()
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


async def _take(body: bytes, taker: Taker) -> None:
    try:
        raw = json.loads(body)
    except (ValueError, RecursionError) as error:
        await taker.bury(body.decode("utf-8", "replace"), error)
    else:
        await taker.handle(raw)


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


class WebhookWatch:
    """Asks Telegram whether it can bring updates to `url`, once the webhook is set. Each replica has one."""

    def __init__(self, bot: Bot, url: str, secret: str, clock: Clock) -> None:
        self._bot = bot
        self._url = url
        self._secret = secret
        self._clock = clock
        self._answered: float | None = None
        self._trouble: str | None = None
        self._waiting = 0
        self._fewer = time.monotonic()

    @property
    def trouble(self) -> str | None:
        """Say why updates may not come: never an address. None: they come."""
        if self._answered is None:
            return "Telegram has not answered yet"
        seconds = time.monotonic() - self._answered
        return f"Telegram last answered {seconds:.0f} s ago" if seconds > UNANSWERED_SECONDS else self._trouble

    async def look(self) -> bool:
        """Ask once, and set the webhook again if it is not ours; return whether updates come for sure."""
        try:
            info = await self._bot.get_webhook_info()
            self._answered = time.monotonic()
            self._trouble = self._found(info)
            if info.url != self._url:
                WEBHOOK_RESETS.inc()
                log.error("the webhook was not ours: another program has the token", action="webhook_reset")
                await setup_webhook(self._bot, self._url, self._secret)
        except TelegramError as error:
            CALL_ERRORS.labels("getWebhookInfo").inc()
            log.warning("the webhook was not looked at", action="webhook_look_failed", error=type(error).__name__)
            return False
        if self._trouble is not None:
            log.error("Telegram can't bring updates", action="webhook_trouble", why=self._trouble)
        return self._trouble is None

    @property
    def seconds_to_next(self) -> float:
        """Real seconds until the next look."""
        return SOON_SECONDS if self._waiting or self.trouble else LOOK_SECONDS

    def _found(self, info: WebhookInfo) -> str | None:
        if info.url != self._url:
            return "the webhook was not set, or set elsewhere: it is set again"
        if not self._waiting or info.pending_update_count < self._waiting:
            self._fewer = time.monotonic()
        self._waiting = info.pending_update_count
        if not self._waiting:
            return None
        if info.last_error_date is not None and self._clock.now() - info.last_error_date < RECENT:
            return f"Telegram can't deliver: {failure(info.last_error_message or '')}"
        stuck = time.monotonic() - self._fewer > STUCK_SECONDS
        return "Telegram can't deliver: updates wait, and become no fewer" if stuck else None


def failure(words: str) -> str:
    """Name the kind of what Telegram says went wrong; its own words may hold the address, which is secret."""
    words = words.lower()
    if answered := _ANSWERED.search(words):
        return f"it is answered {answered[1]}"
    return next((told for word, told in _FAILURES.items() if word in words), "another error")
