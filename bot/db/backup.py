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
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import URL, LargeBinary, Table, create_engine, inspect, select
from sqlalchemy.exc import DBAPIError

from bot.app.installation import OLDEST_KEY
from bot.app.store import Store
from bot.db import lock
from bot.db.crypto import Keyring, KeyringError, SealError
from bot.db.engine import database_url, in_memory, open_database
from bot.db.migrate import NewerDatabaseError, current, migrate
from bot.db.schema import metadata

AT_ONCE = 1000
"""Rows that a check holds in memory."""
_JOURNALS = ("-wal", "-shm", "-journal")
_WHOLE = "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()"
_BROKEN = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
Against = Callable[[Store], Sequence[str]]
"""Says what stands against using a database with the settings of now."""


class BackupError(RuntimeError):
    """The copy could not be made, is no good, or can't be put back; says why and what to do."""


@dataclass(frozen=True)
class Checked:
    """A copy that was read: its revision (before any migration) and how many rows each table has."""

    revision: str
    rows: Mapping[str, int]
    opened: int
    """Rows that hold something sealed, all of which was decrypted."""


def backup(url: str, target: Path) -> None:
    """Copy the database into a new file, readable by its owner only; nothing half-made stays."""
    if target.exists():
        raise BackupError(f"{target} exists already: name another file, or move that one away")
    if not target.parent.is_dir():
        raise BackupError(f"{target.parent} is no folder: make it first, or name another")
    parsed, path = _where(url)
    with _part_of(target) as part:
        if path is not None:
            _copy_sqlite(path, part)
        else:
            _run("pg_dump", ["--format=custom", "--no-owner", "--no-privileges", f"--file={part}"], parsed)
        _synced(part)
        part.replace(target)
    _synced(target.parent)


def verify(url: str, source: Path, keyring: Keyring, against: Against) -> Checked:
    """Restore the copy aside (a file of its own, or a scratch database), bring it up to date, read and open all rows.

    A copy that a start would refuse is none.
    """
    _must_be_there(source)
    if database_url(url).drivername == "sqlite":
        with tempfile.TemporaryDirectory(prefix="nervecheck-verify-") as folder:
            aside = Path(folder) / "copy.db"
            shutil.copyfile(source, aside)
            _check_file(aside, source, then="use another copy")
            return _read(f"sqlite:///{aside}", source, keyring, against)
    with _scratch(database_url(url)) as scratch:
        _run("pg_restore", [*_RESTORE, str(source)], scratch)
        return _read(scratch.render_as_string(hide_password=False), source, keyring, against)


def restore(url: str, source: Path, keyring: Keyring, against: Against, kept: Callable[[Path], object]) -> None:
    """Put the copy in the database's place, after `verify`.

    SQLite: refused while the bot runs or a command works. `kept` is told where what was there before is kept, before
    anything is put in its place. PostgreSQL: only into a database without tables.
    """
    parsed, path = _where(url)
    verify(url, source, keyring, against)
    if path is not None:
        with lock.single_process(url), lock.nobody_at_work(path), lock.migrating(path):
            _replace(path, source, kept)
        return
    if _tables(parsed):
        raise BackupError(
            "the database has tables already: create an empty one, set NERVECHECK_DATABASE_URL to it, restore "
            "there; the old one stays as it is"
        )
    _run("pg_restore", [*_RESTORE, str(source)], parsed)


def _where(url: str) -> tuple[URL, Path | None]:
    """Return the database's address, and its file where it is one."""
    parsed = database_url(url)
    if in_memory(parsed):
        raise BackupError("the database lives in memory only: there is nothing to copy, and no place to put a copy")
    return parsed, lock.sqlite_path(url)


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


def _replace(path: Path, source: Path, kept: Callable[[Path], object]) -> None:
    """Killed at any moment, either the old file stands there with all that was committed, or the new one."""
    if path.exists():
        if source.samefile(path):
            raise BackupError(f"{source} is the database itself: name a copy that `nervecheck backup` made")
        kept(_set_aside(path))
        _settle(path)
    with _part_of(path) as part:
        shutil.copyfile(source, part)
        _synced(part)
        # Its journal belongs to the old file: beside the new one it would be taken for the new one's.
        for ending in _JOURNALS:
            path.with_name(path.name + ending).unlink(missing_ok=True)
        _synced(path.parent)
        part.replace(path)
    _synced(path.parent)


def _settle(path: Path) -> None:
    """Bring what stands in the journal alone into the file, which has to do without it in a moment."""
    try:
        with closing(sqlite3.connect(path)) as connection:
            busy, *_ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    except sqlite3.DatabaseError as error:
        if error.sqlite_errorcode & 0xFF in _BROKEN:
            return  # kept byte by byte with its journal
        raise BackupError(f"{path} can't be written ({error}): make room, or move it and its journal away") from None
    if busy:
        raise BackupError(f"another program has {path} open: end it first")


def _check_file(path: Path, named: Path, then: str) -> None:
    try:
        with closing(sqlite3.connect(path)) as connection:
            (whole,) = connection.execute(_WHOLE).fetchone()
            found = [row[0] for row in connection.execute("PRAGMA integrity_check")]
            strays = connection.execute("PRAGMA foreign_key_check").fetchall()
    except sqlite3.DatabaseError as error:
        raise BackupError(f"{named} is no database, or damaged ({error}): {then}") from None
    if path.stat().st_size < whole:
        raise BackupError(f"{named} is damaged (its end is missing): {then}")
    if found != ["ok"] or strays:
        raise BackupError(f"{named} is damaged ({len(found)} faults, {len(strays)} stray rows): {then}")


def _set_aside(path: Path) -> Path:
    """Keep what is there: as one whole copy, or, when it is too damaged for one, byte by byte with its journal."""
    number = 1
    while (aside := path.with_name(f"{path.name}.before-restore-{number}")).exists():
        number += 1
    try:
        with _part_of(aside) as part:
            _copy_sqlite(path, part)
            _synced(part)
            part.replace(aside)
    except BackupError:
        for ending in ("", "-wal", "-journal"):
            _copy_bytes(path.with_name(path.name + ending), aside.with_name(aside.name + ending))
    _synced(aside.parent)
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
    """A file's content, or a folder's names."""
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(file)
    finally:
        os.close(file)


# -- PostgreSQL

_RESTORE = ("--no-owner", "--no-privileges", "--exit-on-error", "--single-transaction")


def _run(tool: str, arguments: list[str], url: URL) -> None:
    """Run one of PostgreSQL's tools; the passwords go by files, which no list of processes shows."""
    if shutil.which(tool) is None:
        raise BackupError(f"{tool} is not there: install PostgreSQL's client tools of the server's version or newer")
    with tempfile.TemporaryDirectory(prefix="nervecheck-") as folder:
        known, settings = _without_passwords(url.set(drivername="postgresql"), Path(folder))
        command = ["env", *settings, tool, f"--dbname={known.render_as_string(hide_password=False)}", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own words
    if done.returncode != 0:
        raise BackupError(f"{tool} failed: {_why(tool, done.stderr)}")


def _without_passwords(url: URL, folder: Path) -> tuple[URL, list[str]]:
    """Write its passwords into files; return the address that names these, and what to set in the environment."""
    password, of_key = url.query.get("password") or url.password, url.query.get("sslpassword")
    settings = ["LC_ALL=C"]  # `_why` reads what they say
    # By `set` a password can be changed, not taken away.
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
    """Return the first of the tool's own lines; the others, and what follows a table's name, may hold a row."""
    mark, table = f"{tool}: error: ", "COPY failed for table "
    line = next((line.removeprefix(mark) for line in said.splitlines() if line.startswith(mark)), "no reason given")
    if line.startswith(table):
        return f"{line.partition(': ')[0]}: the server's log says why"
    return line


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


def _read(url: str, source: Path, keyring: Keyring, against: Against) -> Checked:
    try:
        revision = current(url)
        if revision is None:
            raise BackupError(f"{source} holds no tables of nervecheck: name a copy that `nervecheck backup` made")
        migrate(url)
        problems, claimed = _asked(url, keyring, against)
        if problems:
            raise BackupError(f"the bot would not start on {source}: {'; '.join(problems)}")
        rows, opened = _opened(url, keyring)
    except NewerDatabaseError as error:
        raise BackupError(f"{source}: {error}") from None
    except (SealError, KeyringError) as error:
        raise BackupError(f"{source} does not open with NERVECHECK_KEYS ({error}): set the keys of then") from None
    except (ValueError, TypeError, OverflowError) as error:
        raise BackupError(
            f"{source} is damaged, a row can't be read ({type(error).__name__}): use another copy"
        ) from None
    if rows["patient"] and not opened and not claimed:
        raise BackupError(f"{source} holds nothing that tells whether NERVECHECK_KEYS are its keys: use another copy")
    return Checked(revision=revision, rows=rows, opened=opened)


def _asked(url: str, keyring: Keyring, against: Against) -> tuple[Sequence[str], bool]:
    """Return what stands against using that database, and whether it says by itself under which keys it was begun."""
    database = open_database(url, keyring)
    try:
        return database.run(lambda store: (against(store), store.setting(OLDEST_KEY) is not None))
    finally:
        database.shut()


def _opened(url: str, keyring: Keyring) -> tuple[dict[str, int], int]:
    """Read all rows of all tables; return how many each has, and how many held something sealed, which was opened."""
    rows, opened = {}, 0
    engine = create_engine(database_url(url), hide_parameters=True)
    try:
        with engine.connect().execution_options(yield_per=AT_ONCE) as connection:
            for table in sorted(metadata.tables.values(), key=lambda table: table.name):
                rows[table.name] = 0
                for row in connection.execute(select(table)).mappings():
                    rows[table.name] += 1
                    values = [(name, row[name]) for name in _sealed(table) if row[name] is not None]
                    for name, value in values:
                        keyring.open(bytes(value), table=table.name, column=name, row=bytes(row["rid"]))
                    opened += bool(values)
    finally:
        engine.dispose()
    return rows, opened


def _sealed(table: Table) -> list[str]:
    """Its encrypted columns: all bytes of a row that has a rid, but this and what the row is found by."""
    if "rid" not in table.c:
        return []
    return [c.name for c in table.c if isinstance(c.type, LargeBinary) and c.name not in {"rid", "chat_hash"}]
