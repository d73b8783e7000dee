"""Migrates a database to the tables of this version, under a lock, with Alembic; never downgrades.

The scripts are in the package folder `migrations` next to `bot`; no alembic.ini is needed. Most of them only add, so
that processes of the previous version continue to run. A script that renames declares it (`renames = True`): the
migration then needs exclusive access, and a backup is made first, because a downgrade means restoring it.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import Script, ScriptDirectory
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.exc import OperationalError

from bot.db import lock
from bot.db.engine import database_url
from bot.db.sqlite import sqlite_engine

SCRIPTS = Path(__file__).resolve().parents[2] / "migrations"
_ADVISORY_LOCK = 0x6E63_6D67
"""An arbitrary number, the same for all replicas."""
TRIES = 5
_DEADLOCK = "40P01"
_NAME = "nervecheck migrate"
"""The application name of migrations in PostgreSQL, so that two concurrent migrations don't refuse each other."""
_OTHERS = (
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND usename = current_user "
    "AND backend_type = 'client backend' AND application_name <> :name"
)
COPIES = Path("var")
"""The folder of backups of a PostgreSQL database; those of a SQLite file are next to it."""
Keep = Callable[[str, Path], None]
"""Backs up a database (its URL) into a new file; raises if that fails."""


class NewerDatabaseError(RuntimeError):
    """A newer version created or migrated the database: install that version, or restore a backup made before it."""


class DatabaseInUseError(RuntimeError):
    """A migration that renames was refused, because a process has the database open. Nothing was changed."""

    def __init__(self, what: str) -> None:
        super().__init__(
            f"this upgrade renames stored data, and {what}: stop every nervecheck process, including those of the "
            "previous version, and start again. Nothing was changed"
        )


def migrate(
    url: str, *, keep: Keep | None = None, kept: Callable[[Path], object] = lambda _: None, running: bool = False
) -> list[str]:
    """Migrate the database and return the migrations that ran ("0001 first tables"); empty if it was up to date.

    Before a migration that renames, `keep` makes a backup and `kept` is called with its path; without `keep` the caller
    has one. `running`: the caller itself holds the lock of the single process on a SQLite file.

    If two processes migrate at once, the second waits and finds nothing to do. A missing SQLite file and its folder are
    created, readable by their owner only. A database in memory is created when it is opened: nothing is done here.

    DatabaseInUseError if a migration renames while another process has the database open; NewerDatabaseError if the
    database is newer than this version.
    """
    path = lock.sqlite_path(url)
    if path is None and database_url(url).drivername == "sqlite":
        return []
    if path is None:
        with _connected(url) as connection:
            return _upgrade_with_retries(connection, lambda revision: _back_up(url, revision, keep, kept))
    with lock.migrating(path), ExitStack() as stack:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        revision = current(url)
        if _renames(revision):
            stack.enter_context(_exclusive_access(url, path, running=running))
            _back_up(url, str(revision), keep, kept)
        with _connected(url) as connection, connection.begin():
            return _upgrade(connection)


def current(url: str) -> str | None:
    """Return the database's revision; None if it has no tables."""
    path = lock.sqlite_path(url)
    if path is not None and not path.exists():
        return None
    with _connected(url) as connection:
        return _revision(connection)


def pending(url: str) -> bool:
    """Return whether migrations are pending.

    False if the database is newer: during a rolling upgrade, old processes keep running until they are stopped, but
    `migrate` refuses to start one.
    """
    if lock.sqlite_path(url) is None and database_url(url).drivername == "sqlite":
        return False
    with suppress(NewerDatabaseError):
        return bool(_missing(current(url)))
    return False


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
    named = {} if sqlite else {"connect_args": {"application_name": _NAME}}
    engine = sqlite_engine(parsed, writes=True) if sqlite else create_engine(parsed, hide_parameters=True, **named)
    try:
        with engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()


def _upgrade_with_retries(connection: Connection, copy: Callable[[str], None]) -> list[str]:
    """Upgrade; retry after a deadlock with a process of the previous version, if PostgreSQL rolls back ours."""
    for _ in range(TRIES - 1):
        try:
            return _upgrade_under_lock(connection, copy)
        except OperationalError as error:
            if getattr(error.orig, "sqlstate", None) != _DEADLOCK:
                raise
    return _upgrade_under_lock(connection, copy)


def _upgrade_under_lock(connection: Connection, copy: Callable[[str], None]) -> list[str]:
    key: dict[str, Any] = {"key": _ADVISORY_LOCK}
    with connection.begin():
        # Held until the end of the transaction, committed or not.
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), key)
        revision = _revision(connection)
        if _renames(revision):
            _refuse_other_connections(connection)
            copy(str(revision))
            # A backup takes a while: a process may have started in the meantime.
            _refuse_other_connections(connection)
        return _upgrade(connection)


def _refuse_other_connections(connection: Connection) -> None:
    others = connection.execute(text(_OTHERS), {"name": _NAME}).scalar_one()
    if others:
        raise DatabaseInUseError(f"PostgreSQL lists {others} other connections of this user to the database")


@contextmanager
def _exclusive_access(url: str, path: Path, *, running: bool) -> Iterator[None]:
    """Hold exclusive access to a SQLite file; DatabaseInUseError if a process or command has it open."""
    with ExitStack() as stack:
        try:
            if not running:
                stack.enter_context(lock.single_process(url))
            stack.enter_context(lock.exclusive_access(path))
        except (lock.AlreadyRunningError, lock.CommandRunningError):
            raise DatabaseInUseError(f"a nervecheck process has {path} open") from None
        yield


def _back_up(url: str, revision: str, keep: Keep | None, kept: Callable[[Path], object]) -> None:
    if keep is None:
        return
    path = lock.sqlite_path(url)
    if path is None:
        COPIES.mkdir(mode=0o700, parents=True, exist_ok=True)
    first = path or COPIES / "nervecheck.backup"
    number = 1
    while (target := first.with_name(f"{first.name}.of-{revision}-{number}")).exists():
        number += 1
    keep(url, target)
    kept(target)


def _upgrade(connection: Connection) -> list[str]:
    missing = _missing(_revision(connection))
    if missing:
        command.upgrade(config(connection), "head")
    return missing


def _revision(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _renames(revision: str | None) -> bool:
    """Return whether a migration after that revision renames stored data; False for a new, empty database."""
    return revision is not None and any(getattr(script.module, "renames", False) for script in _scripts_after(revision))


def _missing(revision: str | None) -> list[str]:
    """Return the revisions after that one with their titles, oldest first."""
    return [f"{script.revision} {script.doc}" for script in reversed(_scripts_after(revision))]


def _scripts_after(revision: str | None) -> Sequence[Script]:
    """Return the scripts after that revision, newest first; NewerDatabaseError if the revision is unknown."""
    scripts = _scripts(SCRIPTS)
    known = [script.revision for script in scripts]
    if revision is not None and revision not in known:
        raise NewerDatabaseError(NewerDatabaseError.__doc__)
    return scripts if revision is None else scripts[: known.index(revision)]


@cache
def _scripts(_folder: Path) -> Sequence[Script]:
    """Return all scripts, newest first. Read once: they don't change while the program runs."""
    return tuple(ScriptDirectory.from_config(config()).walk_revisions())
