"""The Bot API over HTTP: parses requests, applies faults, answers as api.telegram.org does. Contains no methods."""

import asyncio
import json
import time
from datetime import datetime
from typing import Any, NoReturn

from starlette.types import Receive, Scope, Send

from bot.sandbox.api import Methods
from bot.sandbox.delivering import Delivering
from bot.sandbox.errors import ApiError, ConnectionDroppedError, too_many_requests
from bot.sandbox.faults import FaultPlan
from bot.sandbox.params import MAX_BODY_BYTES, Params, read_params
from bot.sandbox.state import Sandbox

_REFUSALS = {
    "502": (502, "Bad Gateway"),
    "refused": (400, "Bad Request: refused by the sandbox"),
    "older_api": (404, "Not Found: method not found"),
}


class BotApi:
    """ASGI endpoint of `/bot<token>/<method>`. Starlette passes `token` and `method` as path parameters."""

    def __init__(self, sandbox: Sandbox, methods: Methods, delivering: Delivering, stopping: asyncio.Event) -> None:
        self._box = sandbox
        self._methods = methods
        self._delivering = delivering
        self._stopping = stopping
        self._webhook_methods = {
            "setWebhook": delivering.set_webhook,
            "deleteWebhook": delivering.delete_webhook,
            "getWebhookInfo": delivering.webhook_info,
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            result = await self._serve(scope, receive)
        except ConnectionDroppedError:
            await _drop(scope, receive)
        except ApiError as error:
            await _answer(send, error.code, error.body())
        else:
            await _answer(send, 200, {"ok": True, "result": result})

    async def _serve(self, scope: Scope, receive: Receive) -> Any:
        body = await _body(receive)
        if scope["path_params"]["token"] != self._box.token:
            raise ApiError(401, "Unauthorized")
        method = self._methods.name_of(scope["path_params"]["method"])
        headers = dict(scope["headers"])
        at, clock = time.monotonic(), self._box.clock.now()
        params = read_params(scope["query_string"], headers.get(b"content-type", b"").decode("latin-1"), body)
        plan = self._box.faults.plan(method)
        if plan.hang:
            # Recorded at the start: the request ends when the client gives up.
            self._record(method, params, at, clock, error=(0, "half-open"), lost=True)
            await self._hang(receive)
        try:
            result = await self._with_faults(plan, method, params)
        except ApiError as error:
            self._record(method, params, at, clock, error=(error.code, error.description), lost=plan.lose)
            if plan.lose:
                raise ConnectionDroppedError from None
            raise
        except ConnectionDroppedError:
            self._record(method, params, at, clock, error=(0, "connection dropped"), lost=True)
            raise
        summary = [update["update_id"] for update in result] if method == "getUpdates" else result
        self._record(method, params, at, clock, result=summary, lost=plan.lose)
        if plan.lose:
            raise ConnectionDroppedError
        return result

    async def _with_faults(self, plan: FaultPlan, method: str, params: Params) -> Any:
        if plan.refuse is None:
            result = await self._call(method, params)
            # Only the answer is slow: the request has been executed.
            await self._pause(plan.delay)
            return result
        await self._pause(plan.delay)
        if plan.refuse.kind == "429":
            raise too_many_requests(plan.refuse.retry_after)
        if plan.refuse.kind in _REFUSALS:
            raise ApiError(*_REFUSALS[plan.refuse.kind])
        raise ConnectionDroppedError

    async def _call(self, method: str, params: Params) -> Any:
        if method == "getUpdates":
            return await self._delivering.get_updates(params)
        if method in self._webhook_methods:
            return self._webhook_methods[method](params)
        return self._methods.call(method, params)

    async def _hang(self, receive: Receive) -> NoReturn:
        """Keep the connection open without an answer until the client gives up or the server stops."""
        disconnected, stopping = (
            asyncio.ensure_future(_wait_for_disconnect(receive)),
            asyncio.ensure_future(self._stopping.wait()),
        )
        try:
            await asyncio.wait({disconnected, stopping}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            disconnected.cancel()
            stopping.cancel()
        raise ConnectionDroppedError

    async def _pause(self, seconds: float) -> None:
        if not seconds:
            return
        try:
            await asyncio.wait_for(self._stopping.wait(), seconds)
        except TimeoutError:
            return

    def _record(self, method: str, params: Params, at: float, clock: datetime, **outcome: Any) -> None:
        self._box.journal.add(method, params.for_journal(), at, clock, ended=time.monotonic(), **outcome)


async def _body(receive: Receive) -> bytes:
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ConnectionDroppedError
        chunks.append(message.get("body", b""))
        size += len(chunks[-1])
        if size > MAX_BODY_BYTES:
            raise ApiError(413, "Request Entity Too Large")
        if not message.get("more_body"):
            return b"".join(chunks)


async def _answer(send: Send, status: int, body: dict[str, Any]) -> None:
    content = json.dumps(body, ensure_ascii=False).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(content)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": content})


async def _drop(scope: Scope, receive: Receive) -> None:
    """Abort the connection without an answer; return once the server has noticed."""
    scope["state"]["transport"].abort()
    await _wait_for_disconnect(receive)


async def _wait_for_disconnect(receive: Receive) -> None:
    """Return once the client has disconnected."""
    while (await receive())["type"] != "http.disconnect":
        pass
