"""The dead man's switch: pinged while all checks pass, and not otherwise."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from structlog.testing import capture_logs

from bot.ops.ping import PINGS, keep_pinging, ping_once
from bot.ops.web import WebServer
from tests.polling import until

URL = "https://alarm.example/secret-of-this-clinic"


def count(outcome: str) -> float:
    return PINGS.labels(outcome)._value.get()


def check(why: str | None) -> Callable[[], Awaitable[str | None]]:
    async def probe() -> str | None:
        return why

    return probe


async def pinged(*, why: str | None, outcome: str, fails: bool = False) -> list[str]:
    asked: list[str] = []

    async def ping(url: str) -> None:
        asked.append(url)
        if fails:
            raise ConnectionError(url)

    before = count(outcome)
    task = asyncio.create_task(keep_pinging(URL, {"x": check(None), "y": check(why)}, every=0.01, ping=ping))
    await until(lambda: count(outcome) >= before + 2)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    return asked


async def test_ping_is_sent_while_checks_pass() -> None:
    assert set(await pinged(why=None, outcome="done")) == {URL}


async def test_ping_is_not_sent_while_a_check_fails() -> None:
    assert await pinged(why="the database is down", outcome="held_back") == []


async def test_ping_failure_continues_and_logs_no_address() -> None:
    with capture_logs() as logs:
        assert len(await pinged(why=None, outcome="failed", fails=True)) >= 2
    assert "ping_failed" in {line["action"] for line in logs}
    assert "secret-of-this-clinic" not in str(logs)


async def test_ping_once_requests_the_address() -> None:
    from starlette.applications import Starlette  # noqa: PLC0415
    from starlette.responses import PlainTextResponse  # noqa: PLC0415
    from starlette.routing import Route  # noqa: PLC0415

    heard = []

    async def hear(request):
        heard.append(request.url.path)
        return PlainTextResponse("ok", 200 if request.url.path == "/ok" else 500)

    server = WebServer(Starlette(routes=[Route("/{any}", hear)]))
    url = await server.start("127.0.0.1", 0)
    await ping_once(f"{url}/ok")
    with pytest.raises(Exception, match="500"):
        await ping_once(f"{url}/bad")
    assert heard == ["/ok", "/bad"]
    await server.stop()
