"""The door to the database: opens one by its URL and runs plain functions, each in one transaction. Knows no table.

`transact` and `read` hand a function to a thread and come back with its result: one hop a transaction. The function
gets a `Store` and must do nothing but use it, because it may be run again: always when a record it saves was changed
since it was read (`StaleRecordError`), which its caller hears of after `TRIES` times in all. When its caller is
cancelled meanwhile, it is either not run at all or runs to its end.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TypeVar

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from bot.app.store import Store
from bot.app.store_errors import StoreDownError
from bot.db.crypto import Keyring

T = TypeVar("T")


class DatabaseUrlError(ValueError):
    """DATABASE_URL can't be used."""


class DatabaseClosedError(RuntimeError):
    """The database was closed: nothing was read or stored."""


class NotStoredError(StoreDownError):
    """The commit failed, so nothing of this transaction is stored: it can be tried again."""


class Database(ABC):
    """An open database."""

    @abstractmethod
    async def transact(self, fn: Callable[[Store], T]) -> T:
        """Run `fn` in a transaction; when this returns, what it did is stored for good. Its exception undoes it."""

    @abstractmethod
    async def read(self, fn: Callable[[Store], T]) -> T:
        """Run `fn` beside the writers, on what is committed; it can't write or lock."""

    @abstractmethod
    def run(self, fn: Callable[[Store], T]) -> T:
        """`transact` for callers without an event loop; blocks."""

    @abstractmethod
    def shut(self) -> None:
        """Finish what was handed in, then close; blocks. A second time does nothing."""

    @abstractmethod
    async def close(self) -> None:
        """`shut` without blocking the event loop."""


def database_url(text: str) -> URL:
    """Read DATABASE_URL: `sqlite:///FILE`, `sqlite://` (memory) or `postgresql://…`; `DatabaseUrlError` otherwise."""
    hint = "write sqlite:///var/nervecheck.db or postgresql://user@host/name"
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        raise DatabaseUrlError(f"DATABASE_URL is not a database address: {hint}") from None
    if url.drivername in {"postgresql", "postgres", "postgresql+psycopg"}:
        return url.set(drivername="postgresql+psycopg")
    if url.drivername in {"sqlite", "sqlite+pysqlite"}:
        return url.set(drivername="sqlite")
    raise DatabaseUrlError(f"DATABASE_URL names {url.drivername!r}, which is not supported: {hint}")


def in_memory(url: URL) -> bool:
    """Tell whether this SQLite database lives in memory only."""
    return url.drivername == "sqlite" and url.database in {None, "", ":memory:"}


def open_database(url: str, keyring: Keyring, *, keeps_time: bool = False) -> Database:
    """Open a migrated database (one in memory is made on the spot). It is closed by `close` or `shut`.

    `keeps_time`: where processes share it, its clock is theirs (`Store.shared_now`); SQLite's one process has its own.
    """
    # Here, not above: the two engines build on what this module declares.
    from bot.db.postgres import PostgresDatabase  # noqa: PLC0415
    from bot.db.sqlite import SqliteDatabase  # noqa: PLC0415

    parsed = database_url(url)
    if parsed.drivername == "sqlite":
        return SqliteDatabase(parsed, keyring)
    return PostgresDatabase(parsed, keyring, keeps_time=keeps_time)
