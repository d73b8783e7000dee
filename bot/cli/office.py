"""What commands share: the settings, the open database, the time, and how data is printed. Knows no command."""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from bot import logging
from bot.app.ports import Clinic
from bot.app.store import Store
from bot.cli.errors import say_error
from bot.clock import SystemClock
from bot.config import ConfigError, Settings

if TYPE_CHECKING:
    from bot.offline import Offline
    from bot.wiring import Ready

T = TypeVar("T")
PIPE_WIDTH = 300

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]


def ready(*, sandbox: bool = False) -> "Ready":
    """Return settings and content, checked; StartRefusedError with every problem of both.

    Without a token it is the sandbox's, as with `sandbox`.
    """
    # The whole program takes a second to import, which `--help` and `play` should not pay.
    from bot import wiring  # noqa: PLC0415

    try:
        settings = settings_in_force(sandbox=sandbox)
    except ConfigError as error:
        wiring.prepare(error.rest.in_sandbox(), sandbox=True, before=error.problems)
        raise
    logging.setup(level=settings.log_level, style=settings.log_format, secrets=settings.secrets)
    return wiring.prepare(settings, sandbox=settings.token is None)


def settings_in_force(*, sandbox: bool = False) -> Settings:
    """Return the settings, the sandbox's own where no token is set; ConfigError with every problem."""
    settings = Settings.load(sandbox=sandbox)
    return settings.in_sandbox() if sandbox or settings.token is None else settings


def prepared() -> "Ready":
    """Settings and content; says so when the data are the sandbox's, as for cron without the clinic's settings."""
    found = ready()
    if found.sandbox:
        say_error(f"No token is set: this is the sandbox's data, {found.settings.data_at}.")
    return found


@contextmanager
def opened() -> Iterator["Offline"]:
    """Open the clinic's database for one command."""
    from bot.offline import offline  # noqa: PLC0415

    with offline(prepared()) as office:
        yield office


def in_transaction(fn: Callable[[Store, Clinic, datetime], T]) -> T:
    """Run one use case on the clinic's database and return what it returned."""
    with opened() as office:
        return office.run(lambda store: fn(store, office.clinic, SystemClock().now()))


# --- Printing ---------------------------------------------------------------------------------------------------------


def print_json(data: Any) -> None:
    """Print data for programs."""
    typer.echo(json.dumps(data, ensure_ascii=False, indent=2))


def print_pairs(pairs: Sequence[tuple[str, object]]) -> None:
    """Print names and values, one a line."""
    width = max(len(name) for name, _ in pairs)
    for name, value in pairs:
        typer.echo(f"{name:<{width}}  {_shown(value)}")


def print_table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print rows under their columns' names."""
    table = Table(*columns, box=SIMPLE_HEAD, pad_edge=False)
    for row in rows:
        table.add_row(*(Text(_shown(value)) for value in row))
    console = Console()
    # Not folded for a pipe: a study code that is cut in two is none.
    console.print(table, width=None if console.is_terminal else PIPE_WIDTH)


def _shown(value: object) -> str:
    if value is None or value == "":
        return "-"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M} UTC"
    return str(value)
