"""SQLite: one writer thread with group commits, and concurrent readers. Knows no table and decides nothing.

The writer takes all waiting functions (at most 64), runs each in a savepoint and commits once, because a commit waits
for the disk. A function that raises loses only its own savepoint; a commit that fails fails the whole group.
"""

import asyncio
import queue
import sqlite3
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, Generic, TypeVar, cast

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.pool import QueuePool, StaticPool

from bot.app.ports.errors import TRIES, StaleRecordError
from bot.app.work import Stores
from bot.db.crypto import Keyring
from bot.db.engine import Database, DatabaseClosedError, NotStoredError, in_memory
from bot.db.faults import is_down
from bot.db.schema import metadata
from bot.db.stores.open import stores_on

T = TypeVar("T")
GROUP = 64
READERS = 4
BUSY_MS = 10_000
"""How long to wait for another process (a backup, a shell command) to release the file."""
_PRAGMAS = (
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",
    "PRAGMA foreign_keys = ON",
    f"PRAGMA busy_timeout = {BUSY_MS}",
    "PRAGMA secure_delete = FAST",
)


def sqlite_engine(url: URL, *, writes: bool, image: bytes | None = None) -> Engine:
    """Return an engine whose transactions take the write lock when they begin, or can't write at all.

    `image`: the initial content of a database in memory, the bytes of a database file that is not in WAL mode.
    """
    memory = in_memory(url)
    engine = create_engine(
        url,
        poolclass=StaticPool if memory else QueuePool,
        connect_args={"check_same_thread": False, "isolation_level": None},
        hide_parameters=True,
    )
    begin = "BEGIN IMMEDIATE" if writes else "BEGIN"

    @event.listens_for(engine, "connect")
    def _prepare(connection: sqlite3.Connection, _record: object) -> None:
        if image is not None:
            connection.deserialize(image)
        for pragma in _PRAGMAS if writes else (*_PRAGMAS[1:], "PRAGMA query_only = ON"):
            connection.execute(pragma).close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    return engine


class _Job(Generic[T]):
    """One function for the writer. The writer or a cancelled caller claims it, whichever is first."""

    def __init__(self, fn: Callable[[Stores], T], *, keep: bool = True) -> None:
        self.fn = fn
        self.keep = keep
        self.loop: asyncio.AbstractEventLoop | None = None
        self.waiter: asyncio.Future[T] | None = None
        self.done = threading.Event()
        self.result: T | None = None
        self.error: BaseException | None = None
        self._claimed = threading.Lock()

    def claim(self) -> bool:
        """Return True to the first caller only."""
        return self._claimed.acquire(blocking=False)

    def run(self, connection: Connection, stores: Stores) -> None:
        """Run in a savepoint, again if a record was stale; keep the function's exception for its caller."""
        for _ in range(TRIES - 1):
            self._try(connection, stores)
            if not isinstance(self.error, StaleRecordError):
                return
        self._try(connection, stores)

    def _try(self, connection: Connection, stores: Stores) -> None:
        self.error = None
        connection.exec_driver_sql("SAVEPOINT job")
        try:
            self.result = self.fn(stores)
        except StopIteration as error:
            # A future doesn't accept StopIteration: the caller would wait forever.
            self.error = RuntimeError("StopIteration left the transaction")
            self.error.__cause__ = error
        except BaseException as error:  # noqa: BLE001 - it is raised to the caller, not in the writer
            self.error = _not_stored(error) if is_down(error) else error
        if self.error is not None or not self.keep:
            connection.exec_driver_sql("ROLLBACK TO job")
        connection.exec_driver_sql("RELEASE job")

    def set_result(self) -> None:
        """Set the result of the caller's future; runs in the caller's event loop."""
        waiter = cast("asyncio.Future[T]", self.waiter)
        if waiter.done():
            return
        if self.error is not None:
            waiter.set_exception(self.error)
        else:
            waiter.set_result(cast("T", self.result))


class SqliteDatabase(Database):
    """See `Database`. A database in memory has one connection, so that readers wait for writers.

    A database in memory starts with `image` (see `sqlite_engine`), otherwise with empty tables.
    """

    def __init__(self, url: URL, keyring: Keyring, *, image: bytes | None = None) -> None:
        self._keyring = keyring
        self.engine = sqlite_engine(url, writes=True, image=image)
        self._memory = in_memory(url)
        if self._memory:
            if image is None:
                metadata.create_all(self.engine)
            self._reading = self.engine
        else:
            self._reading = sqlite_engine(url, writes=False)
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="db-read")
        self._jobs: queue.SimpleQueue[_Job[Any] | None] = queue.SimpleQueue()
        self._gate = threading.Lock()
        self._closed = False
        # Opened here, so that a file that can't be opened raises to the caller instead of ending the thread silently.
        self._connection = self.engine.connect()
        self._writer = threading.Thread(target=self._write, name="db-write", daemon=True)
        self._writer.start()

    async def transact(self, fn: Callable[[Stores], T]) -> T:
        return await self._wait_for(_Job(fn))

    async def read(self, fn: Callable[[Stores], T]) -> T:
        if self._memory:
            return await self._wait_for(_Job(fn, keep=False))
        if self._closed:
            raise DatabaseClosedError(DatabaseClosedError.__doc__)
        return await asyncio.get_running_loop().run_in_executor(self._readers, self._read, fn)

    def run(self, fn: Callable[[Stores], T]) -> T:
        job = _Job(fn)
        self._submit(job)
        job.done.wait()
        if job.error is not None:
            raise job.error
        return cast("T", job.result)

    def shut(self) -> None:
        with self._gate:
            closed, self._closed = self._closed, True
            if not closed:
                self._jobs.put(None)
        self._writer.join()
        self._readers.shutdown()
        self._reading.dispose()
        self.engine.dispose()

    async def close(self) -> None:
        await asyncio.to_thread(self.shut)

    async def _wait_for(self, job: _Job[T]) -> T:
        job.loop = asyncio.get_running_loop()
        job.waiter = job.loop.create_future()
        self._submit(job)
        try:
            return await job.waiter
        except asyncio.CancelledError:
            job.claim()
            raise

    def _submit(self, job: _Job[Any]) -> None:
        if threading.current_thread() is self._writer:
            raise RuntimeError("a transaction started another one, which would wait for the first one forever")
        with self._gate:
            if self._closed:
                raise DatabaseClosedError(DatabaseClosedError.__doc__)
            self._jobs.put(job)

    def _read(self, fn: Callable[[Stores], T]) -> T:
        with self._reading.connect() as connection, connection.begin():
            return fn(stores_on(connection, self._keyring))

    # -- the writer thread

    def _write(self) -> None:
        with self._connection as connection:
            stores = stores_on(connection, self._keyring)
            more = True
            while more:
                more, group = self._next_group()
                jobs = [job for job in group if job.claim()]
                if jobs:
                    _commit(connection, stores, jobs)
                    _return_results(jobs)

    def _next_group(self) -> tuple[bool, list[_Job[Any]]]:
        """Wait for a job; return it with all that are queued behind it, and False if they are the last."""
        group: list[_Job[Any]] = []
        job = self._jobs.get()
        while job is not None:
            group.append(job)
            if len(group) == GROUP:
                return True, group
            try:
                job = self._jobs.get_nowait()
            except queue.Empty:
                return True, group
        return False, group


def _commit(connection: Connection, stores: Stores, jobs: Iterable[_Job[Any]]) -> None:
    """Run the jobs and commit once; if the commit fails, nothing is stored and every job gets NotStoredError."""
    try:
        with connection.begin():
            for job in jobs:
                job.run(connection, stores)
    except BaseException as error:  # noqa: BLE001 - the writer must survive a full disk
        # A transaction whose commit failed stays open, but the library considers it ended.
        with suppress(sqlite3.Error):
            cast("sqlite3.Connection", connection.connection.driver_connection).rollback()
        for job in jobs:
            job.error = _not_stored(error)


def _not_stored(error: BaseException) -> NotStoredError:
    failure = NotStoredError(NotStoredError.__doc__)
    failure.__cause__ = error
    return failure


def _return_results(jobs: Iterable[_Job[Any]]) -> None:
    """Return the results to the callers, with one call per event loop."""
    by_loop: dict[asyncio.AbstractEventLoop, list[_Job[Any]]] = {}
    for job in jobs:
        if job.loop is None:
            job.done.set()
        else:
            by_loop.setdefault(job.loop, []).append(job)
    for loop, mine in by_loop.items():
        with suppress(RuntimeError):  # the loop is closed: no caller waits any more
            loop.call_soon_threadsafe(_set_results, mine)


def _set_results(jobs: Iterable[_Job[Any]]) -> None:
    for job in jobs:
        job.set_result()
