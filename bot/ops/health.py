"""Health for those who watch the service: is it alive, is it ready and if not why, and its counters. Changes nothing.

`/healthz` answers as long as the event loop turns; `/readyz` runs every check and answers 503 when one fails;
`/metrics` is for Prometheus. None of them shows a patient, a number or an answer.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol, TypeVar

from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bot.app.store import Lane, Store
from bot.clock import Clock

T = TypeVar("T")
Probe = Callable[[], Awaitable[str | None]]
"""Returns None when all is well, otherwise what is wrong."""

SLOW_SECONDS = 5.0
"""A check that takes longer than this has failed."""
POLL_SECONDS = 60.0
"""Polling holds a request for half a minute: twice that without an answer is silence."""
LATE = timedelta(minutes=10)
"""How long something may be due without being done; sending many check-ins at Telegram's pace takes minutes."""

UNSENT = {Lane.RED_FLAG: timedelta(minutes=2), Lane.REPLY: timedelta(minutes=2)}
"""How long a message may be tried in vain: eight of the longest waits between two tries (delivery/verdicts.py)."""
BULK_UNSENT = timedelta(minutes=10)
"""The same for all other lanes: two of their longest waits."""
ONE_CHATS_OWN = timedelta(days=1)
"""Whatever keeps all messages back has met newer ones by then; what is older has a trouble of its own."""


class Reader(Protocol):
    """What is needed of a database."""

    async def read(self, fn: Callable[[Store], T]) -> T: ...


@dataclass(frozen=True)
class Result:
    """What a check found; `why` is empty when it is well."""

    name: str
    ok: bool
    why: str = ""


async def run_checks(checks: Mapping[str, Probe]) -> list[Result]:
    """Run all checks at the same time; one that fails or hangs hides no other."""
    return list(await asyncio.gather(*(_run(name, probe) for name, probe in checks.items())))


async def _run(name: str, probe: Probe) -> Result:
    try:
        why = await asyncio.wait_for(probe(), SLOW_SECONDS)
    except TimeoutError:
        why = f"no answer within {SLOW_SECONDS:g} s"
    except Exception as error:  # noqa: BLE001 - whatever it is, the service isn't ready; its words may hold secrets
        why = type(error).__name__
    return Result(name, ok=why is None, why=why or "")


def health_routes(checks: Mapping[str, Probe], registry: CollectorRegistry = REGISTRY) -> list[Route]:
    """Return the routes /healthz, /readyz and /metrics."""

    async def alive(_request: Request) -> Response:
        return JSONResponse({"alive": True})

    async def ready(_request: Request) -> Response:
        results = await run_checks(checks)
        well = all(r.ok for r in results)
        found = [{"name": r.name, "ok": r.ok, "why": r.why} for r in results]
        return JSONResponse({"ready": well, "checks": found}, 200 if well else 503)

    async def metrics(_request: Request) -> Response:
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    return [Route("/healthz", alive), Route("/readyz", ready), Route("/metrics", metrics)]


# --- The checks -------------------------------------------------------------------------------------------------------


def reachable(database: Reader) -> Probe:
    """The database answers."""

    async def probe() -> str | None:
        await database.read(lambda store: store.setting("bot_name"))
        return None

    return probe


def migrated(pending: Callable[[], bool]) -> Probe:
    """The tables are those of this version. `pending` may block."""

    async def probe() -> str | None:
        behind = await asyncio.to_thread(pending)
        return "migrations are missing: run `nervecheck migrate`" if behind else None

    return probe


def polled(seconds_since: Callable[[], float | None]) -> Probe:
    """Telegram answered the last poll less than a minute ago. `seconds_since` is None when it never did."""

    async def probe() -> str | None:
        seconds = seconds_since()
        if seconds is None:
            return "Telegram has not answered yet"
        return f"Telegram last answered {seconds:.0f} s ago" if seconds > POLL_SECONDS else None

    return probe


def brought(trouble: Callable[[], str | None]) -> Probe:
    """Telegram can bring updates to the webhook. `trouble` says why not."""

    async def probe() -> str | None:
        return trouble()

    return probe


def on_time(database: Reader, clock: Clock, *, speed: float = 1.0) -> Probe:
    """Nothing has been due for long. `speed` is the sandbox clock's: its minutes are shorter."""

    async def probe() -> str | None:
        oldest: datetime | None = await database.read(lambda store: store.next_event_at())
        late = clock.now() - oldest if oldest is not None else timedelta(0)
        return f"the oldest work has been due for {int(late / speed / _MINUTE)} min" if late > LATE * speed else None

    return probe


def delivered(database: Reader, clock: Clock, *, speed: float = 1.0) -> Probe:
    """What is tried is sent: a message that fails each time is due in a moment for ever, which `on_time` can't see.

    What is tried again failed by the network, Telegram's servers, the token or a fault of ours: that meets every chat.
    What is one chat's own (blocked, gone, a message refused) is given up at once, and a pause that Telegram asks for in
    one chat ends by itself. So a few of the longest waits tell that nothing gets through. Still, one message that our
    own fault keeps back must not hide for weeks what else happens: after a day it counts no more. A red flag always
    counts: someone has to be called by other means.
    """

    async def probe() -> str | None:
        at = clock.now()
        day_ago = at - ONE_CHATS_OWN * speed
        tried = await database.read(
            lambda store: {lane: store.tried_since(lane, None if lane is Lane.RED_FLAG else day_ago) for lane in Lane}
        )
        waits = {lane: (at - since) / speed for lane, since in tried.items() if since is not None}
        late = {lane: waited for lane, waited in waits.items() if waited > UNSENT.get(lane, BULK_UNSENT)}
        told = ", ".join(f"{lane.name.lower()} for {waited // _MINUTE} min" for lane, waited in late.items())
        return f"messages are tried in vain: {told}" if late else None

    return probe


_MINUTE = timedelta(minutes=1)


def running(what: str, is_running: Callable[[], bool]) -> Probe:
    """A part of the program that should always run does."""

    async def probe() -> str | None:
        return None if is_running() else f"the {what} has stopped: restart the service"

    return probe
