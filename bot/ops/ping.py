"""The dead man's switch: pings an address once a minute while all checks pass.

The monitoring service at that address raises an alarm when the pings stop: no process can report its own death.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

import aiohttp
import structlog
from prometheus_client import Counter

from bot.ops.health import Probe, run_checks

log = structlog.get_logger(__name__)

EVERY_SECONDS = 60.0
ANSWER_SECONDS = 10.0
PINGS = Counter("nervecheck_pings_total", "Pings of the dead man's switch, by outcome.", ["outcome"])


async def ping_once(url: str) -> None:
    """Request the address once; raise what aiohttp raises, also for an error status."""
    timeout = aiohttp.ClientTimeout(total=ANSWER_SECONDS)
    async with aiohttp.ClientSession(timeout=timeout) as session, session.get(url) as answer:
        answer.raise_for_status()


async def keep_pinging(
    url: str,
    checks: Mapping[str, Probe],
    *,
    every: float = EVERY_SECONDS,
    ping: Callable[[str], Awaitable[None]] = ping_once,
) -> None:
    """Ping the address regularly while every check passes, until cancelled."""
    while True:
        await asyncio.sleep(every)
        if not all(result.ok for result in await run_checks(checks)):
            PINGS.labels("held_back").inc()
            continue
        try:
            await ping(url)
        except Exception as error:  # noqa: BLE001 - its message may contain the address, which is a secret
            PINGS.labels("failed").inc()
            log.warning("the ping failed", action="ping_failed", error=type(error).__name__)
        else:
            PINGS.labels("done").inc()
