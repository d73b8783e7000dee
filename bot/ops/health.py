"""Serves health checks and metrics: whether the service is alive, whether it is ready, and if not, why. Read-only.

`/healthz` answers as long as the event loop runs; `/readyz` runs every check and answers 503 if one fails;
`/metrics` is for Prometheus. None of them shows a patient, a number or an answer.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bot.app.records.messages import Lane
from bot.app.work import Transactor
from bot.clock import Clock

T = TypeVar("T")
Probe = Callable[[], Awaitable[str | None]]
"""A check that returns None if it passes, otherwise the reason."""

CHECK_TIMEOUT_SECONDS = 5.0
"""A check that takes longer than this fails."""
MAX_POLL_AGE_SECONDS = 60.0
"""A poll is held for half a minute: twice that without an answer means that Telegram is not answering."""
MAX_LATENESS = timedelta(minutes=10)
"""How long work may be overdue: sending many check-ins within Telegram's rate limits takes minutes."""

MAX_URGENT_RETRY = {Lane.RED_FLAG: timedelta(minutes=2), Lane.REPLY: timedelta(minutes=2)}
"""How long an urgent message may be retried without success: eight maximum backoffs (delivery/outcomes.py)."""
MAX_BULK_RETRY = timedelta(minutes=10)
"""The same for all other lanes: two maximum backoffs."""
MAX_COUNTED_AGE = timedelta(days=1)
"""An older message has a problem of its own: one that blocks all messages also affects newer ones by then."""


@dataclass(frozen=True)
class CheckResult:
    """The result of one check; `why` is empty if it passed."""

    name: str
    ok: bool
    why: str = ""


async def run_checks(checks: Mapping[str, Probe]) -> list[CheckResult]:
    """Run all checks concurrently and return their results; one that fails or hangs doesn't hide the others."""
    return list(await asyncio.gather(*(_run(name, probe) for name, probe in checks.items())))


async def _run(name: str, probe: Probe) -> CheckResult:
    try:
        why = await asyncio.wait_for(probe(), CHECK_TIMEOUT_SECONDS)
    except TimeoutError:
        why = f"no answer within {CHECK_TIMEOUT_SECONDS:g} s"
    except Exception as error:  # noqa: BLE001 - on any error the service isn't ready; its message may contain secrets
        why = type(error).__name__
    return CheckResult(name, ok=why is None, why=why or "")


def health_routes(checks: Mapping[str, Probe], registry: CollectorRegistry = REGISTRY) -> list[Route]:
    """Return the routes /healthz, /readyz and /metrics."""

    async def healthz(_request: Request) -> Response:
        return JSONResponse({"alive": True})

    async def readyz(_request: Request) -> Response:
        results = await run_checks(checks)
        is_ready = all(r.ok for r in results)
        details = [{"name": r.name, "ok": r.ok, "why": r.why} for r in results]
        return JSONResponse({"ready": is_ready, "checks": details}, 200 if is_ready else 503)

    async def metrics(_request: Request) -> Response:
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    return [Route("/healthz", healthz), Route("/readyz", readyz), Route("/metrics", metrics)]


# --- The checks -------------------------------------------------------------------------------------------------------


def database_probe(database: Transactor) -> Probe:
    """Return a probe that the database answers."""

    async def probe() -> str | None:
        await database.read(lambda stores: stores.settings.get("bot_name"))
        return None

    return probe


def migration_probe(pending: Callable[[], bool]) -> Probe:
    """Return a probe that the tables match this version. `pending` may block."""

    async def probe() -> str | None:
        is_behind = await asyncio.to_thread(pending)
        return "migrations are missing: run `nervecheck migrate`" if is_behind else None

    return probe


def polling_probe(seconds_since: Callable[[], float | None]) -> Probe:
    """Return a probe that Telegram answered a poll within the last minute; `seconds_since` is None if it never has."""

    async def probe() -> str | None:
        seconds = seconds_since()
        if seconds is None:
            return "Telegram has not answered yet"
        return f"Telegram last answered {seconds:.0f} s ago" if seconds > MAX_POLL_AGE_SECONDS else None

    return probe


def webhook_probe(problem: Callable[[], str | None]) -> Probe:
    """Return a probe that Telegram can deliver updates to the webhook; `problem` returns why not."""

    async def probe() -> str | None:
        return problem()

    return probe


def due_work_probe(database: Transactor, clock: Clock, *, speed: float = 1.0) -> Probe:
    """Return a probe that no work is long overdue. `speed` is the sandbox clock's, whose minutes are shorter."""

    async def probe() -> str | None:
        oldest: datetime | None = await database.read(lambda stores: stores.clock.next_event_at())
        late = clock.now() - oldest if oldest is not None else timedelta(0)
        return (
            f"the oldest work has been due for {int(late / speed / _MINUTE)} min"
            if late > MAX_LATENESS * speed
            else None
        )

    return probe


def delivery_probe(database: Transactor, clock: Clock, *, speed: float = 1.0) -> Probe:
    """Return a probe that retried messages are sent: one that always fails is never overdue for `due_work_probe`.

    A retried message failed because of the network, Telegram's servers, the token or our own error, which affect every
    chat. A problem of one chat (blocked, unreachable, a rejected message) ends the retries at once, and a pause of one
    chat that Telegram requests ends by itself. So a few maximum backoffs mean that nothing is getting through. But one
    message that our own error blocks must not hide other problems for weeks: it is ignored after a day. A red flag is
    never ignored: someone has to be called by other means.
    """

    async def probe() -> str | None:
        at = clock.now()
        day_ago = at - MAX_COUNTED_AGE * speed
        retried = await database.read(
            lambda stores: {
                lane: stores.outbox.retrying_since(lane, None if lane is Lane.RED_FLAG else day_ago) for lane in Lane
            }
        )
        waits = {lane: (at - since) / speed for lane, since in retried.items() if since is not None}
        late = {lane: waited for lane, waited in waits.items() if waited > MAX_URGENT_RETRY.get(lane, MAX_BULK_RETRY)}
        waiting = ", ".join(f"{lane.name.lower()} for {waited // _MINUTE} min" for lane, waited in late.items())
        return f"messages are retried without success: {waiting}" if late else None

    return probe


_MINUTE = timedelta(minutes=1)


def running_probe(what: str, is_running: Callable[[], bool]) -> Probe:
    """Return a probe that a part of the program which should always run is running."""

    async def probe() -> str | None:
        return None if is_running() else f"the {what} has stopped: restart the service"

    return probe
