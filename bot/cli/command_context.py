"""The command context: settings, database session, time, and printing. Knows no command."""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from bot import logging
from bot.app.work import Work
from bot.cli.errors import print_error
from bot.clock import SystemClock
from bot.config import ConfigError, Settings
from bot.dialog.work import work_on

if TYPE_CHECKING:
    from bot.database_session import DatabaseSession
    from bot.wiring import App

T = TypeVar("T")
PIPE_WIDTH = 300

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def load(*, sandbox: bool = False, speed: float = 1.0) -> "App":
    """Return checked settings and content: the sandbox's with `sandbox` or without a token.

    ConfigError or StartRefusedError lists every problem of both.
    """
    # Importing the whole program takes a second, which `--help` and `play` should not cost.
    from bot import wiring  # noqa: PLC0415

    try:
        settings = effective_settings(sandbox=sandbox)
    except ConfigError as error:
        wiring.build(error.usable.for_sandbox(), sandbox=True, before=error.problems)
        raise
    logging.setup(level=settings.log_level, style=settings.log_format, secrets=settings.secrets)
    return wiring.build(settings, sandbox=settings.token is None, speed=speed)


def effective_settings(*, sandbox: bool = False) -> Settings:
    """Return the settings, or the sandbox's if no token is set; ConfigError lists every problem."""
    settings = Settings.load(sandbox=sandbox)
    return settings.for_sandbox() if sandbox or settings.token is None else settings


def load_with_notice() -> "App":
    """Return checked settings and content. Print a notice if they are the sandbox's.

    The notice reveals that, for example, a cron job runs without the clinic's settings.
    """
    loaded = load()
    if loaded.sandbox:
        print_error(f"No token is set: using the sandbox database {loaded.settings.data_location}.")
    return loaded


@contextmanager
def database_session() -> Iterator["DatabaseSession"]:
    """Open the clinic's database for one command."""
    from bot.database_session import open_session  # noqa: PLC0415

    with open_session(load_with_notice(), report_copy) as session:
        yield session


def report_copy(copy: Path) -> None:
    """Say on standard error that the database is being upgraded, and where the copy from before is."""
    print_error(
        f"The database is upgraded to this version. A copy from before is in {copy}: "
        "going back to the previous version means restoring it."
    )


def in_transaction(fn: Callable[[Work], T]) -> T:
    """Run one use case in a transaction on the clinic's database and return its result."""
    with database_session() as session:
        return session.run(lambda stores: fn(work_on(stores, session.clinic, SystemClock().now(), actor="operator")))


# --- Printing ---------------------------------------------------------------------------------------------------------


FORMER_KEYS = {
    "acknowledge_by": "take_by",
    "acknowledged_at": "taken_at",
    "agreed_levels": "expecting",
    "is_agreed": "expected",
    "on_call": "on_duty",
    "owner": "taken_by",
    "plan_override": "own",
    "result": "verdict",
    "safety_follow_ups": "loop_backs",
    "tasks": "work_items",
}
"""Renamed keys and their former names, which are also printed for one version."""


def print_json(data: Any) -> None:
    """Print data as JSON."""
    typer.echo(json.dumps(_with_former_keys(data), ensure_ascii=False, indent=2))


def _with_former_keys(data: Any) -> Any:
    if isinstance(data, dict):
        now = {key: _with_former_keys(value) for key, value in data.items()}
        return now | {FORMER_KEYS[key]: value for key, value in now.items() if key in FORMER_KEYS}
    return [_with_former_keys(each) for each in data] if isinstance(data, list | tuple) else data


def print_fields(pairs: Sequence[tuple[str, object]]) -> None:
    """Print names and values, one pair per line."""
    width = max(len(name) for name, _ in pairs)
    for name, value in pairs:
        typer.echo(f"{name:<{width}}  {_format(value)}")


def print_table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print rows as a table with column headings."""
    table = Table(*columns, box=SIMPLE_HEAD, pad_edge=False)
    for row in rows:
        table.add_row(*(Text(_format(value)) for value in row))
    console = Console()
    # Don't wrap in a pipe: a study code split over two lines can't be parsed.
    console.print(table, width=None if console.is_terminal else PIPE_WIDTH)


def _format(value: object) -> str:
    if value is None or value == "":
        return "-"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M} UTC"
    return str(value)
