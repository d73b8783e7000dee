import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import pytest
from prometheus_client import CollectorRegistry, Counter
from starlette.applications import Starlette

from bot.app.records.messages import Lane
from bot.clock import FrozenClock
from bot.ops import health
from bot.ops.health import (
    Probe,
    database_probe,
    delivery_probe,
    due_work_probe,
    health_routes,
    migration_probe,
    polling_probe,
    run_checks,
    running_probe,
)
from bot.ops.web import WebServer

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


class Rows:
    """A database that knows when work is due and what was retried without success, or that doesn't answer."""

    def __init__(self, *, oldest: datetime | None = None, fails: bool = False, **tried: timedelta) -> None:
        self._oldest, self._fails = oldest, fails
        self._tried = {Lane[name]: NOW - ago for name, ago in tried.items()}

    async def read(self, fn: Callable[[Any], Any]) -> Any:
        if self._fails:
            raise ConnectionError("password=wonderland")
        return fn(self)

    @property
    def settings(self) -> "Rows":
        return self

    @property
    def clock(self) -> "Rows":
        return self

    @property
    def outbox(self) -> "Rows":
        return self

    def get(self, _name: str) -> str | None:
        return None

    def next_event_at(self) -> datetime | None:
        return self._oldest

    def retrying_since(self, lane: Lane, after: datetime | None = None) -> datetime | None:
        since = self._tried.get(lane)
        return since if since is None or after is None or since > after else None


async def get(path: str, **checks: Probe) -> tuple[int, str, str]:
    """Return status, content type and body."""
    registry = CollectorRegistry()
    Counter("nervecheck_things", "Things.", registry=registry).inc(3)
    server = WebServer(Starlette(routes=health_routes(checks, registry)))
    url = await server.start("127.0.0.1", 0)
    async with aiohttp.ClientSession() as session, session.get(url + path) as answer:
        found = answer.status, answer.headers["content-type"], await answer.text()
    await server.stop()
    return found


def fine() -> Probe:
    return running_probe("part", lambda: True)


async def test_healthz_is_alive_whatever_the_checks_say() -> None:
    status, _, body = await get("/healthz", broken=running_probe("sender", lambda: False))
    assert (status, json.loads(body)) == (200, {"alive": True})


async def test_readyz_lists_every_check() -> None:
    status, _, body = await get("/readyz", database=fine(), sender=fine())
    assert status == 200
    assert json.loads(body) == {
        "ready": True,
        "checks": [{"name": "database", "ok": True, "why": ""}, {"name": "sender", "ok": True, "why": ""}],
    }


async def test_readyz_failure_says_which_and_why_and_hides_none() -> None:
    sender = running_probe("sender", lambda: False)
    status, _, body = await get("/readyz", database=database_probe(Rows(fails=True)), sender=sender, x=fine())
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


async def test_metrics_have_the_prometheus_format() -> None:
    _, kind, body = await get("/metrics")
    assert kind.startswith("text/plain")
    assert "nervecheck_things_total 3.0" in body


async def test_run_checks_hanging_check_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "CHECK_TIMEOUT_SECONDS", 0.01)

    async def hangs() -> str | None:
        await asyncio.Event().wait()
        return None

    (result,) = await run_checks({"slow": hangs})
    assert (result.ok, result.why) == (False, "no answer within 0.01 s")


def tried(*, speed: float = 1, **lanes: timedelta) -> Probe:
    """Return the probe's answer when the oldest message retried without success has that age, by lane."""
    return delivery_probe(Rows(**lanes), FrozenClock(NOW), speed=speed)


@pytest.mark.parametrize(
    ("probe", "why"),
    [
        (database_probe(Rows()), None),
        (migration_probe(lambda: False), None),
        (migration_probe(lambda: True), "migrations are missing: run `nervecheck migrate`"),
        (polling_probe(lambda: None), "Telegram has not answered yet"),
        (polling_probe(lambda: 59.9), None),
        (polling_probe(lambda: 61.0), "Telegram last answered 61 s ago"),
        (due_work_probe(Rows(), FrozenClock(NOW)), None),
        (due_work_probe(Rows(oldest=NOW + timedelta(days=1)), FrozenClock(NOW)), None),
        (due_work_probe(Rows(oldest=NOW - timedelta(minutes=9)), FrozenClock(NOW)), None),
        (
            due_work_probe(Rows(oldest=NOW - timedelta(minutes=11)), FrozenClock(NOW)),
            "the oldest work has been due for 11 min",
        ),
        (due_work_probe(Rows(oldest=NOW - timedelta(hours=9)), FrozenClock(NOW), speed=3600), None),
        (running_probe("ticker", lambda: True), None),
        (tried(), None),
        (tried(RED_FLAG=MINUTE, REPLY=2 * MINUTE, REMINDER=9 * MINUTE, CHECKIN=10 * MINUTE), None),
        (tried(RED_FLAG=3 * MINUTE), "messages are retried without success: red_flag for 3 min"),
        (
            tried(REPLY=3 * MINUTE, CHECKIN=11 * MINUTE, DIGEST=5 * MINUTE),
            "messages are retried without success: reply for 3 min, checkin for 11 min",
        ),
        (tried(REPLY=25 * 60 * MINUTE), None),
        (tried(RED_FLAG=25 * 60 * MINUTE), "messages are retried without success: red_flag for 1500 min"),
        (tried(speed=60, RED_FLAG=60 * MINUTE), None),
        (tried(speed=60, RED_FLAG=180 * MINUTE), "messages are retried without success: red_flag for 3 min"),
    ],
)
async def test_each_probe_passes_and_fails(probe: Probe, why: str | None) -> None:
    assert await probe() == why
