"""Transports Bot API requests over aiohttp for python-telegram-bot. Knows no methods; never reveals the token.

Every URL contains the token, and aiohttp's errors contain the URL: no aiohttp error leaves this module, neither as the
raised error nor as its cause.
"""

import json
from datetime import timedelta
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode, urlsplit

import aiohttp
from telegram.error import NetworkError, RetryAfter, TelegramError, TimedOut
from telegram.request import BaseRequest, RequestData

CONNECTIONS = 64
"""More than the sender has in flight at once, so that answers to taps never wait for a connection."""
POOL_SECONDS = 5.0
CONNECT_SECONDS = 5.0
WRITE_SECONDS = 5.0
MEDIA_WRITE_SECONDS = 20.0
READ_SECONDS = 10.0
KEEP_ALIVE_SECONDS = 30.0
"""Less than servers usually keep an idle connection: a message on a closed one would be lost and retried."""
DNS_SECONDS = 300
_FORM = {"Content-Type": "application/x-www-form-urlencoded"}


class AiohttpRequest(BaseRequest):
    """A pool of persistent connections. Call `initialize` before use; it may be called again after `shutdown`.

    All times are in seconds. aiohttp has no write timeout: it counts toward the timeout of the whole request.
    """

    def __init__(
        self,
        *,
        connections: int = CONNECTIONS,
        pool_timeout: float = POOL_SECONDS,
        connect_timeout: float = CONNECT_SECONDS,
        write_timeout: float = WRITE_SECONDS,
        read_timeout: float = READ_SECONDS,
        use_proxies: bool = True,
    ) -> None:
        self._connections = connections
        self._pool = pool_timeout
        self._connect = connect_timeout
        self._record = write_timeout
        self._read = read_timeout
        self._use_proxies = use_proxies
        self._session: aiohttp.ClientSession | None = None

    @property
    def read_timeout(self) -> float:
        """Seconds to wait for an answer when a call sets no timeout of its own."""
        return self._read

    async def initialize(self) -> None:
        """Create the pool; do nothing if it exists."""
        if self._session is None:
            connector = aiohttp.TCPConnector(
                limit=self._connections, keepalive_timeout=KEEP_ALIVE_SECONDS, ttl_dns_cache=DNS_SECONDS
            )
            self._session = aiohttp.ClientSession(
                connector=connector,
                headers={"User-Agent": self.USER_AGENT},
                cookie_jar=aiohttp.DummyCookieJar(),
                trust_env=self._use_proxies,
            )

    async def shutdown(self) -> None:
        """Close the connections; do nothing if there are none."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def do_request(
        self,
        url: str,
        method: str,
        request_data: RequestData | None = None,
        read_timeout: Any = BaseRequest.DEFAULT_NONE,
        write_timeout: Any = BaseRequest.DEFAULT_NONE,
        connect_timeout: Any = BaseRequest.DEFAULT_NONE,
        pool_timeout: Any = BaseRequest.DEFAULT_NONE,
    ) -> tuple[int, bytes]:
        """Return the status and body of any answer but a rate limit.

        Raise RateLimitError for a 429 with `retry_after`, TimedOut or NetworkError when there is no answer.
        """
        if self._session is None:
            raise NetworkError("the connection to Telegram is not open")
        files = request_data is not None and request_data.contains_files
        write = _given(write_timeout, MEDIA_WRITE_SECONDS if files else self._record)
        timeout = _timeout(
            pool=_given(pool_timeout, self._pool),
            connect=_given(connect_timeout, self._connect),
            write=write,
            read=_given(read_timeout, self._read),
        )
        try:
            headers, body = _body(request_data)
            asked = self._session.request(
                method, url, data=body, headers=headers, timeout=timeout, allow_redirects=False
            )
            async with asked as answer:
                status, payload = answer.status, _scrubbed(await answer.read(), url)
        except Exception as error:  # noqa: BLE001 - any error's message may contain the URL
            failure: TelegramError | None = _failure(error)
        else:
            failure = rate_limit_error(status, payload)
        if failure is not None:
            # Raised here, not in the handler above, where aiohttp's error would become its context.
            raise failure
        return status, payload


class RateLimitError(RetryAfter):
    """A RetryAfter whose `retry_after` is a timedelta. The library's own is in seconds and warns at each 429."""

    __slots__ = ()

    @property
    def retry_after(self) -> timedelta:
        """The time that Telegram asks to wait."""
        return self._retry_after


def rate_limit_error(status: int, payload: bytes) -> RateLimitError | None:
    """Return the error for a 429 that says how long to wait; None for any other answer."""
    if status != HTTPStatus.TOO_MANY_REQUESTS:
        return None
    try:
        asked = json.loads(payload)["parameters"]["retry_after"]
        return RateLimitError(timedelta(seconds=asked))
    except (ValueError, KeyError, TypeError):
        return None


def _given(value: Any, default: float) -> float | None:
    """Return the call's timeout (None: no limit) or, if it sets none, the default."""
    return default if value is BaseRequest.DEFAULT_NONE else value


def _timeout(
    *, pool: float | None, connect: float | None, write: float | None, read: float | None
) -> aiohttp.ClientTimeout:
    return aiohttp.ClientTimeout(
        total=_sum(pool, connect, write, read), connect=_sum(pool, connect), sock_connect=connect, sock_read=read
    )


def _sum(*parts: float | None) -> float | None:
    known = [part for part in parts if part is not None]
    return sum(known) if len(known) == len(parts) else None


def _body(data: RequestData | None) -> tuple[dict[str, str], Any]:
    """Return headers and body: a form, multipart if there are files."""
    if data is None:
        return {}, None
    if not data.contains_files:
        return _FORM, urlencode(data.json_parameters).encode()
    form = aiohttp.FormData(default_to_multipart=True)
    for name, value in data.json_parameters.items():
        form.add_field(name, value)
    for name, (filename, content, kind) in data.multipart_data.items():
        form.add_field(name, content, filename=filename, content_type=kind)
    return {}, form


def _scrubbed(payload: bytes, url: str) -> bytes:
    """Redact the token in an answer: a proxy's error page may show the URL, and the library logs non-JSON answers."""
    for part in urlsplit(url).path.split("/"):
        if part.startswith("bot") and ":" in part:
            payload = payload.replace(part.removeprefix("bot").encode(), b"...")
    return payload


def _failure(error: Exception) -> NetworkError:
    """Return the library's error for one of aiohttp's; its message names the class alone."""
    name = type(error).__name__
    return TimedOut(f"no answer in time ({name})") if isinstance(error, TimeoutError) else NetworkError(name)
