import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import pytest
from prometheus_client import CollectorRegistry, Counter
from starlette.applications import Starlette

from bot.app.store import Lane
from bot.clock import FrozenClock
from bot.ops import health
from bot.ops.health import Probe, delivered, health_routes, migrated, on_time, polled, reachable, run_checks, running
from bot.ops.web import WebServer

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


class Rows:
    """A database whose store knows one moment, what was tried in vain, or none that answers."""

    def __init__(self, *, oldest: datetime | None = None, fails: bool = False, **tried: timedelta) -> None:
        self._oldest, self._fails = oldest, fails
        self._tried = {Lane[name]: NOW - ago for name, ago in tried.items()}

    async def read(self, fn: Callable[[Any], Any]) -> Any:
        if self._fails:
            raise ConnectionError("password=wonderland")
        return fn(self)

    def setting(self, _name: str) -> str | None:
        return None

    def next_event_at(self) -> datetime | None:
        return self._oldest

    def tried_since(self, lane: Lane, after: datetime | None = None) -> datetime | None:
        since = self._tried.get(lane)
        return since if since is None or after is None or since > after else None


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


def tried(*, speed: float = 1, **lanes: timedelta) -> Probe:
    """What is said when the oldest message that was tried in vain is so old, by lane."""
    return delivered(Rows(**lanes), FrozenClock(NOW), speed=speed)


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
        (tried(), None),
        (tried(RED_FLAG=MINUTE, REPLY=2 * MINUTE, REMINDER=9 * MINUTE, CHECKIN=10 * MINUTE), None),
        (tried(RED_FLAG=3 * MINUTE), "messages are tried in vain: red_flag for 3 min"),
        (
            tried(REPLY=3 * MINUTE, CHECKIN=11 * MINUTE, DIGEST=5 * MINUTE),
            "messages are tried in vain: reply for 3 min, checkin for 11 min",
        ),
        (tried(REPLY=25 * 60 * MINUTE), None),
        (tried(RED_FLAG=25 * 60 * MINUTE), "messages are tried in vain: red_flag for 1500 min"),
        (tried(speed=60, RED_FLAG=60 * MINUTE), None),
        (tried(speed=60, RED_FLAG=180 * MINUTE), "messages are tried in vain: red_flag for 3 min"),
    ],
)
async def test_each_check_knows_well_from_ill(probe: Probe, why: str | None) -> None:
    assert await probe() == why
