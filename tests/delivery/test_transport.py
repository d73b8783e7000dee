"""The transport over real sockets, against a small configurable server."""

import asyncio
import io
import logging
import traceback
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from aiohttp import web
from telegram import InputFile
from telegram.error import BadRequest, Forbidden, InvalidToken, NetworkError, RetryAfter, TelegramError, TimedOut

from bot.delivery.quiet_bot import make_bot
from bot.delivery.transport import AiohttpRequest, RateLimitError, rate_limit_error

from .stand_ins import TOKEN, until

ME = {"id": 1, "is_bot": True, "first_name": "B", "username": "b_bot"}
MESSAGE = {"message_id": 1, "date": 0, "chat": {"id": 1, "type": "private"}}


class Server:
    """Answers as configured; records forms, headers and connections."""

    def __init__(self) -> None:
        self.url = ""
        self.status = 200
        self.body: object = {"ok": True, "result": ME}
        self.gate = asyncio.Event()
        """While it is not set, every answer is held back."""
        self.gate.set()
        self.drop = False
        self.forms: list[dict[str, object]] = []
        self.peers: set[object] = set()
        self.headers: list[dict[str, str]] = []

    async def handle(self, request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        self.peers.add(request.transport.get_extra_info("peername"))
        self.headers.append(dict(request.headers))
        form = await request.post()
        self.forms.append({k: v.file.read() if isinstance(v, web.FileField) else v for k, v in form.items()})
        if self.drop:
            request.transport.close()
        await self.gate.wait()
        if isinstance(self.body, str):
            return web.Response(text=self.body, status=self.status)
        return web.json_response(self.body, status=self.status)

    def refuse(self, status: int, description: str, **parameters: object) -> None:
        self.status = status
        self.body = {"ok": False, "error_code": status, "description": description, "parameters": parameters}


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    made = Server()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", made.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield made
    made.gate.set()
    await runner.cleanup()


@pytest.fixture
async def bot(server):
    made = make_bot(TOKEN, server.url)
    await made.request.initialize()
    yield made
    await made.request.shutdown()


async def failure(calling) -> TelegramError:
    with pytest.raises(TelegramError) as caught:
        await calling
    return caught.value


async def test_call_returns_its_answer(bot, server):
    assert (await bot.get_me()).username == "b_bot"
    assert server.headers[0]["User-Agent"].startswith("python-telegram-bot")


async def test_texts_arrive_unchanged(bot, server):
    server.body = {"ok": True, "result": MESSAGE}
    await bot.send_message(1, "Größe & 🔴 a=b\nc+d", parse_mode="HTML", protect_content=True)
    assert server.forms[0] == {
        "chat_id": "1",
        "text": "Größe & 🔴 a=b\nc+d",
        "parse_mode": "HTML",
        "protect_content": "true",
    }


async def test_files_are_sent_as_multipart(bot, server):
    server.body = {"ok": True, "result": MESSAGE}
    await bot.send_photo(1, InputFile(io.BytesIO(b"\x89PNG"), filename="chärt.png"), caption="é")
    (form,) = server.forms
    assert (form["chat_id"], form["caption"]) == ("1", "é")
    assert b"\x89PNG" in form.values()
    assert "multipart/form-data" in server.headers[0]["Content-Type"]


async def test_connections_are_reused(bot, server):
    for _ in range(5):
        await bot.get_me()
    assert len(server.peers) == 1


async def test_polls_and_calls_share_one_pool(bot, server):
    server.body = {"ok": True, "result": []}
    assert await bot._post("getUpdates", {"timeout": 0}) == []


@pytest.mark.parametrize(
    ("status", "error"),
    [(400, BadRequest), (401, InvalidToken), (403, Forbidden), (404, InvalidToken), (500, NetworkError)],
)
async def test_telegrams_errors_become_the_librarys(bot, server, status, error):
    server.refuse(status, "Bad Request: no")
    assert type(await failure(bot.get_me())) is error


async def test_429_has_retry_after_as_timedelta_without_warning(bot, server):
    server.refuse(429, "Too Many Requests: retry after 7", retry_after=7)
    error = await failure(bot.get_me())
    assert isinstance(error, RetryAfter)
    assert error.retry_after == timedelta(seconds=7)


def test_429_without_retry_after_is_left_to_the_library():
    assert rate_limit_error(429, b"<html>") is None
    assert rate_limit_error(429, b'{"ok": false}') is None
    assert rate_limit_error(400, b'{"parameters": {"retry_after": 7}}') is None
    assert isinstance(rate_limit_error(429, b'{"parameters": {"retry_after": 7}}'), RateLimitError)


async def test_missing_answer_is_a_timeout(server):
    bot = make_bot(TOKEN, server.url, read_timeout=0.05)
    await bot.request.initialize()
    server.gate.clear()
    assert type(await failure(bot.get_me())) is TimedOut
    await bot.request.shutdown()


async def test_timeout_of_a_call_overrides_the_default(server):
    bot = make_bot(TOKEN, server.url, read_timeout=0.05)
    await bot.request.initialize()
    server.gate.clear()
    patient = asyncio.create_task(bot.get_me(read_timeout=60))
    await until(lambda: len(server.headers) == 1)
    assert type(await failure(bot.get_me())) is TimedOut
    server.gate.set()
    assert await patient, "it was asked first, and still waits when the default is over"
    await bot.request.shutdown()


async def test_broken_connection_is_a_network_error(bot, server):
    server.drop = True
    assert type(await failure(bot.get_me())) is NetworkError


async def test_full_pool_is_a_timeout(server):
    request = AiohttpRequest(connections=1, pool_timeout=0.02, connect_timeout=0.02, use_proxies=False)
    await request.initialize()
    server.gate.clear()
    first = asyncio.create_task(request.do_request(f"{server.url}/a", "GET", connect_timeout=10, pool_timeout=10))
    await until(lambda: bool(server.headers))
    with pytest.raises(TimedOut):
        await request.do_request(f"{server.url}/b", "GET")
    assert len(server.headers) == 1
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    await request.shutdown()


async def test_missing_server_is_a_network_error():
    bot = make_bot(TOKEN, "http://127.0.0.1:1")
    await bot.request.initialize()
    assert type(await failure(bot.get_me())) is NetworkError
    await bot.request.shutdown()


async def test_no_connection_is_open_before_and_after_use(server):
    bot = make_bot(TOKEN, server.url)
    assert type(await failure(bot.get_me())) is NetworkError
    for _ in range(2):
        await bot.request.initialize()
        await bot.request.initialize()
        assert await bot.get_me()
        await bot.request.shutdown()
        await bot.request.shutdown()
    assert type(await failure(bot.get_me())) is NetworkError


@pytest.mark.parametrize("fault", ["timeout", "drop", "refused", "bad address", "closed", "no json", "unauthorized"])
async def test_token_is_in_no_error_and_no_log(server, caplog, fault):
    caplog.set_level(logging.INFO)
    address = {"refused": "http://127.0.0.1:1", "bad address": "http://a b:c"}.get(fault, server.url)
    bot = make_bot(TOKEN, address, read_timeout=0.05)
    if fault != "closed":
        await bot.request.initialize()
    server.drop = fault == "drop"
    if fault == "timeout":
        server.gate.clear()
    if fault == "no json":
        server.status, server.body = 502, f"<html>The requested URL /bot{TOKEN}/getMe was not found</html>"
    if fault == "unauthorized":
        server.refuse(401, "Unauthorized")
    error = await failure(bot.get_me())
    await bot.request.shutdown()
    seen: BaseException | None = error
    while seen is not None:
        assert TOKEN not in str(seen)
        assert TOKEN not in repr(seen)
        seen = seen.__cause__ or seen.__context__
    assert TOKEN not in "".join(traceback.format_exception(error))
    assert TOKEN not in caplog.text


def test_repr_of_a_bot_hides_its_token():
    assert TOKEN not in repr(make_bot(TOKEN, "https://api.telegram.org"))
    assert TOKEN not in str(make_bot(TOKEN, "https://api.telegram.org/"))


def test_api_url_with_trailing_slash_works():
    assert make_bot(TOKEN, "http://127.0.0.1:9/").base_url == f"http://127.0.0.1:9/bot{TOKEN}"


@pytest.mark.parametrize(
    ("url", "proxies"),
    [
        ("https://api.telegram.org", True),
        ("http://127.0.0.1:80", False),
        ("http://localhost:80", False),
        ("http://[::1]:80", False),
        ("http://10.0.0.1:80", True),
    ],
)
def test_environment_proxy_is_used_only_for_other_machines(url, proxies):
    assert make_bot(TOKEN, url).request._use_proxies is proxies
