"""SQLite: one writer thread that commits for many at once, readers beside it. Knows no table and decides nothing.

The writer takes all that is waiting (at most 64), runs each function in a savepoint and commits once, because a commit
waits for the disk. One that raises loses its own savepoint only; a commit that fails fails all of the group.
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

from bot.app.store import Store
from bot.app.store_errors import TRIES, StaleRecordError
from bot.db.crypto import Keyring
from bot.db.engine import Database, DatabaseClosedError, NotStoredError, in_memory
from bot.db.faults import is_down
from bot.db.schema import metadata
from bot.db.store import SqlStore

T = TypeVar("T")
GROUP = 64
READERS = 4
BUSY_MS = 10_000
"""How long to wait for another process (a backup, a command in a shell) to let go of the file."""
_PRAGMAS = (
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",
    "PRAGMA foreign_keys = ON",
    f"PRAGMA busy_timeout = {BUSY_MS}",
    "PRAGMA secure_delete = FAST",
)


def sqlite_engine(url: URL, *, writes: bool) -> Engine:
    """Make an engine whose transactions take the write lock as they begin, or can't write at all."""
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
        for pragma in _PRAGMAS if writes else (*_PRAGMAS[1:], "PRAGMA query_only = ON"):
            connection.execute(pragma).close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    return engine


class _Job(Generic[T]):
    """One function on its way through the writer. Whoever takes it first, the writer or a cancelled caller, has it."""

    def __init__(self, fn: Callable[[Store], T], *, keep: bool = True) -> None:
        self.fn = fn
        self.keep = keep
        self.loop: asyncio.AbstractEventLoop | None = None
        self.waiter: asyncio.Future[T] | None = None
        self.done = threading.Event()
        self.result: T | None = None
        self.error: BaseException | None = None
        self._token = threading.Lock()

    def take(self) -> bool:
        """Return True to the first caller only."""
        return self._token.acquire(blocking=False)

    def run(self, connection: Connection, store: Store) -> None:
        """Run in a savepoint, again where a record was stale; what the function raises is kept for its caller."""
        for _ in range(TRIES - 1):
            self._try(connection, store)
            if not isinstance(self.error, StaleRecordError):
                return
        self._try(connection, store)

    def _try(self, connection: Connection, store: Store) -> None:
        self.error = None
        connection.exec_driver_sql("SAVEPOINT job")
        try:
            self.result = self.fn(store)
        except StopIteration as error:
            # asyncio takes no StopIteration for a result: its caller would wait for ever.
            self.error = RuntimeError("StopIteration left the transaction")
            self.error.__cause__ = error
        except BaseException as error:  # noqa: BLE001 - it belongs to the caller, not to the writer
            self.error = _not_stored(error) if is_down(error) else error
        if self.error is not None or not self.keep:
            connection.exec_driver_sql("ROLLBACK TO job")
        connection.exec_driver_sql("RELEASE job")

    def hand_back(self) -> None:
        """In the caller's event loop."""
        waiter = cast("asyncio.Future[T]", self.waiter)
        if waiter.done():
            return
        if self.error is not None:
            waiter.set_exception(self.error)
        else:
            waiter.set_result(cast("T", self.result))


class SqliteDatabase(Database):
    """See `Database`. In memory there is one connection, so readers take their turn with the writers."""

    def __init__(self, url: URL, keyring: Keyring) -> None:
        self._keyring = keyring
        self.engine = sqlite_engine(url, writes=True)
        self._memory = in_memory(url)
        if self._memory:
            metadata.create_all(self.engine)
            self._reading = self.engine
        else:
            self._reading = sqlite_engine(url, writes=False)
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="db-read")
        self._jobs: queue.SimpleQueue[_Job[Any] | None] = queue.SimpleQueue()
        self._gate = threading.Lock()
        self._closed = False
        # Opened here, so that a file that can't be opened is the caller's error and not a silent end of the thread.
        self._connection = self.engine.connect()
        self._writer = threading.Thread(target=self._write, name="db-write", daemon=True)
        self._writer.start()

    async def transact(self, fn: Callable[[Store], T]) -> T:
        return await self._wait_for(_Job(fn))

    async def read(self, fn: Callable[[Store], T]) -> T:
        if self._memory:
            return await self._wait_for(_Job(fn, keep=False))
        if self._closed:
            raise DatabaseClosedError(DatabaseClosedError.__doc__)
        return await asyncio.get_running_loop().run_in_executor(self._readers, self._read, fn)

    def run(self, fn: Callable[[Store], T]) -> T:
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
            job.take()
            raise

    def _submit(self, job: _Job[Any]) -> None:
        with self._gate:
            if self._closed:
                raise DatabaseClosedError(DatabaseClosedError.__doc__)
            self._jobs.put(job)

    def _read(self, fn: Callable[[Store], T]) -> T:
        with self._reading.connect() as connection, connection.begin():
            return fn(SqlStore(connection, self._keyring))

    # -- the writer thread

    def _write(self) -> None:
        with self._connection as connection:
            store = SqlStore(connection, self._keyring)
            more = True
            while more:
                more, group = self._next_group()
                jobs = [job for job in group if job.take()]
                if jobs:
                    _commit(connection, store, jobs)
                    _hand_back(jobs)

    def _next_group(self) -> tuple[bool, list[_Job[Any]]]:
        """Wait for one job and take what has gathered behind it. False with it: these are the last."""
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


def _commit(connection: Connection, store: Store, jobs: Iterable[_Job[Any]]) -> None:
    """Run the jobs and commit once; when that fails nothing of any of them is stored, and each is told so."""
    try:
        with connection.begin():
            for job in jobs:
                job.run(connection, store)
    except BaseException as error:  # noqa: BLE001 - the writer must outlive a full disk
        # A transaction whose commit failed stays open, and the library takes it for ended.
        with suppress(sqlite3.Error):
            cast("sqlite3.Connection", connection.connection.driver_connection).rollback()
        for job in jobs:
            job.error = _not_stored(error)


def _not_stored(error: BaseException) -> NotStoredError:
    told = NotStoredError(NotStoredError.__doc__)
    told.__cause__ = error
    return told


def _hand_back(jobs: Iterable[_Job[Any]]) -> None:
    """One call into each event loop for all its results."""
    by_loop: dict[asyncio.AbstractEventLoop, list[_Job[Any]]] = {}
    for job in jobs:
        if job.loop is None:
            job.done.set()
        else:
            by_loop.setdefault(job.loop, []).append(job)
    for loop, mine in by_loop.items():
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(_hand_back_all, mine)


def _hand_back_all(jobs: Iterable[_Job[Any]]) -> None:
    for job in jobs:
        job.hand_back()
