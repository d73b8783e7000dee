"""PostgreSQL: a pool of threads, each with its own psycopg 3 connection. Knows no table and decides nothing.

READ COMMITTED with row locks. A deadlock, a serialization failure, a record that another transaction changed since it
was read, or a connection lost before the commit undid everything, so the function is run again, a few times; after
that its caller hears of it. A replica that is halted in the middle of a transaction, or whose machine is gone, must not
hold what all need: the server ends it.
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

from bot.app.store import Store
from bot.app.store_errors import TRIES, StaleRecordError, StoreDownError
from bot.db.crypto import Keyring
from bot.db.engine import Database, DatabaseClosedError
from bot.db.faults import is_down
from bot.db.store import SqlStore

T = TypeVar("T")
THREADS = 8
FIRST_WAIT_S = 0.01
"""Doubled at each further try: 0.15 s in all."""
_CONNECT = {
    "connect_timeout": 5,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}
"""Seconds, the last one milliseconds: a server whose machine is gone is noticed in about ten seconds."""
_SESSION = "SET idle_in_transaction_session_timeout = '10s'; SET lock_timeout = '10s'; SET tcp_keepalives_idle = 5; \
SET tcp_keepalives_interval = 2; SET tcp_keepalives_count = 3"
"""What the server does about a process that is halted or whose machine is gone: its locks end after ten seconds."""
CLOSE_SECONDS = 1.0
_AGAIN = frozenset({"40001", "40P01"})
"""serialization_failure and deadlock_detected: PostgreSQL asks for the whole transaction to be run again."""


class PostgresDatabase(Database):
    """See `Database`. `keeps_time`: its clock is that of all replicas."""

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

    async def transact(self, fn: Callable[[Store], T]) -> T:
        return await self._in_thread(self._transact, fn)

    async def read(self, fn: Callable[[Store], T]) -> T:
        return await self._in_thread(self._read, fn)

    def run(self, fn: Callable[[Store], T]) -> T:
        return self._transact(fn)

    def shut(self) -> None:
        """A server that does not answer any more is not waited for."""
        shutting = threading.Thread(target=self._shut, daemon=True)
        shutting.start()
        shutting.join(CLOSE_SECONDS)
        if shutting.is_alive():
            self._closing = True
            self._hang_up()
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

    def _hang_up(self) -> None:
        """End every connection under the threads that wait for an answer."""
        for connection in tuple(self._connected):
            with suppress(OSError, psycopg.Error), socket.socket(fileno=os.dup(connection.fileno())) as line:
                line.shutdown(socket.SHUT_RDWR)

    async def _in_thread(self, how: Callable[[Callable[[Store], T]], T], fn: Callable[[Store], T]) -> T:
        try:
            work = asyncio.get_running_loop().run_in_executor(self._threads, how, fn)
        except RuntimeError:
            raise DatabaseClosedError(DatabaseClosedError.__doc__) from None
        return await work

    def _transact(self, fn: Callable[[Store], T]) -> T:
        try:
            return self._tried(fn)
        except DBAPIError as error:
            if is_down(error):
                raise StoreDownError(StoreDownError.__doc__) from error
            raise

    def _tried(self, fn: Callable[[Store], T]) -> T:
        for number in range(TRIES - 1):
            try:
                return self._once(fn)
            except StaleRecordError:
                if self._closing:
                    raise
            except DBAPIError as error:
                if self._closing or not _is_worth_another(error):
                    raise
            time.sleep(FIRST_WAIT_S * 2**number)
        return self._once(fn)

    def _once(self, fn: Callable[[Store], T]) -> T:
        with self.engine.connect() as connection, connection.begin():
            return fn(SqlStore(connection, self._keyring, keeps_time=self._keeps_time))

    def _read(self, fn: Callable[[Store], T]) -> T:
        with self._reading.connect() as connection, connection.begin():
            return fn(SqlStore(connection, self._keyring, keeps_time=self._keeps_time))


def _is_worth_another(error: DBAPIError) -> bool:
    # A connection that was lost names the statement it was lost in; one that was lost in the commit names none, and
    # whether that went through can't be known.
    lost = error.connection_invalidated and error.statement is not None
    return lost or getattr(error.orig, "sqlstate", None) in _AGAIN
