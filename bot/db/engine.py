"""The interface of a database: runs plain functions, each in one transaction. Knows no table.

`transact` and `read` run a function in a thread and return its result. The function gets `Stores` and must do nothing
but use them, because it may be run again, for example if a record that it saves was changed since it was read
(`StaleRecordError`, which reaches the caller after `TRIES` attempts). If the caller is cancelled, the function is
either not run at all or runs to its end.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TypeVar

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from bot.app.ports.errors import StoreDownError
from bot.app.work import Stores

T = TypeVar("T")


class DatabaseUrlError(ValueError):
    """DATABASE_URL is invalid; the message says why."""


class DatabaseClosedError(RuntimeError):
    """The database is closed: nothing was read or stored."""


class NotStoredError(StoreDownError):
    """The commit failed, so nothing of this transaction is stored: it can be retried."""


class Database(ABC):
    """An open database."""

    @abstractmethod
    async def transact(self, fn: Callable[[Stores], T]) -> T:
        """Run `fn` in a transaction and return its result once it is committed; roll back and raise its exception."""

    @abstractmethod
    async def read(self, fn: Callable[[Stores], T]) -> T:
        """Run `fn` on committed data, concurrently with writers, and return its result; it can't write or lock."""

    @abstractmethod
    def run(self, fn: Callable[[Stores], T]) -> T:
        """Do the same as `transact` for callers without an event loop; blocks."""

    @abstractmethod
    def shut(self) -> None:
        """Finish the submitted transactions, then close; blocks. Calling it again has no effect."""

    @abstractmethod
    async def close(self) -> None:
        """Do the same as `shut` without blocking the event loop."""


def database_url(text: str) -> URL:
    """Parse DATABASE_URL: `sqlite:///FILE`, `sqlite://` (memory) or `postgresql://…`; DatabaseUrlError otherwise."""
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
    """Return whether this is a SQLite database in memory."""
    return url.drivername == "sqlite" and url.database in {None, "", ":memory:"}
