"""Backups of a database: made while the bot runs, verified by opening every row, restored. Knows no use case.

SQLite is copied with its own backup API: a consistent snapshot that doesn't block writers. PostgreSQL is copied with
pg_dump and pg_restore, which must be installed. A backup is as secret as the database and needs the same keys.
"""

import os
import secrets
import shutil
import sqlite3
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import URL, Table, create_engine, inspect, select
from sqlalchemy.exc import DBAPIError

from bot.app.operations.installation import OLDEST_KEY
from bot.app.work import Stores
from bot.db import lock
from bot.db.columns import label_of
from bot.db.crypto import Keyring, KeyringError, SealError
from bot.db.engine import database_url, in_memory
from bot.db.migrate import NewerDatabaseError, current, migrate
from bot.db.opening import open_database
from bot.db.schema import metadata

BATCH_ROWS = 1000
"""The number of rows that a verification holds in memory."""
_JOURNALS = ("-wal", "-shm", "-journal")
_SIZE = "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()"
_CORRUPT = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
Against = Callable[[Stores], Sequence[str]]
"""Returns the reasons why a database can't be used with the current settings."""


class BackupError(RuntimeError):
    """A backup can't be made, used or restored; the message says why and what to do."""


@dataclass(frozen=True)
class VerifiedBackup:
    """A verified backup: its revision (before any migration) and the number of rows of each table."""

    revision: str
    rows: Mapping[str, int]
    opened: int
    """The number of rows with sealed values, all of which were opened."""


def backup(url: str, target: Path) -> None:
    """Back up the database into a new file, readable by its owner only; leave no incomplete file.

    BackupError if the file exists, its folder doesn't, or the database can't be copied.
    """
    if target.exists():
        raise BackupError(f"{target} already exists: name another file, or move it away")
    if not target.parent.is_dir():
        raise BackupError(f"{target.parent} is not a folder: create it first, or name another")
    parsed, path = _where(url)
    with _temporary_file(target) as part:
        if path is not None:
            _copy_sqlite(path, part)
        else:
            _run("pg_dump", ["--format=custom", "--no-owner", "--no-privileges", f"--file={part}"], parsed)
        _sync(part)
        part.replace(target)
    _sync(target.parent)


def verify(url: str, source: Path, keyring: Keyring, against: Against) -> VerifiedBackup:
    """Restore the backup to a temporary file or scratch database, migrate it, and read and open all rows.

    BackupError if it is damaged, needs other keys, or the bot would refuse to start on it.
    """
    _require_file(source)
    if database_url(url).drivername == "sqlite":
        with tempfile.TemporaryDirectory(prefix="nervecheck-verify-") as folder:
            aside = Path(folder) / "copy.db"
            shutil.copyfile(source, aside)
            _check_file(aside, source, then="use another backup")
            return _read(f"sqlite:///{aside}", source, keyring, against)
    with _scratch(database_url(url)) as scratch:
        _run("pg_restore", [*_RESTORE, str(source)], scratch)
        return _read(scratch.render_as_string(hide_password=False), source, keyring, against)


def restore(url: str, source: Path, keyring: Keyring, against: Against, kept: Callable[[Path], object]) -> None:
    """Verify the backup and replace the database with it.

    SQLite: refuse while the bot runs or a command has the file open; call `kept` with the path of a copy of the present
    database before replacing it. PostgreSQL: refuse if the database has tables. BackupError says why it is refused.
    """
    parsed, path = _where(url)
    verify(url, source, keyring, against)
    if path is not None:
        with lock.single_process(url), lock.exclusive_access(path), lock.migrating(path):
            _replace(path, source, kept)
        return
    if _tables(parsed):
        raise BackupError(
            "the database already has tables: create an empty one, set NERVECHECK_DATABASE_URL to it and restore "
            "there; the old one is kept unchanged"
        )
    _run("pg_restore", [*_RESTORE, str(source)], parsed)


@contextmanager
def upgraded_copy(url: str) -> Iterator[str]:
    """Yield the URL of a copy of the database as it would be after an upgrade, and remove it at the end.

    SQLite: a temporary file. PostgreSQL: a scratch database on the same server. BackupError if it can't be copied.
    """
    with tempfile.TemporaryDirectory(prefix="nervecheck-copy-") as folder:
        copy = Path(folder) / "copy.db"
        backup(url, copy)
        if lock.sqlite_path(url) is not None:
            migrate(f"sqlite:///{copy}")
            yield f"sqlite:///{copy}"
            return
        with _scratch(database_url(url)) as scratch:
            _run("pg_restore", [*_RESTORE, str(copy)], scratch)
            upgraded = scratch.render_as_string(hide_password=False)
            migrate(upgraded)
            yield upgraded


def _where(url: str) -> tuple[URL, Path | None]:
    """Return the database's URL, and its path if it is a file."""
    parsed = database_url(url)
    if in_memory(parsed):
        raise BackupError("the database is in memory only: it can be neither backed up nor restored")
    return parsed, lock.sqlite_path(url)


# -- SQLite


def _copy_sqlite(path: Path, target: Path) -> None:
    if not path.exists():
        raise BackupError(
            f"{path} does not exist: nothing was stored yet, or NERVECHECK_DATABASE_URL names another file"
        )
    uri = f"file:{quote(str(path))}?mode=ro"
    try:
        with closing(sqlite3.connect(uri, uri=True)) as source, closing(sqlite3.connect(target)) as copy:
            source.backup(copy)
            # A single file, without a separate journal.
            copy.execute("PRAGMA journal_mode = DELETE")
    except sqlite3.DatabaseError as error:
        raise BackupError(
            f"{path} can't be copied, perhaps it is damaged ({error}): free disk space, or restore the last good "
            "backup with `nervecheck restore`"
        ) from None
    _check_file(target, path, then="restore the last good backup with `nervecheck restore`")


def _replace(path: Path, source: Path, kept: Callable[[Path], object]) -> None:
    """Replace the file atomically: if killed, either the old file with all committed data remains, or the new one."""
    if path.exists():
        if source.samefile(path):
            raise BackupError(f"{source} is the database itself: name a backup that `nervecheck backup` made")
        kept(_set_aside(path))
        _checkpoint(path)
    with _temporary_file(path) as part:
        shutil.copyfile(source, part)
        _sync(part)
        # The journal belongs to the old file: SQLite would apply it to the new one.
        for ending in _JOURNALS:
            path.with_name(path.name + ending).unlink(missing_ok=True)
        _sync(path.parent)
        part.replace(path)
    _sync(path.parent)


def _checkpoint(path: Path) -> None:
    """Write the journal into the file, because the journal is removed next."""
    try:
        with closing(sqlite3.connect(path)) as connection:
            busy, *_ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    except sqlite3.DatabaseError as error:
        if error.sqlite_errorcode & 0xFF in _CORRUPT:
            return  # the copy kept its bytes and its journal
        raise BackupError(
            f"{path} can't be written ({error}): free disk space, or move it and its journal away"
        ) from None
    if busy:
        raise BackupError(f"another program has {path} open: stop it first")


def _check_file(path: Path, named: Path, then: str) -> None:
    try:
        with closing(sqlite3.connect(path)) as connection:
            (whole,) = connection.execute(_SIZE).fetchone()
            found = [row[0] for row in connection.execute("PRAGMA integrity_check")]
            strays = connection.execute("PRAGMA foreign_key_check").fetchall()
    except sqlite3.DatabaseError as error:
        raise BackupError(f"{named} is not a database, or it is damaged ({error}): {then}") from None
    if path.stat().st_size < whole:
        raise BackupError(f"{named} is damaged (its end is missing): {then}")
    if found != ["ok"] or strays:
        raise BackupError(f"{named} is damaged ({len(found)} faults, {len(strays)} stray rows): {then}")


def _set_aside(path: Path) -> Path:
    """Copy the present database and return the copy's path; if it is damaged, copy its bytes and its journal."""
    number = 1
    while (aside := path.with_name(f"{path.name}.before-restore-{number}")).exists():
        number += 1
    try:
        with _temporary_file(aside) as part:
            _copy_sqlite(path, part)
            _sync(part)
            part.replace(aside)
    except BackupError:
        for ending in ("", "-wal", "-journal"):
            _copy_bytes(path.with_name(path.name + ending), aside.with_name(aside.name + ending))
    _sync(aside.parent)
    return aside


def _copy_bytes(source: Path, target: Path) -> None:
    if source.exists():
        with _temporary_file(target) as part:
            shutil.copyfile(source, part)
            _sync(part)
            part.replace(target)


@contextmanager
def _temporary_file(target: Path) -> Iterator[Path]:
    """Yield a temporary file in the target's folder; remove it at the end unless it was renamed to the target."""
    part = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
    os.close(os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    try:
        yield part
    finally:
        part.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    """Flush a file's content, or a folder's entries, to disk."""
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(file)
    finally:
        os.close(file)


# -- PostgreSQL

_RESTORE = ("--no-owner", "--no-privileges", "--exit-on-error", "--single-transaction")


def _run(tool: str, arguments: list[str], url: URL) -> None:
    """Run one of PostgreSQL's tools; pass passwords in files, so that the list of processes doesn't show them."""
    if shutil.which(tool) is None:
        raise BackupError(
            f"{tool} is not installed: install PostgreSQL's client tools of the server's version or newer"
        )
    with tempfile.TemporaryDirectory(prefix="nervecheck-") as folder:
        known, settings = _without_passwords(url.set(drivername="postgresql"), Path(folder))
        command = ["env", *settings, tool, f"--dbname={known.render_as_string(hide_password=False)}", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own arguments
    if done.returncode != 0:
        raise BackupError(f"{tool} failed: {_why(tool, done.stderr)}")


def _without_passwords(url: URL, folder: Path) -> tuple[URL, list[str]]:
    """Write the passwords into files; return a URL that refers to them, and the environment variables to set."""
    password, of_key = url.query.get("password") or url.password, url.query.get("sslpassword")
    settings = ["LC_ALL=C"]  # `_why` parses the messages
    # `set` can change a password but not remove it.
    url = url._replace(password=None).difference_update_query(["password", "sslpassword"])
    if password:
        escaped = str(password).replace("\\", "\\\\").replace(":", "\\:")
        passfile = _secret(folder / "pgpass", f"*:*:*:*:{escaped}\n")
        url = url.update_query_dict({"passfile": str(passfile)})
    if of_key:
        service = _secret(folder / "service", f"[nervecheck]\nsslpassword={of_key}\n")
        url = url.update_query_dict({"service": "nervecheck"})
        settings.append(f"PGSERVICEFILE={service}")
    return url, settings


def _secret(path: Path, content: str) -> Path:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(content)
    return path


def _why(tool: str, said: str) -> str:
    """Return the tool's first own message; other lines, and text after a table's name, may contain a row."""
    mark, table = f"{tool}: error: ", "COPY failed for table "
    line = next((line.removeprefix(mark) for line in said.splitlines() if line.startswith(mark)), "no reason given")
    if line.startswith(table):
        return f"{line.partition(': ')[0]}: the server's log says why"
    return line


@contextmanager
def _scratch(url: URL) -> Iterator[URL]:
    """Create a scratch database on the same server; drop it at the end."""
    name = f"nervecheck_scratch_{secrets.token_hex(4)}"
    engine = create_engine(url, isolation_level="AUTOCOMMIT", hide_parameters=True)
    try:
        with engine.connect() as connection:
            try:
                connection.exec_driver_sql(f'CREATE DATABASE "{name}" TEMPLATE template0')
            except DBAPIError:
                raise BackupError(
                    "a scratch database can't be created: let this user create databases, or restore a backup on a "
                    "server where it may, and run the command there"
                ) from None
            try:
                yield url.set(database=name)
            finally:
                connection.exec_driver_sql(f'DROP DATABASE "{name}" WITH (FORCE)')
    finally:
        engine.dispose()


def _tables(url: URL) -> list[str]:
    engine = create_engine(url, hide_parameters=True)
    try:
        return inspect(engine).get_table_names()
    finally:
        engine.dispose()


# -- both


def _require_file(source: Path) -> None:
    if not source.is_file():
        raise BackupError(f"{source} is not a file: name a backup that `nervecheck backup` made")


def _read(url: str, source: Path, keyring: Keyring, against: Against) -> VerifiedBackup:
    try:
        revision = current(url)
        if revision is None:
            raise BackupError(f"{source} contains no nervecheck tables: name a backup that `nervecheck backup` made")
        migrate(url)
        problems, claimed = _asked(url, keyring, against)
        if problems:
            raise BackupError(f"the bot would not start on {source}: {'; '.join(problems)}")
        rows, opened = _opened(url, keyring)
    except NewerDatabaseError as error:
        raise BackupError(f"{source}: {error}") from None
    except (SealError, KeyringError) as error:
        raise BackupError(
            f"{source} does not open with NERVECHECK_KEYS ({error}): set the keys used at the time"
        ) from None
    except (ValueError, TypeError, OverflowError) as error:
        raise BackupError(
            f"{source} is damaged, a row can't be read ({type(error).__name__}): use another backup"
        ) from None
    if rows["patient"] and not opened and not claimed:
        raise BackupError(f"{source} has no data to verify that NERVECHECK_KEYS are its keys: use another backup")
    return VerifiedBackup(revision=revision, rows=rows, opened=opened)


def _asked(url: str, keyring: Keyring, against: Against) -> tuple[Sequence[str], bool]:
    """Return the reasons against using that database, and whether it records its oldest key."""
    database = open_database(url, keyring)
    try:
        return database.run(lambda stores: (against(stores), stores.settings.get(OLDEST_KEY) is not None))
    finally:
        database.shut()


def _opened(url: str, keyring: Keyring) -> tuple[dict[str, int], int]:
    """Read all rows of all tables; return the rows per table, and the number of rows with sealed values, all opened."""
    rows, opened = {}, 0
    engine = create_engine(database_url(url), hide_parameters=True)
    try:
        with engine.connect().execution_options(yield_per=BATCH_ROWS) as connection:
            for table in sorted(metadata.tables.values(), key=lambda table: table.name):
                rows[table.name] = 0
                for row in connection.execute(select(table)).mappings():
                    rows[table.name] += 1
                    values = [(label, row[name]) for name, label in _sealed(table).items() if row[name] is not None]
                    for label, value in values:
                        keyring.open(bytes(value), label=label, row=bytes(row["seal_id"]))
                    opened += bool(values)
    finally:
        engine.dispose()
    return rows, opened


def _sealed(table: Table) -> dict[str, str]:
    """Return the labels of the sealed columns by name."""
    return {column.name: label for column in table.c if (label := label_of(column)) is not None}
