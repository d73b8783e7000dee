"""Delivers updates to the bot by long polling or webhook. Doesn't interpret their content.

As with Telegram, only one of the two is active at a time, and only one poll.
"""

import asyncio
import contextlib
import ipaddress
import logging
import re
from collections.abc import Callable
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from bot.sandbox.chats import Webhook
from bot.sandbox.errors import ApiError, ConnectionDroppedError, SandboxError, bad_request, conflict
from bot.sandbox.params import Params, read_params
from bot.sandbox.state import Sandbox
from bot.sandbox.updates import Update

log = logging.getLogger(__name__)

MAX_LIMIT = 100
MAX_POLL_SECONDS = 50
MAX_CONNECTIONS = 100
DEFAULT_CONNECTIONS = 40
ANSWER_SECONDS = 60.0
RETRY_SECONDS = (0.2, 0.5, 1.0, 2.0, 5.0)
OUTAGE_LOOK_SECONDS = 0.2
"""How often a running outage is checked: its end triggers no event."""
_SECRET = re.compile(r"[A-Za-z0-9_-]{0,256}")
_OTHER_POLL = "terminated by other getUpdates request; make sure that only one bot instance is running"
_WEBHOOK_ON = "can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first"


class Delivering:
    """Serves getUpdates and the webhook methods; `run` is the task that posts to the webhook.

    `execute` runs the method that a webhook's response names. As with Telegram, the bot does not learn its result.
    """

    def __init__(self, sandbox: Sandbox, execute: Callable[[str, Params], Any]) -> None:
        self._box = sandbox
        self._execute = execute
        self._poll: asyncio.Future[SandboxError | None] | None = None
        self._changed = asyncio.Event()
        self._in_flight: set[int] = set()
        self._failures: dict[int, int] = {}
        sandbox.faults.on_change.append(self._break_poll)

    # -- Long polling ---------------------------------------------------------------------------------------------

    async def get_updates(self, params: Params) -> list[Update]:
        """Confirm updates below `offset`, then wait up to `timeout` seconds for an update."""
        updates = self._box.updates
        if self._box.webhook is not None:
            raise conflict(_WEBHOOK_ON)
        self.end_poll(conflict(_OTHER_POLL))
        self._remember_allowed(params)
        offset = params.integer("offset")
        if offset > 0:
            updates.confirm_below(offset)
        elif offset < 0:
            updates.keep_last(-offset)
        self._box.events.changed.set()
        limit = min(MAX_LIMIT, max(1, params.integer("limit", MAX_LIMIT)))
        timeout = min(MAX_POLL_SECONDS, max(0, params.integer("timeout")))
        if not updates and timeout:
            await self._wait(timeout)
        return updates.first(limit)

    async def _wait(self, timeout: float) -> None:  # noqa: ASYNC109 - Telegram's own name for it
        self._poll = ended = asyncio.get_running_loop().create_future()
        arrived = self._box.updates.arrival()
        try:
            await asyncio.wait({arrived, ended}, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
        finally:
            arrived.cancel()
            if self._poll is ended:
                self._poll = None
        if ended.done() and (error := ended.result()) is not None:
            raise error

    def end_poll(self, error: SandboxError | None = None) -> None:
        """End the waiting poll with `error`, or with the updates that are queued."""
        if self._poll is not None and not self._poll.done():
            self._poll.set_result(error)
        self._poll = None

    def _break_poll(self) -> None:
        """Drop the waiting poll if an outage of getUpdates has begun."""
        if self._box.faults.outage("getUpdates"):
            self.end_poll(ConnectionDroppedError())

    def _remember_allowed(self, params: Params) -> None:
        if not params.has("allowed_updates"):
            return
        allowed = params.structure("allowed_updates")
        if not isinstance(allowed, list) or not all(isinstance(kind, str) for kind in allowed):
            raise bad_request("Expected an Array of String")
        self._box.updates.allowed = allowed

    # -- Webhook methods ------------------------------------------------------------------------------------

    def set_webhook(self, params: Params) -> bool:
        url = params.text("url")
        if not url:
            return self.delete_webhook(params)
        secret = params.text("secret_token")
        if not _SECRET.fullmatch(secret):
            raise bad_request("secret token contains unallowed characters")
        if not _is_loopback(url):
            raise bad_request("bad webhook: the sandbox posts to this machine only (http://127.0.0.1:…)")
        connections = min(MAX_CONNECTIONS, max(1, params.integer("max_connections", DEFAULT_CONNECTIONS)))
        self._remember_allowed(params)
        if params.flag("drop_pending_updates"):
            self._box.updates.clear()
        self._box.webhook = Webhook(url, secret, connections)
        self.end_poll(conflict("terminated by setWebhook request"))
        self._changed.set()
        return True

    def delete_webhook(self, params: Params) -> bool:
        if params.flag("drop_pending_updates"):
            self._box.updates.clear()
        self._box.webhook = None
        self._changed.set()
        return True

    def webhook_info(self, _params: Params) -> dict[str, Any]:
        hook = self._box.webhook
        info = {
            "url": hook.url if hook else "",
            "has_custom_certificate": False,
            "pending_update_count": len(self._box.updates),
        }
        if hook is not None:
            info["max_connections"] = hook.max_connections
            if hook.last_error:
                info |= {"last_error_date": hook.last_error_date, "last_error_message": hook.last_error}
        if self._box.updates.allowed:
            info["allowed_updates"] = self._box.updates.allowed
        return info

    # -- Posting --------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Post updates to the webhook, while one is set, until cancelled. No error of one post ends it."""
        # Each post has its own time limit, which also covers the end of the response.
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=None)) as session,
            asyncio.TaskGroup() as tasks,
        ):
            while True:
                self._changed.clear()
                hook = self._box.webhook
                if hook is None:
                    await self._changed.wait()
                    continue
                # Read once per round: an outage that ended between two reads would leave nothing to wake this task.
                outage = self._box.faults.outage()
                for update in [] if outage else self._to_post(hook):
                    self._in_flight.add(update["update_id"])
                    tasks.create_task(self._deliver(session, hook, update))
                await self._wait_for_change(OUTAGE_LOOK_SECONDS if outage else None)

    def _to_post(self, hook: Webhook) -> list[Update]:
        room = hook.max_connections - len(self._in_flight)
        if room <= 0:
            return []
        waiting = self._box.updates.first(hook.max_connections + len(self._in_flight))
        return [update for update in waiting if update["update_id"] not in self._in_flight][:room]

    async def _wait_for_change(self, timeout: float | None) -> None:  # noqa: ASYNC109 - it ends the wait, raises nothing
        """Wait for an update, a change of the webhook or a free connection, for at most `timeout` seconds."""
        changed = asyncio.ensure_future(self._changed.wait())
        waits: set[asyncio.Future[Any]] = {self._box.updates.arrival(), changed}
        try:
            await asyncio.wait(waits, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    async def _deliver(self, session: aiohttp.ClientSession, hook: Webhook, update: Update) -> None:
        """Post one update; confirm it, or release it for another try after a pause."""
        update_id = update["update_id"]
        try:
            failure = await self._post(session, hook, update)
            if failure:
                hook.last_error, hook.last_error_date = failure, self._box.now_unix()
                tries = self._failures[update_id] = self._failures.get(update_id, 0) + 1
                await asyncio.sleep(RETRY_SECONDS[min(tries, len(RETRY_SECONDS)) - 1])
            else:
                self._failures.pop(update_id, None)
                self._box.updates.confirm(update_id)
                self._box.events.changed.set()
        finally:
            self._in_flight.discard(update_id)
            self._changed.set()

    async def _post(self, session: aiohttp.ClientSession, hook: Webhook, update: Update) -> str:
        """Post one update, twice if a fault says so; return the errors, joined, or "" on success."""
        headers = {"X-Telegram-Bot-Api-Secret-Token": hook.secret} if hook.secret else {}
        plan = self._box.faults.webhook_plan()
        await asyncio.sleep(plan.delay)
        if plan.refuse is not None:
            return "Connection lost"
        posts = [self._post_once(session, hook.url, update, headers) for _ in range(1 + plan.twice)]
        # Exceptions become results: an unexpected one that was raised would end this task, and with it all delivery, or
        # leave its update in flight for good.
        results = await asyncio.gather(*posts, return_exceptions=True)
        return "".join(result if isinstance(result, str) else _unforeseen(result) for result in results)

    async def _post_once(
        self, session: aiohttp.ClientSession, url: str, update: Update, headers: dict[str, str]
    ) -> str:
        """Post one update; return the error, or "" on success."""
        try:
            async with (
                asyncio.timeout(ANSWER_SECONDS),
                session.post(url, json=update, headers=headers, allow_redirects=False) as answer,
            ):
                if answer.status // 100 != HTTPStatus.OK // 100:
                    return f"Wrong response from the webhook: {answer.status} {answer.reason}"
                self._execute_response(answer.content_type, await answer.read())
                return ""
        except (aiohttp.ClientError, TimeoutError) as error:
            return "Connection refused" if isinstance(error, aiohttp.ClientConnectorError) else "Connection lost"

    def _execute_response(self, content_type: str, body: bytes) -> None:
        """Execute the method that the response names, if it is one; errors are of no consequence."""
        try:
            params = read_params(b"", content_type, body)
            if method := params.values.pop("method", None):
                self._execute(str(method), params)
        except ApiError as error:
            log.warning("a method in a webhook's response failed: %s", error.description)


def _unforeseen(error: BaseException) -> str:
    # Log the class alone: the message may contain what a person wrote.
    log.error("a post to the webhook failed unexpectedly: %s", type(error).__name__)
    return "Connection lost"


def _is_loopback(url: str) -> bool:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        return False
    with contextlib.suppress(ValueError):
        return ipaddress.ip_address(parts.hostname).is_loopback
    return parts.hostname == "localhost"
