"""The one place where tests wait: for something to become true, with a deadline. Nothing waits a fixed time."""

import asyncio
import inspect
import time
from collections.abc import Callable
from typing import Any

DEADLINE = 60.0
"""Seconds; long, because machines are shared: what never comes true fails late, what comes true is not held up."""
LOOK = 0.005


async def until(is_so: Callable[[], Any], *, seconds: float = DEADLINE) -> Any:
    """Wait until `is_so()`, which may be a coroutine, is true; return what it is. TimeoutError when it never is."""
    async with asyncio.timeout(seconds):
        while True:
            value = is_so()
            if inspect.isawaitable(value):
                value = await value
            if value:
                return value
            await asyncio.sleep(LOOK)


def until_blocking(is_so: Callable[[], Any], *, seconds: float = DEADLINE) -> Any:
    """`until` for tests without an event loop."""
    give_up_at = time.monotonic() + seconds
    while not (value := is_so()):
        if time.monotonic() > give_up_at:
            raise TimeoutError(f"not so within {seconds:.0f} s")
        time.sleep(LOOK)
    return value
