"""Ends a run that makes no progress, with a report of what each process does. It judges nothing else."""

import asyncio
import contextlib
import io
import signal
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import aiohttp

from tests.chaos.fleet import Replica
from tests.polling import until

LOOK_SECONDS = 1.0
STACK_SECONDS = 10.0
"""How long a process may take to write its stacks before the report goes without them."""
LINES = 40


class NoProgressError(Exception):
    """The run stood still; the message is the report."""


async def watch(
    progress: Callable[[], object],
    report: Callable[[], Awaitable[str]],
    *,
    seconds: float,
    look: float = LOOK_SECONDS,
) -> None:
    """Return never: raise `NoProgressError` once `progress` has been the same for so many seconds."""
    last, since = progress(), time.monotonic()
    while True:
        await asyncio.sleep(look)
        now = progress()
        if now != last:
            last, since = now, time.monotonic()
        elif time.monotonic() - since > seconds:
            raise NoProgressError(f"no progress for {seconds:.0f} s; it stayed {last}\n{await report()}")


async def report_of(replicas: list[Replica], sandbox: str) -> str:
    """Return what each process says and does, the last lines of its log with its stacks, and this process's tasks."""
    parts = [f"sandbox: {sandbox}"]
    for replica in replicas:
        parts += [f"-- process {replica.number}: {_state(replica)}", await _readyz(replica), await _tail(replica)]
    return "\n".join([*parts, "-- tasks of this process", stacks()])


def stacks() -> str:
    """Return the stack of each task of the running event loop."""
    written = io.StringIO()
    for task in asyncio.all_tasks():
        task.print_stack(limit=8, file=written)
    return written.getvalue()


def _state(replica: Replica) -> str:
    if replica.process is None:
        return "never started"
    return f"pid {replica.process.pid}, " + (
        f"ended with {replica.process.returncode}" if not replica.is_up else "runs"
    )


async def _readyz(replica: Replica) -> str:
    url, limit = f"http://127.0.0.1:{replica.port}/readyz", aiohttp.ClientTimeout(total=5)
    try:
        async with aiohttp.request("GET", url, timeout=limit) as answer:
            return f"readyz: {answer.status} {await answer.text()}"
    except (aiohttp.ClientError, OSError) as error:
        return f"readyz: {type(error).__name__}"


async def _tail(replica: Replica) -> str:
    """Ask a process that runs for its stacks (see launch.py), which go to its log; return the end of that."""
    before = _lines(replica.log)
    if replica.is_up and replica.process is not None:
        replica.process.send_signal(signal.SIGUSR1)
        with contextlib.suppress(TimeoutError):
            await until(lambda: len(_lines(replica.log)) > len(before), seconds=STACK_SECONDS)
    return "\n".join((*before[-LINES:], *_lines(replica.log)[len(before) :]))


def _lines(log: Path) -> list[str]:
    return log.read_text(encoding="utf-8", errors="replace").splitlines() if log.exists() else []
