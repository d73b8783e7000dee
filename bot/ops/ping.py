"""The dead man's switch: an address is asked once a minute while all is well, and raises the alarm when it is not.

Whoever listens there (a monitoring service) notices what no process can say of itself: that it is gone.
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
PINGS = Counter("nervecheck_pings_total", "Times that the address of the dead man's switch was asked.", ["outcome"])


async def ask(url: str) -> None:
    """Ask the address once; raises what aiohttp raises, also for a refusal."""
    timeout = aiohttp.ClientTimeout(total=ANSWER_SECONDS)
    async with aiohttp.ClientSession(timeout=timeout) as session, session.get(url) as answer:
        answer.raise_for_status()


async def keep_pinging(
    url: str,
    checks: Mapping[str, Probe],
    *,
    every: float = EVERY_SECONDS,
    ping: Callable[[str], Awaitable[None]] = ask,
) -> None:
    """Ask the address while every check passes, until cancelled."""
    while True:
        await asyncio.sleep(every)
        if not all(result.ok for result in await run_checks(checks)):
            PINGS.labels("held_back").inc()
            continue
        try:
            await ping(url)
        except Exception as error:  # noqa: BLE001 - its words may hold the address, which is a secret
            PINGS.labels("failed").inc()
            log.warning("the ping failed", action="ping_failed", error=type(error).__name__)
        else:
            PINGS.labels("done").inc()
