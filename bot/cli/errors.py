"""What a person at a shell sees when something can't be done: clear lines, no traceback, exit status 1 or 2."""

import errno
import logging
from collections.abc import Iterable
from typing import Any, NoReturn

import typer
from typer.core import TyperGroup

from bot.app.store_errors import StoreDownError
from bot.config import variable
from bot.logging import scrubbed

REFUSED = 1
MISUSED = 2


class Polite(TyperGroup):
    """The outermost group: turns what commands raise into a message and an exit status."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except Exception as error:  # the last door: a library's error is told in one line too
            if type(error).__module__.partition(".")[0] == "typer" or isinstance(error, BrokenPipeError):
                raise  # the parser's own: usage errors and exits, which it shows itself
            logging.getLogger(__name__).debug("a command failed", exc_info=error)
            problems = getattr(error, "problems", None)
            refuse(problems or [_told(error)], status=MISUSED if problems else REFUSED)


def refuse(problems: Iterable[str], *, status: int = REFUSED) -> NoReturn:
    """Say all that is wrong, one problem a line, and exit."""
    listed = list(problems)
    if len(listed) == 1:
        say_error(f"nervecheck: {listed[0]}")
    else:
        say_error(f"nervecheck: {len(listed)} problems:")
        for problem in listed:
            say_error(f"  - {problem}")
    raise typer.Exit(status)


def say_error(line: str) -> None:
    """Write one line to standard error."""
    typer.echo(line, err=True)


def _told(error: Exception) -> str:
    """Return the error in one line; an exception without words has them in its docstring."""
    if isinstance(error, StoreDownError) and isinstance(error.__cause__, Exception):
        return _told(error.__cause__)
    if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
        taken = f"{variable('listen')} or {variable('sandbox_listen')}"
        return f"{error}: is nervecheck running already? Stop it, or set another {taken}"
    if isinstance(error, OSError) and error.filename is not None and error.strerror is not None:
        return f"{error.filename}: {error.strerror}: check the path and its rights"
    ours = type(error).__module__.startswith("bot.")
    said = str(error) or ((type(error).__doc__ or "") if ours else type(error).__name__)
    # Later lines may hold rows. Our own words name study codes, which may look like numbers.
    line = said.strip().splitlines()[0]
    if ours:
        return line
    about = f"the database can't be used, check {variable('database_url')}: " if _is_a_databases(error) else ""
    return f"{about}{scrubbed(line)}"


def _is_a_databases(error: Exception) -> bool:
    return type(error).__module__.partition(".")[0] in {"sqlalchemy", "sqlite3", "psycopg"}
