"""Turns the errors of commands into messages without a traceback and exit status 1 or 2. Knows no command."""

import errno
import logging
from collections.abc import Iterable
from typing import Any, NoReturn

import typer
from typer.core import TyperGroup

from bot.app.ports.errors import StoreDownError
from bot.config import variable
from bot.logging import scrubbed

REFUSED = 1
MISUSED = 2


class ReportingGroup(TyperGroup):
    """The top-level command group: turns exceptions of commands into a message and an exit status."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except Exception as error:  # last resort: an error from a library gets one line too
            if type(error).__module__.partition(".")[0] == "typer" or isinstance(error, BrokenPipeError):
                raise  # typer's own usage errors and exits: typer reports them itself
            logging.getLogger(__name__).debug("a command failed", exc_info=error)
            problems = getattr(error, "problems", None)
            refuse(problems or [_describe(error)], status=MISUSED if problems else REFUSED)


def refuse(problems: Iterable[str], *, status: int = REFUSED) -> NoReturn:
    """Print every problem, one per line, and exit."""
    lines = list(problems)
    if len(lines) == 1:
        print_error(f"nervecheck: {lines[0]}")
    else:
        print_error(f"nervecheck: {len(lines)} problems:")
        for problem in lines:
            print_error(f"  - {problem}")
    raise typer.Exit(status)


def print_error(line: str) -> None:
    """Write one line to standard error."""
    typer.echo(line, err=True)


def _describe(error: Exception) -> str:
    """Return the error in one line; for an exception of ours without a message, its docstring."""
    if isinstance(error, StoreDownError) and isinstance(error.__cause__, Exception):
        return _describe(error.__cause__)
    if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
        setting = f"{variable('listen')} or {variable('sandbox_listen')}"
        return f"{error}: is nervecheck running already? Stop it, or set another {setting}"
    if isinstance(error, OSError) and error.filename is not None and error.strerror is not None:
        return f"{error.filename}: {error.strerror}: check the path and its permissions"
    is_ours = type(error).__module__.startswith("bot.")
    message = str(error) or ((type(error).__doc__ or "") if is_ours else type(error).__name__)
    # Later lines may contain rows. Our own messages contain study codes, which scrubbing would take for numbers.
    line = message.strip().splitlines()[0]
    if is_ours:
        return line
    prefix = f"the database can't be used, check {variable('database_url')}: " if _is_database_error(error) else ""
    return f"{prefix}{scrubbed(line)}"


def _is_database_error(error: Exception) -> bool:
    return type(error).__module__.partition(".")[0] in {"sqlalchemy", "sqlite3", "psycopg"}
