"""Receives updates by webhook and answers 200, and the tapped button, once they are committed. Makes no decisions.

Any other status makes Telegram send the update again. If Telegram can't reach the webhook, nothing arrives that would
show it, so the monitor asks Telegram.
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
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from telegram import Bot, WebhookInfo
from telegram.error import TelegramError

from bot.chat.background_calls import answered_in_response
from bot.chat.metrics import CALL_ERRORS, WEBHOOK_REFUSALS, WEBHOOK_RESETS
from bot.chat.poll import ALLOWED_UPDATES
from bot.chat.updates import DatabaseDownError, Dispatcher
from bot.clock import Clock

log = structlog.get_logger(__name__)

SECRET_HEADER = "X-Telegram-Bot-Api-Secret-Token"  # noqa: S105 - the header's name
MAX_BODY = 1024 * 1024
"""Bytes. Updates have a few kilobytes."""
CONNECTIONS = 40
"""How many updates Telegram may send at the same time (its default)."""
CHECK_SECONDS = 60.0
SOON_CHECK_SECONDS = 10.0
"""Until the next check while updates are pending or a problem exists: two rare checks may see different updates."""
STUCK_SECONDS = 60.0
"""Updates that are pending for this long without becoming fewer are not being delivered."""
UNANSWERED_SECONDS = 120.0
"""Without an answer for this long, it is unknown whether Telegram delivers updates."""
RECENT = timedelta(minutes=2)
"""An older error may have been resolved; the number of pending updates shows whether it was."""
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
"""Maps parts of Telegram's error message (in lower case) to what is reported instead."""


class BodyTooLargeError(ValueError):
    """The body of the request is larger than any update."""


class StoppingError(Exception):
    """The process is stopping and accepts no updates: the update must not be confirmed."""


class UpdateSink(Protocol):
    """The receiver of updates (see `Dispatcher`)."""

    async def handle(self, raw: Any) -> None: ...
    async def dead_letter(self, text: str, error: Exception) -> None: ...


class UpdateIntake:
    """Passes updates to the dispatcher until `close`; after that, both methods raise `StoppingError`."""

    def __init__(self, dispatcher: Dispatcher) -> None:
        self._dispatcher = dispatcher
        self._in_progress: set[asyncio.Task[None]] = set()
        self._closed = False

    async def handle(self, raw: Any) -> None:
        """See `Dispatcher`."""
        await self._take(self._dispatcher.handle, raw)

    async def dead_letter(self, text: str, error: Exception) -> None:
        """See `Dispatcher`."""
        await self._take(self._dispatcher.dead_letter, text, error)

    async def close(self, seconds: float) -> None:
        """Stop accepting updates and wait up to that long for those in progress; Telegram resends uncommitted ones."""
        self._closed = True
        if self._in_progress:
            _, late = await asyncio.wait(self._in_progress, timeout=seconds)
            for task in late:
                task.cancel()

    async def _take(self, how: Callable[..., Coroutine[Any, Any, None]], *what: Any) -> None:
        if self._closed:
            raise StoppingError
        task = asyncio.create_task(how(*what))
        self._in_progress.add(task)
        task.add_done_callback(self._in_progress.discard)
        await asyncio.wait({task})
        if task.cancelled():
            raise StoppingError
        task.result()


def webhook_route(path: str, secret: str, sink: UpdateSink) -> Route:
    """Return the route: 200 committed, 403 not from Telegram, 413 too large, 503 database failed or stopping.

    A response of 200 answers the tapped button, if there is one: a call less, and the spinner stops sooner.
    """
    expected = secret.encode()

    async def receive(request: Request) -> Response:
        secret_given = request.headers.get(SECRET_HEADER, "").encode("utf-8", "replace")
        if not hmac.compare_digest(secret_given, expected):
            WEBHOOK_REFUSALS.labels("secret").inc()
            log.warning("a request lacked the webhook's secret", action="webhook_refused")
            return PlainTextResponse("forbidden", 403)
        try:
            body = await _body(request)
            with answered_in_response() as call:
                await _take(body, sink)
        except BodyTooLargeError:
            WEBHOOK_REFUSALS.labels("too_large").inc()
            return PlainTextResponse("too large", 413)
        except DatabaseDownError:
            WEBHOOK_REFUSALS.labels("database").inc()
            return PlainTextResponse("try again", 503)
        except StoppingError:
            WEBHOOK_REFUSALS.labels("stopping").inc()
            return PlainTextResponse("try again", 503)
        return JSONResponse(call) if call else PlainTextResponse("ok")

    return Route(path, receive, methods=["POST"])


async def _body(request: Request) -> bytes:
    """Return the body; raise `BodyTooLargeError` as soon as it gets too large."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY:
            raise BodyTooLargeError
    return bytes(body)


async def _take(body: bytes, sink: UpdateSink) -> None:
    try:
        raw = json.loads(body)
    except (ValueError, RecursionError) as error:
        await sink.dead_letter(body.decode("utf-8", "replace"), error)
    else:
        await sink.handle(raw)


async def setup_webhook(bot: Bot, url: str, secret: str) -> None:
    """Set the webhook; raise `TelegramError` if Telegram refuses."""
    await bot.set_webhook(
        url,
        secret_token=secret,
        allowed_updates=ALLOWED_UPDATES,
        max_connections=CONNECTIONS,
        drop_pending_updates=False,
    )


async def remove_webhook(bot: Bot) -> None:
    """Remove the webhook, because Telegram refuses getUpdates (409) while one is set; keep the pending updates."""
    await bot.delete_webhook(drop_pending_updates=False)


class WebhookMonitor:
    """Asks Telegram whether it can deliver updates to `url`, once the webhook is set. Each replica has one."""

    def __init__(self, bot: Bot, url: str, secret: str, clock: Clock) -> None:
        self._bot = bot
        self._url = url
        self._secret = secret
        self._clock = clock
        self._last_answer: float | None = None
        self._problem: str | None = None
        self._pending = 0
        self._last_decrease = time.monotonic()

    @property
    def problem(self) -> str | None:
        """Why updates may not arrive, without any address; None if they arrive."""
        if self._last_answer is None:
            return "Telegram has not answered yet"
        seconds = time.monotonic() - self._last_answer
        return f"Telegram last answered {seconds:.0f} s ago" if seconds > UNANSWERED_SECONDS else self._problem

    async def check(self) -> bool:
        """Ask once, and set the webhook again if it is not ours; return whether updates certainly arrive."""
        try:
            info = await self._bot.get_webhook_info()
            self._last_answer = time.monotonic()
            self._problem = self._problem_in(info)
            if info.url != self._url:
                WEBHOOK_RESETS.inc()
                log.error("the webhook was not ours: another program has the token", action="webhook_reset")
                await setup_webhook(self._bot, self._url, self._secret)
        except TelegramError as error:
            CALL_ERRORS.labels("getWebhookInfo").inc()
            log.warning("the webhook could not be checked", action="webhook_check_failed", error=type(error).__name__)
            return False
        if self._problem is not None:
            log.error("Telegram can't deliver updates", action="webhook_problem", why=self._problem)
        return self._problem is None

    @property
    def seconds_to_next_check(self) -> float:
        """Real seconds until the next check."""
        return SOON_CHECK_SECONDS if self._pending or self.problem else CHECK_SECONDS

    def _problem_in(self, info: WebhookInfo) -> str | None:
        if info.url != self._url:
            return "the webhook was missing or set to another address: it is set again"
        if not self._pending or info.pending_update_count < self._pending:
            self._last_decrease = time.monotonic()
        self._pending = info.pending_update_count
        if not self._pending:
            return None
        if info.last_error_date is not None and self._clock.now() - info.last_error_date < RECENT:
            return f"Telegram can't deliver: {failure_kind(info.last_error_message or '')}"
        stuck = time.monotonic() - self._last_decrease > STUCK_SECONDS
        return "Telegram can't deliver: pending updates do not become fewer" if stuck else None


def failure_kind(description: str) -> str:
    """Return the kind of error that Telegram describes; its description may contain the address, which is secret."""
    description = description.lower()
    if answered := _ANSWERED.search(description):
        return f"the webhook answers {answered[1]}"
    return next((kind for word, kind in _FAILURES.items() if word in description), "another error")
