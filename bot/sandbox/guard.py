"""Restricts the sandbox to browsers and programs on this machine, by headers alone.

Otherwise a foreign web page could reach a loopback server by DNS rebinding (Host) or a forged form (Origin).
"""

import ipaddress
from contextlib import suppress
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_POLICY = (
    "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'; "
    "require-trusted-types-for 'script'"
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-cache",
}


def is_loopback_host(name: str) -> bool:
    """Return whether a host name or address without a port is this machine."""
    with suppress(ValueError):
        return ipaddress.ip_address(name.strip("[]")).is_loopback
    return name.lower() == "localhost"


def _refusal(scope: Scope) -> str | None:
    headers = Headers(scope=scope)
    host = headers.get("host", "")
    if not is_loopback_host(urlsplit(f"//{host}").hostname or ""):
        return "The sandbox only accepts requests to this machine's own address: use 127.0.0.1 or localhost."
    origin = headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != host:
        return "Requests from other pages are refused."
    # Browsers send this header even without Origin: images, links and GET forms of another site.
    if headers.get("sec-fetch-site") in {"cross-site", "same-site"} and scope["path"] != "/":
        return "Requests from other pages are refused."
    return None


class Guard:
    """ASGI middleware: 403 for foreign requests, strict security headers on every response but the Bot API's."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if (refusal := _refusal(scope)) is not None:
            await PlainTextResponse(refusal, 403)(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(_HEADERS)
            await send(message)

        await self._app(scope, receive, send if scope["path"].startswith("/bot") else send_with_headers)
