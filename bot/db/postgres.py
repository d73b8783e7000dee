"""PostgreSQL: a pool of threads, each with its own psycopg 3 connection. Knows no table and decides nothing.

Transactions are READ COMMITTED with row locks. After a deadlock, a serialization failure, a stale record or a
connection lost before the commit, nothing is stored: the function is retried a few times before the exception reaches
the caller. The server terminates the connection of a replica that is suspended in a transaction or whose machine is
gone, so that its locks don't block the others.
"""

import asyncio
import os
import socket
import threading
import time
import weakref
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, TypeVar

import psycopg
from sqlalchemy import URL, create_engine, event
from sqlalchemy.exc import DBAPIError

from bot.app.ports.errors import TRIES, StaleRecordError, StoreDownError
from bot.app.work import Stores
from bot.db.crypto import Keyring
from bot.db.engine import Database, DatabaseClosedError
from bot.db.faults import is_down
from bot.db.stores.open import stores_on

T = TypeVar("T")
THREADS = 8
FIRST_WAIT_SECONDS = 0.01
"""Doubled at each attempt: 0.15 s in total."""
_CONNECT = {
    "connect_timeout": 5,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}
"""In seconds, the last one in milliseconds: a lost server is detected within about ten seconds."""
_SESSION = "SET idle_in_transaction_session_timeout = '10s'; SET lock_timeout = '10s'; SET tcp_keepalives_idle = 5; \
SET tcp_keepalives_interval = 2; SET tcp_keepalives_count = 3"
"""The server releases the locks of a process that is suspended or whose machine is gone after ten seconds."""
CLOSE_SECONDS = 1.0
_RETRYABLE = frozenset({"40001", "40P01"})
"""serialization_failure and deadlock_detected: PostgreSQL requires the whole transaction to be retried."""


class PostgresDatabase(Database):
    """See `Database`. `keeps_time`: all replicas use its clock."""

    def __init__(self, url: URL, keyring: Keyring, *, keeps_time: bool = False) -> None:
        self._keyring = keyring
        self._keeps_time = keeps_time
        wanted = {name: value for name, value in _CONNECT.items() if name not in url.query}
        self.engine = create_engine(url, pool_size=THREADS, max_overflow=0, hide_parameters=True, connect_args=wanted)
        self._connected: weakref.WeakSet[Any] = weakref.WeakSet()
        self._closing = False
        event.listen(self.engine, "connect", self._prepare)
        self._reading = self.engine.execution_options(postgresql_readonly=True)
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="db")

    async def transact(self, fn: Callable[[Stores], T]) -> T:
        return await self._in_thread(self._transact, fn)

    async def read(self, fn: Callable[[Stores], T]) -> T:
        return await self._in_thread(self._read, fn)

    def run(self, fn: Callable[[Stores], T]) -> T:
        return self._transact(fn)

    def shut(self) -> None:
        """Close without waiting for a server that doesn't answer."""
        shutting = threading.Thread(target=self._shut, daemon=True)
        shutting.start()
        shutting.join(CLOSE_SECONDS)
        if shutting.is_alive():
            self._closing = True
            self._disconnect()
            shutting.join(CLOSE_SECONDS)

    async def close(self) -> None:
        await asyncio.to_thread(self.shut)

    def _shut(self) -> None:
        self._threads.shutdown()
        self.engine.dispose()

    def _prepare(self, connection: Any, _record: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute(_SESSION)
        connection.commit()
        self._connected.add(connection)

    def _disconnect(self) -> None:
        """Disconnect every connection, so that threads waiting for an answer end."""
        for connection in tuple(self._connected):
            with suppress(OSError, psycopg.Error), socket.socket(fileno=os.dup(connection.fileno())) as line:
                line.shutdown(socket.SHUT_RDWR)

    async def _in_thread(self, how: Callable[[Callable[[Stores], T]], T], fn: Callable[[Stores], T]) -> T:
        try:
            work = asyncio.get_running_loop().run_in_executor(self._threads, how, fn)
        except RuntimeError:
            raise DatabaseClosedError(DatabaseClosedError.__doc__) from None
        return await work

    def _transact(self, fn: Callable[[Stores], T]) -> T:
        try:
            return self._with_retries(fn)
        except DBAPIError as error:
            if is_down(error):
                raise StoreDownError(StoreDownError.__doc__) from error
            raise

    def _with_retries(self, fn: Callable[[Stores], T]) -> T:
        for number in range(TRIES - 1):
            try:
                return self._once(fn)
            except StaleRecordError:
                if self._closing:
                    raise
            except DBAPIError as error:
                if self._closing or not _is_retryable(error):
                    raise
            time.sleep(FIRST_WAIT_SECONDS * 2**number)
        return self._once(fn)

    def _once(self, fn: Callable[[Stores], T]) -> T:
        with self.engine.connect() as connection, connection.begin():
            return fn(stores_on(connection, self._keyring, keeps_time=self._keeps_time))

    def _read(self, fn: Callable[[Stores], T]) -> T:
        with self._reading.connect() as connection, connection.begin():
            return fn(stores_on(connection, self._keyring, keeps_time=self._keeps_time))


def _is_retryable(error: DBAPIError) -> bool:
    # The error of a lost connection names the statement. Without one, the connection was lost in the commit, which may
    # have succeeded.
    lost = error.connection_invalidated and error.statement is not None
    return lost or getattr(error.orig, "sqlstate", None) in _RETRYABLE
