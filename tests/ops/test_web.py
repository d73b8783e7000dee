import asyncio

import aiohttp
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from bot.ops.web import WebServer


async def test_stop_finishes_requests_in_progress() -> None:
    asked_for, answers = asyncio.Event(), asyncio.Event()

    async def slow(_request: Request) -> Response:
        asked_for.set()
        await answers.wait()
        return PlainTextResponse("done")

    server = WebServer(Starlette(routes=[Route("/", slow)]))
    url = await server.start("127.0.0.1", 0)
    assert server.url == url
    async with aiohttp.ClientSession() as session:
        asked = asyncio.create_task(session.get(url))
        await asked_for.wait()
        stopping = asyncio.create_task(server.stop())
        answers.set()
        await stopping
        answer = await asked
        assert await answer.text() == "done"
        assert "server" not in answer.headers
        with pytest.raises(aiohttp.ClientConnectorError):
            await session.get(url)
    await server.stop()


async def test_start_on_a_used_port_raises_with_the_address() -> None:
    first = WebServer(Starlette())
    url = await first.start("127.0.0.1", 0)
    port = int(url.rpartition(":")[2])
    with pytest.raises(OSError, match=rf"can't listen on 127\.0\.0\.1:{port} .*: choose another address"):
        await WebServer(Starlette()).start("127.0.0.1", port)
    await first.stop()


async def test_start_on_a_foreign_address_raises() -> None:
    with pytest.raises(OSError, match=r"can't listen on 192\.0\.2\.1:80"):
        await WebServer(Starlette()).start("192.0.2.1", 80)
