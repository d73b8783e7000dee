"""Brings a database to the tables of this version, under a lock, by Alembic; never takes anything back.

The scripts are in the package folder `migrations` beside `bot`; no alembic.ini is needed.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.exc import OperationalError

from bot.db import lock
from bot.db.engine import database_url
from bot.db.schema import metadata
from bot.db.sqlite import sqlite_engine

SCRIPTS = Path(__file__).resolve().parents[2] / "migrations"
_ADVISORY_LOCK = 0x6E63_6D67
"""Any number, the same for all replicas."""
TRIES = 5
_DEADLOCK = "40P01"


class NewerDatabaseError(RuntimeError):
    """The database was made by a newer version: install that version again, or restore a backup of before it."""


def migrate(url: str) -> list[str]:
    """Bring the database up to date and return what was done ("0001 first tables"), an empty list for nothing.

    Two processes at once: the second waits and finds nothing to do. A SQLite file and its folder are made when
    missing, readable by their owner only. A database in memory is made when it is opened: nothing is done here.
    """
    path = lock.sqlite_path(url)
    if path is None and database_url(url).drivername == "sqlite":
        return []
    if path is None:
        with _connected(url) as connection:
            return _upgrade_beside_others(connection)
    with lock.migrating(path):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        with _connected(url) as connection, connection.begin():
            return _upgrade(connection)


def current(url: str) -> str | None:
    """Return the database's revision; None for one without tables."""
    path = lock.sqlite_path(url)
    if path is not None and not path.exists():
        return None
    with _connected(url) as connection:
        return _revision(connection)


def pending(url: str) -> bool:
    """Tell whether `migrate` has something to do.

    Not when the database is newer: in a rolling upgrade the old processes go on until each is stopped. A start is
    refused then, by `migrate`.
    """
    if lock.sqlite_path(url) is None and database_url(url).drivername == "sqlite":
        return False
    with suppress(NewerDatabaseError):
        return bool(_missing(current(url)))
    return False


def check_metadata(url: str) -> list[str]:
    """Return how a migrated database differs from tables.py, one line each; empty when the migrations are complete."""
    with _connected(url) as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        return [repr(difference) for difference in compare_metadata(context, metadata)]


def config(connection: Connection | None = None) -> Config:
    """Return Alembic's settings; its scripts run on the connection given."""
    settings = Config()
    settings.set_main_option("script_location", str(SCRIPTS).replace("%", "%%"))
    settings.set_main_option("path_separator", "os")
    settings.attributes["connection"] = connection
    return settings


@contextmanager
def _connected(url: str) -> Iterator[Connection]:
    parsed = database_url(url)
    sqlite = parsed.drivername == "sqlite"
    engine = sqlite_engine(parsed, writes=True) if sqlite else create_engine(parsed, hide_parameters=True)
    try:
        with engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()


def _upgrade_beside_others(connection: Connection) -> list[str]:
    """The old version may be at work: when each waits for a table of the other's, PostgreSQL undoes one, maybe us."""
    for _ in range(TRIES - 1):
        try:
            return _upgrade_under_lock(connection)
        except OperationalError as error:
            if getattr(error.orig, "sqlstate", None) != _DEADLOCK:
                raise
    return _upgrade_under_lock(connection)


def _upgrade_under_lock(connection: Connection) -> list[str]:
    key: dict[str, Any] = {"key": _ADVISORY_LOCK}
    with connection.begin():
        # Held to the end of the transaction, whatever that end is.
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), key)
        return _upgrade(connection)


def _upgrade(connection: Connection) -> list[str]:
    missing = _missing(_revision(connection))
    if missing:
        command.upgrade(config(connection), "head")
    return missing


def _revision(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _missing(revision: str | None) -> list[str]:
    """The revisions after that one, oldest first, each with its title."""
    scripts = list(ScriptDirectory.from_config(config()).walk_revisions())
    known = [script.revision for script in scripts]
    if revision is not None and revision not in known:
        raise NewerDatabaseError(NewerDatabaseError.__doc__)
    ahead = scripts if revision is None else scripts[: known.index(revision)]
    return [f"{script.revision} {script.doc}" for script in reversed(ahead)]
