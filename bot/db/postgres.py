"""PostgreSQL: a pool of threads, each with its own psycopg 3 connection. Knows no table and decides nothing.

READ COMMITTED with row locks. A deadlock, a serialization failure or a connection lost before the commit undid
everything, so the function is run again, a few times; after that its caller hears of it.
"""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from sqlalchemy import URL, create_engine
from sqlalchemy.exc import DBAPIError

from bot.app.store import Store
from bot.app.store_errors import StoreDownError
from bot.db.crypto import Keyring
from bot.db.engine import Database, DatabaseClosedError
from bot.db.faults import is_down
from bot.db.store import SqlStore

T = TypeVar("T")
THREADS = 8
TRIES = 5
FIRST_WAIT_S = 0.01
"""Doubled at each further try: 0.15 s in all."""
_AGAIN = frozenset({"40001", "40P01"})
"""serialization_failure and deadlock_detected: PostgreSQL asks for the whole transaction to be run again."""


class PostgresDatabase(Database):
    """See `Database`."""

    def __init__(self, url: URL, keyring: Keyring) -> None:
        self._keyring = keyring
        self.engine = create_engine(url, pool_size=THREADS, max_overflow=0, hide_parameters=True)
        self._reading = self.engine.execution_options(postgresql_readonly=True)
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="db")

    async def transact(self, fn: Callable[[Store], T]) -> T:
        return await self._in_thread(self._transact, fn)

    async def read(self, fn: Callable[[Store], T]) -> T:
        return await self._in_thread(self._read, fn)

    def run(self, fn: Callable[[Store], T]) -> T:
        return self._transact(fn)

    def shut(self) -> None:
        self._threads.shutdown()
        self.engine.dispose()

    async def close(self) -> None:
        await asyncio.to_thread(self.shut)

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
            except DBAPIError as error:
                if not _is_worth_another(error):
                    raise
            time.sleep(FIRST_WAIT_S * 2**number)
        return self._once(fn)

    def _once(self, fn: Callable[[Store], T]) -> T:
        with self.engine.connect() as connection, connection.begin():
            return fn(SqlStore(connection, self._keyring))

    def _read(self, fn: Callable[[Store], T]) -> T:
        with self._reading.connect() as connection, connection.begin():
            return fn(SqlStore(connection, self._keyring))


def _is_worth_another(error: DBAPIError) -> bool:
    # A connection that was lost names the statement it was lost in; one that was lost in the commit names none, and
    # whether that went through can't be known.
    lost = error.connection_invalidated and error.statement is not None
    return lost or getattr(error.orig, "sqlstate", None) in _AGAIN
