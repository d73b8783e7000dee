"""`nervecheck`, unchanged but for two things: its clock can be set, and each request says what it is and when it left.

`python -m tests.chaos.launch CLOCK-FILE run`. With CHAOS_SCRIPTS, a folder, its migrations are those: a later version.
Telegram ignores arguments it doesn't know; the sandbox's journal keeps them: the outbox row with its slot, revision and
screen as they were then, so that the auditor can tell a message that was sent twice from two messages; the process; and the machine's monotonic seconds, which all processes
share, so that it can tell a burst that was sent at once from paced messages that a suspended machine delivered at once.
"""

import asyncio
import faulthandler
import os
import signal
import sys
import time
from contextvars import ContextVar
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from bot import cli, clock
from bot.app.records.messages import Outbox
from bot.db import migrate
from bot.db.stores.operations import SqlClock
from bot.delivery import telegram_calls, transport
from tests.chaos.offset import OffsetClock

ROW: ContextVar[Outbox | None] = ContextVar("row", default=None)


def main() -> None:
    # For the watchdog: stacks of all threads and tasks into the log.
    signal.signal(signal.SIGUSR1, _show_tasks)
    faulthandler.register(signal.SIGUSR1, chain=True)
    file, *arguments = sys.argv[1:]
    set_by_test = OffsetClock(Path(file))
    clock.SystemClock.now = lambda _self: set_by_test.now()  # type: ignore[method-assign]
    shared_now = SqlClock.shared_now
    SqlClock.shared_now = lambda self: set_by_test.now() if shared_now(self) else None  # type: ignore[method-assign]
    for name in ("send", "send_plain_text"):
        setattr(telegram_calls, name, _noting(getattr(telegram_calls, name)))
    transport._body = _with_row(transport._body)
    if scripts := os.environ.get("CHAOS_SCRIPTS"):
        migrate.SCRIPTS = Path(scripts)
    sys.argv[1:] = arguments
    cli.main()


def _show_tasks(_signal: int, _frame: object) -> None:
    try:
        tasks = asyncio.all_tasks()
    except RuntimeError:  # no event loop runs
        return
    for task in tasks:
        task.print_stack(limit=8)


def _noting(call: Any) -> Any:
    async def noted(bot: Any, claim: Any, rendered: Any) -> Any:
        ROW.set(claim.row)
        return await call(bot, claim, rendered)

    return noted


def _with_row(make: Any) -> Any:
    def body(data: Any) -> Any:
        headers, made = make(data)
        if made is None:
            return headers, made
        notes: dict[str, Any] = {"outbox_pid": os.getpid(), "outbox_at": time.monotonic()}
        if (row := ROW.get()) is not None:
            notes |= {"outbox_row": row.id, "outbox_slot": row.slot}
            notes |= {"outbox_revision": row.revision, "outbox_screen": row.screen.name}
        if isinstance(made, bytes):
            return headers, made + f"&{urlencode(notes)}".encode()
        for name, value in notes.items():
            made.add_field(name, str(value))
        return headers, made

    return body


if __name__ == "__main__":
    main()
