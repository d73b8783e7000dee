"""`nervecheck`, unchanged but for two things: its clock can be set, and each request says which outbox row it is for.

`python -m tests.chaos.launch CLOCK-FILE run`. With CHAOS_SCRIPTS, a folder, its migrations are those: a later version.
Telegram ignores arguments it doesn't know; the sandbox's journal keeps them, and so the auditor can tell a message that
was sent twice from two messages.
"""

import os
import sys
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from bot import cli, clock
from bot.db import migrate
from bot.delivery import calls, transport
from tests.chaos.offset import OffsetClock

ROW: ContextVar[int | None] = ContextVar("row", default=None)


def main() -> None:
    file, *arguments = sys.argv[1:]
    set_by_test = OffsetClock(Path(file))
    clock.SystemClock.now = lambda _self: set_by_test.now()  # type: ignore[method-assign]
    for name in ("send", "send_plain"):
        setattr(calls, name, _noting(getattr(calls, name)))
    transport._body = _with_row(transport._body)
    if scripts := os.environ.get("CHAOS_SCRIPTS"):
        migrate.SCRIPTS = Path(scripts)
    sys.argv[1:] = arguments
    cli.main()


def _noting(call: Any) -> Any:
    async def noted(bot: Any, claim: Any, rendered: Any) -> Any:
        ROW.set(claim.row.id)
        return await call(bot, claim, rendered)

    return noted


def _with_row(make: Any) -> Any:
    def body(data: Any) -> Any:
        headers, made = make(data)
        row = ROW.get()
        if row is None or made is None:
            return headers, made
        if isinstance(made, bytes):
            return headers, made + f"&outbox_row={row}&outbox_pid={os.getpid()}".encode()
        made.add_field("outbox_row", str(row))
        made.add_field("outbox_pid", str(os.getpid()))
        return headers, made

    return body


if __name__ == "__main__":
    main()
