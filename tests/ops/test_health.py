import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import pytest
from prometheus_client import CollectorRegistry, Counter
from starlette.applications import Starlette

from bot.clock import FrozenClock
from bot.ops import health
from bot.ops.health import Probe, health_routes, migrated, on_time, polled, reachable, run_checks, running
from bot.ops.web import WebServer

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)


class Rows:
    """A database whose store knows one moment, or none that answers."""

    def __init__(self, *, oldest: datetime | None = None, fails: bool = False) -> None:
        self._oldest, self._fails = oldest, fails

    async def read(self, fn: Callable[[Any], Any]) -> Any:
        if self._fails:
            raise ConnectionError("password=wonderland")
        return fn(self)

    def setting(self, _name: str) -> str | None:
        return None

    def next_event_at(self) -> datetime | None:
        return self._oldest


async def get(path: str, **checks: Probe) -> tuple[int, str, str]:
    """Status, content type and body."""
    registry = CollectorRegistry()
    Counter("nervecheck_things", "Things.", registry=registry).inc(3)
    server = WebServer(Starlette(routes=health_routes(checks, registry)))
    url = await server.start("127.0.0.1", 0)
    async with aiohttp.ClientSession() as session, session.get(url + path) as answer:
        found = answer.status, answer.headers["content-type"], await answer.text()
    await server.stop()
    return found


def fine() -> Probe:
    return running("part", lambda: True)


async def test_alive_whatever_the_checks_say() -> None:
    status, _, body = await get("/healthz", broken=running("sender", lambda: False))
    assert (status, json.loads(body)) == (200, {"alive": True})


async def test_ready_names_every_check() -> None:
    status, _, body = await get("/readyz", database=fine(), sender=fine())
    assert status == 200
    assert json.loads(body) == {
        "ready": True,
        "checks": [{"name": "database", "ok": True, "why": ""}, {"name": "sender", "ok": True, "why": ""}],
    }


async def test_not_ready_says_which_and_why_and_hides_no_other() -> None:
    sender = running("sender", lambda: False)
    status, _, body = await get("/readyz", database=reachable(Rows(fails=True)), sender=sender, x=fine())
    assert status == 503
    assert json.loads(body) == {
        "ready": False,
        "checks": [
            {"name": "database", "ok": False, "why": "ConnectionError"},
            {"name": "sender", "ok": False, "why": "the sender has stopped: restart the service"},
            {"name": "x", "ok": True, "why": ""},
        ],
    }
    assert "wonderland" not in body


async def test_metrics_are_for_prometheus() -> None:
    _, kind, body = await get("/metrics")
    assert kind.startswith("text/plain")
    assert "nervecheck_things_total 3.0" in body


async def test_a_check_that_hangs_has_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "SLOW_SECONDS", 0.01)

    async def hangs() -> str | None:
        await asyncio.sleep(60)
        return None

    (result,) = await run_checks({"slow": hangs})
    assert (result.ok, result.why) == (False, "no answer within 0.01 s")


@pytest.mark.parametrize(
    ("probe", "why"),
    [
        (reachable(Rows()), None),
        (migrated(lambda: False), None),
        (migrated(lambda: True), "migrations are missing: run `nervecheck migrate`"),
        (polled(lambda: None), "Telegram has not answered yet"),
        (polled(lambda: 59.9), None),
        (polled(lambda: 61.0), "Telegram last answered 61 s ago"),
        (on_time(Rows(), FrozenClock(NOW)), None),
        (on_time(Rows(oldest=NOW + timedelta(days=1)), FrozenClock(NOW)), None),
        (on_time(Rows(oldest=NOW - timedelta(minutes=9)), FrozenClock(NOW)), None),
        (
            on_time(Rows(oldest=NOW - timedelta(minutes=11)), FrozenClock(NOW)),
            "the oldest work has been due for 11 min",
        ),
        (on_time(Rows(oldest=NOW - timedelta(hours=9)), FrozenClock(NOW), speed=3600), None),
        (running("ticker", lambda: True), None),
    ],
)
async def test_each_check_knows_well_from_ill(probe: Probe, why: str | None) -> None:
    assert await probe() == why
