"""Copies of a database: made while the bot works, checked by reading them with the keys, put back. Knows no use case.

SQLite by its own backup API: one consistent moment, without stopping a writer. PostgreSQL by pg_dump and pg_restore,
which are its tools and have to be there. A copy is as secret as the database; it opens with the same keys only.
"""

import os
import secrets
import shutil
import sqlite3
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import URL, create_engine, func, inspect, select
from sqlalchemy.exc import DBAPIError

from bot.app.store import Store
from bot.db import lock
from bot.db.crypto import Keyring, KeyringError, SealError
from bot.db.engine import database_url, in_memory, open_database
from bot.db.migrate import NewerDatabaseError, current, migrate
from bot.db.schema import metadata

READ = 10_000
"""Patients, and check-ins of each, that a check reads and decrypts."""


class BackupError(RuntimeError):
    """The copy could not be made, is no good, or can't be put back; says why and what to do."""


@dataclass(frozen=True)
class Checked:
    """A copy that was read: its revision (before any migration) and how many rows each table has."""

    revision: str
    rows: Mapping[str, int]
    opened: int
    """Rows that were decrypted."""


def backup(url: str, target: Path) -> None:
    """Copy the database into a new file, readable by its owner only; nothing half-made stays."""
    if target.exists():
        raise BackupError(f"{target} exists already: name another file, or move that one away")
    if not target.parent.is_dir():
        raise BackupError(f"{target.parent} is no folder: make it first, or name another")
    parsed = database_url(url)
    if in_memory(parsed):
        raise BackupError("the database lives in memory only: there is nothing to copy")
    with _part_of(target) as part:
        if parsed.drivername == "sqlite":
            _copy_sqlite(Path(parsed.database or ""), part)
        else:
            _run("pg_dump", ["--format=custom", "--no-owner", f"--file={part}"], parsed)
        _synced(part)
        part.replace(target)


def verify(url: str, source: Path, keyring: Keyring) -> Checked:
    """Restore the copy aside (a file of its own, or a scratch database), bring it up to date, read all patients."""
    _must_be_there(source)
    if database_url(url).drivername == "sqlite":
        with tempfile.TemporaryDirectory(prefix="nervecheck-verify-") as folder:
            aside = Path(folder) / "copy.db"
            shutil.copyfile(source, aside)
            _check_file(aside, source, then="use another copy")
            return _read(f"sqlite:///{aside}", source, keyring)
    with _scratch(database_url(url)) as scratch:
        _run("pg_restore", [*_RESTORE, str(source)], scratch)
        return _read(scratch.render_as_string(hide_password=False), source, keyring)


def restore(url: str, source: Path, keyring: Keyring) -> Path | None:
    """Put the copy in the database's place, after `verify`; return where what was there before is kept now.

    SQLite: refused while the bot runs. PostgreSQL: only into a database without tables.
    """
    parsed = database_url(url)
    verify(url, source, keyring)
    if parsed.drivername != "sqlite":
        if _tables(parsed):
            raise BackupError(
                "the database has tables already: create an empty one, set NERVECHECK_DATABASE_URL to it, restore "
                "there; the old one stays as it is"
            )
        _run("pg_restore", [*_RESTORE, str(source)], parsed)
        return None
    path = Path(parsed.database or "")
    with lock.single_process(url):
        before = _set_aside(path)
        with _part_of(path) as part:
            shutil.copyfile(source, part)
            _synced(part)
            # Its journal belongs to the old file: beside the new one it would be taken for the new one's.
            for ending in ("-wal", "-shm"):
                path.with_name(path.name + ending).unlink(missing_ok=True)
            part.replace(path)
    return before


# -- SQLite


def _copy_sqlite(path: Path, target: Path) -> None:
    if not path.exists():
        raise BackupError(f"{path} does not exist: nothing was stored yet, or NERVECHECK_DATABASE_URL is another")
    uri = f"file:{quote(str(path))}?mode=ro"
    try:
        with closing(sqlite3.connect(uri, uri=True)) as source, closing(sqlite3.connect(target)) as copy:
            source.backup(copy)
            # One file, without a journal beside it.
            copy.execute("PRAGMA journal_mode = DELETE")
    except sqlite3.DatabaseError as error:
        raise BackupError(
            f"{path} can't be copied, perhaps it is damaged ({error}): make room, or put the last good copy in its "
            "place with `nervecheck restore`"
        ) from None
    _check_file(target, path, then="put the last good copy in its place with `nervecheck restore`")


def _check_file(path: Path, named: Path, then: str) -> None:
    try:
        with closing(sqlite3.connect(path)) as connection:
            found = [row[0] for row in connection.execute("PRAGMA integrity_check")]
            strays = connection.execute("PRAGMA foreign_key_check").fetchall()
    except sqlite3.DatabaseError as error:
        raise BackupError(f"{named} is no database, or damaged ({error}): {then}") from None
    if found != ["ok"] or strays:
        raise BackupError(f"{named} is damaged ({len(found)} faults, {len(strays)} stray rows): {then}")


def _set_aside(path: Path) -> Path | None:
    """Keep what is there: as one whole copy, or, when it is too damaged for one, byte by byte with its journal."""
    if not path.exists():
        return None
    number = 1
    while (aside := path.with_name(f"{path.name}.before-restore-{number}")).exists():
        number += 1
    try:
        with _part_of(aside) as part:
            _copy_sqlite(path, part)
            part.replace(aside)
    except BackupError:
        for ending in ("", "-wal"):
            _copy_bytes(path.with_name(path.name + ending), aside.with_name(aside.name + ending))
    return aside


def _copy_bytes(source: Path, target: Path) -> None:
    if source.exists():
        with _part_of(target) as part:
            shutil.copyfile(source, part)
            _synced(part)
            part.replace(target)


@contextmanager
def _part_of(target: Path) -> Iterator[Path]:
    """A file beside the target that is gone at the end, unless it took the target's place."""
    part = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
    os.close(os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    try:
        yield part
    finally:
        part.unlink(missing_ok=True)


def _synced(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


# -- PostgreSQL

_RESTORE = ("--no-owner", "--exit-on-error", "--single-transaction")


def _run(tool: str, arguments: list[str], url: URL) -> None:
    """Run one of PostgreSQL's tools; the password goes by a file, which no list of processes shows."""
    if shutil.which(tool) is None:
        raise BackupError(f"{tool} is not there: install PostgreSQL's client tools of the server's version or newer")
    with tempfile.TemporaryDirectory(prefix="nervecheck-") as folder:
        known = url.set(drivername="postgresql", password=None)
        if url.password:
            known = known.update_query_dict({"passfile": str(_passfile(Path(folder), str(url.password)))})
        command = [tool, f"--dbname={known.render_as_string(hide_password=False)}", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own words
    if done.returncode != 0:
        said = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise BackupError(f"{tool} failed: {said}")


def _passfile(folder: Path, password: str) -> Path:
    path = folder / "pgpass"
    escaped = password.replace("\\", "\\\\").replace(":", "\\:")
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(f"*:*:*:*:{escaped}\n")
    return path


@contextmanager
def _scratch(url: URL) -> Iterator[URL]:
    """A database of its own on the same server, dropped at the end."""
    name = f"nervecheck_verify_{secrets.token_hex(4)}"
    engine = create_engine(url, isolation_level="AUTOCOMMIT", hide_parameters=True)
    try:
        with engine.connect() as connection:
            try:
                connection.exec_driver_sql(f'CREATE DATABASE "{name}" TEMPLATE template0')
            except DBAPIError:
                raise BackupError(
                    "a scratch database can't be made: let this user create databases, or check the copy on a server "
                    "where it may"
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


def _must_be_there(source: Path) -> None:
    if not source.is_file():
        raise BackupError(f"{source} is no file: name a copy that `nervecheck backup` made")


def _read(url: str, source: Path, keyring: Keyring) -> Checked:
    try:
        revision = current(url)
        if revision is None:
            raise BackupError(f"{source} holds no tables of nervecheck: name a copy that `nervecheck backup` made")
        migrate(url)
    except NewerDatabaseError as error:
        raise BackupError(f"{source}: {error}") from None
    database = open_database(url, keyring)
    try:
        opened = database.run(_decrypted)
    except (SealError, KeyringError) as error:
        raise BackupError(f"{source} does not open with NERVECHECK_KEYS ({error}): set the keys of then") from None
    finally:
        database.shut()
    return Checked(revision=revision, rows=_counts(url), opened=opened)


def _decrypted(store: Store) -> int:
    """Read every patient with their answers; raises what a row raises that does not open."""
    opened = 0
    for patient in store.patients(limit=READ):
        opened += 1
        for row in store.checkins(patient.id, limit=READ):
            opened += len(store.answers(row.id))
    return opened


def _counts(url: str) -> dict[str, int]:
    engine = create_engine(database_url(url), hide_parameters=True)
    try:
        with engine.connect() as connection:
            tables = sorted(metadata.tables.values(), key=lambda table: table.name)
            return {
                table.name: int(connection.execute(select(func.count()).select_from(table)).scalar_one())
                for table in tables
            }
    finally:
        engine.dispose()
