import asyncio

import aiohttp
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from bot.ops.web import WebServer


async def _slow(_request: Request) -> Response:
    await asyncio.sleep(0.05)
    return PlainTextResponse("done")


APP = Starlette(routes=[Route("/", _slow)])


async def test_it_serves_and_finishes_what_is_under_way_before_it_stops() -> None:
    server = WebServer(APP)
    url = await server.start("127.0.0.1", 0)
    assert server.url == url
    async with aiohttp.ClientSession() as session:
        asked = asyncio.create_task(session.get(url))
        await asyncio.sleep(0.02)
        await server.stop()
        answer = await asked
        assert await answer.text() == "done"
        assert "server" not in answer.headers
        with pytest.raises(aiohttp.ClientConnectorError):
            await session.get(url)
    await server.stop()


async def test_a_taken_port_is_refused_with_its_address() -> None:
    first = WebServer(APP)
    url = await first.start("127.0.0.1", 0)
    port = int(url.rpartition(":")[2])
    with pytest.raises(OSError, match=rf"can't listen on 127\.0\.0\.1:{port} .*: choose another address"):
        await WebServer(APP).start("127.0.0.1", port)
    await first.stop()


async def test_an_address_of_another_machine_is_refused() -> None:
    with pytest.raises(OSError, match=r"can't listen on 192\.0\.2\.1:80"):
        await WebServer(APP).start("192.0.2.1", 80)
