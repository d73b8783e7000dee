"""The writer thread: one commit for many, savepoints, cancelled callers, and what survives a kill."""

import asyncio
import signal
import sqlite3
import subprocess
import sys
import threading

import pytest
from sqlalchemy import event, text
from sqlalchemy.exc import OperationalError

from bot.db.engine import NotStoredError
from bot.db.opening import open_database
from bot.db.sqlite import GROUP
from tests.fakes.databases import KEYRING, KEYS, sqlite_database, sqlite_url


@pytest.fixture
def commits(sqlite):
    counted = []
    event.listen(sqlite.engine, "commit", counted.append)
    return counted


class Gate:
    """A transaction that stays in the writer until it is released."""

    def __init__(self):
        self.entered, self.leave = threading.Event(), threading.Event()

    def __call__(self, stores):
        self.entered.set()
        assert self.leave.wait(10)

    async def hold(self, database):
        task = asyncio.create_task(database.transact(self))
        await asyncio.to_thread(self.entered.wait, 10)
        return task


async def _queued(database, *fns):
    """Tasks whose functions all wait behind the gate."""
    tasks = [asyncio.create_task(database.transact(fn)) for fn in fns]
    await asyncio.sleep(0)
    return tasks


async def test_what_has_gathered_is_committed_once(sqlite, commits):
    gate = Gate()
    first = await gate.hold(sqlite)
    tasks = await _queued(sqlite, *(lambda s, n=n: s.settings.set(f"n{n}", "1") for n in range(GROUP)))
    gate.leave.set()
    await asyncio.gather(first, *tasks)
    assert len(commits) == 2


async def test_a_group_is_bounded(sqlite, commits):
    gate = Gate()
    first = await gate.hold(sqlite)
    tasks = await _queued(sqlite, *(lambda s, n=n: s.settings.set(f"n{n}", "1") for n in range(GROUP + 1)))
    gate.leave.set()
    await asyncio.gather(first, *tasks)
    assert len(commits) == 3


async def test_one_failure_in_a_group_is_its_own(sqlite, commits):
    def fail(stores):
        stores.settings.set("bad", "1")
        raise ValueError("mine")

    gate = Gate()
    first = await gate.hold(sqlite)
    one, bad, two = await _queued(
        sqlite, lambda s: s.settings.set("one", "1"), fail, lambda s: s.settings.set("two", s.settings.get("one"))
    )
    gate.leave.set()
    await asyncio.gather(first, one, two)
    with pytest.raises(ValueError, match="mine"):
        await bad
    assert len(commits) == 2
    assert await sqlite.read(lambda s: (s.settings.get("one"), s.settings.get("two"), s.settings.get("bad"))) == (
        "1",
        "1",
        None,
    )


async def test_a_failed_commit_fails_all_of_its_group_and_only_that(sqlite):
    def breaks_at_commit(stores):
        # A reference to nobody, looked at only when all is committed: what a full disk does, without a full disk.
        stores.patients._connection.execute(text("PRAGMA defer_foreign_keys = ON"))
        stores.patients._connection.execute(
            text("INSERT INTO tip_shown (patient_id, tip, shown_at) VALUES (99, 'x', 1)")
        )

    gate = Gate()
    first = await gate.hold(sqlite)
    tasks = await _queued(sqlite, lambda s: s.settings.set("one", "1"), breaks_at_commit)
    gate.leave.set()
    await first
    for task in tasks:
        with pytest.raises(NotStoredError):
            await task
    assert await sqlite.transact(lambda s: s.settings.get("one")) is None
    await sqlite.transact(lambda s: s.settings.set("one", "2"))
    assert await sqlite.read(lambda s: s.settings.get("one")) == "2"


@pytest.fixture
def full(sqlite):
    """The database, with no page left to write on until `room` is called."""

    def limit(pages):
        def set_it(stores):
            stores.patients._connection.execute(text(f"PRAGMA max_page_count = {pages}"))

        sqlite.run(set_it)

    limit(sqlite.run(lambda s: s.patients._connection.execute(text("PRAGMA page_count")).scalar_one()))
    sqlite.room = lambda: limit(10**6)
    return sqlite


def _too_much(stores):
    for number in range(500):
        stores.settings.set(f"n{number}", "x" * 1000)


async def test_a_disk_that_is_full_in_the_middle_is_not_the_works_fault(full):
    with pytest.raises(NotStoredError):
        await full.transact(_too_much)
    full.room()
    await full.transact(_too_much)
    assert full.run(lambda s: s.settings.get("n499")) == "x" * 1000


async def test_a_disk_full_in_the_middle_leaves_nothing_of_its_group(full):
    gate = Gate()
    first = await gate.hold(full)
    tasks = await _queued(
        full, lambda s: s.settings.set("before", "1"), _too_much, lambda s: s.settings.set("after", "1")
    )
    gate.leave.set()
    await first
    for task in tasks:
        with pytest.raises(NotStoredError):
            await task
    assert full.run(lambda s: (s.settings.get("before"), s.settings.get("n0"), s.settings.get("after"))) == (
        None,
        None,
        None,
    )


async def test_nothing_goes_on_outside_a_transaction_that_the_full_disk_undid(full):
    def several(stores):
        stores.settings.set("before", "1")
        stores.attempt(lambda: _too_much(stores))
        stores.settings.set("after", "1")

    with pytest.raises(NotStoredError):
        await full.transact(several)
    assert full.run(lambda s: (s.settings.get("before"), s.settings.get("n0"), s.settings.get("after"))) == (
        None,
        None,
        None,
    )


async def test_error_of_the_database_is_distinguished_from_the_works(sqlite):
    def disk_error(_store):
        error = sqlite3.OperationalError("disk I/O error")
        error.sqlite_errorcode = sqlite3.SQLITE_IOERR | 10 << 8
        raise OperationalError("UPDATE", {}, error)

    with pytest.raises(NotStoredError):
        await sqlite.transact(disk_error)
    with pytest.raises(OperationalError):
        await sqlite.transact(lambda s: s.patients._connection.execute(text("SELECT nothing")))


async def test_a_caller_cancelled_while_waiting_leaves_nothing(sqlite):
    gate = Gate()
    first = await gate.hold(sqlite)
    (task,) = await _queued(sqlite, lambda s: s.settings.set("a", "1"))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    gate.leave.set()
    await first
    assert await sqlite.transact(lambda s: s.settings.get("a")) is None


async def test_a_caller_cancelled_while_it_runs_has_all_of_it(sqlite):
    gate = Gate()

    def work(stores):
        stores.settings.set("a", "1")
        gate(stores)
        stores.settings.set("b", "1")

    task = asyncio.create_task(sqlite.transact(work))
    await asyncio.to_thread(gate.entered.wait, 10)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    gate.leave.set()
    assert await sqlite.transact(lambda s: (s.settings.get("a"), s.settings.get("b"))) == ("1", "1")


async def test_stop_iteration_reaches_the_caller_as_an_error(sqlite):
    with pytest.raises(RuntimeError, match="StopIteration"):
        await sqlite.transact(lambda _s: next(iter(())))


async def test_closing_waits_for_what_was_handed_in(tmp_path):
    database = sqlite_database(tmp_path / "close.db")
    gate = Gate()
    first = await gate.hold(database)
    tasks = await _queued(database, *(lambda s, n=n: s.settings.set(f"n{n}", "1") for n in range(100)))
    closing = asyncio.create_task(database.close())
    await asyncio.sleep(0)
    gate.leave.set()
    await asyncio.gather(first, closing, *tasks)
    again = open_database(f"sqlite:///{tmp_path}/close.db", KEYRING)
    assert await again.read(lambda s: all(s.settings.get(f"n{n}") for n in range(100)))
    await again.close()


async def test_reads_do_not_wait_for_the_writer(sqlite):
    await sqlite.transact(lambda s: s.settings.set("a", "1"))
    gate = Gate()

    def work(stores):
        stores.settings.set("a", "2")
        gate(stores)

    task = asyncio.create_task(sqlite.transact(work))
    await asyncio.to_thread(gate.entered.wait, 10)
    assert await sqlite.read(lambda s: s.settings.get("a")) == "1"
    gate.leave.set()
    await task


async def test_a_reader_cannot_write(sqlite):
    with pytest.raises(OperationalError, match="readonly"):
        await sqlite.read(lambda s: s.settings.set("a", "1"))


def test_the_file_is_set_up_for_safety(sqlite):
    def pragma(name):
        return sqlite.run(lambda s: s.patients._connection.exec_driver_sql(f"PRAGMA {name}").scalar())

    assert pragma("journal_mode") == "wal"
    assert pragma("synchronous") == 2
    assert pragma("foreign_keys") == 1
    assert pragma("busy_timeout") == 10_000


def test_references_are_checked(sqlite):
    def work(stores):
        stores.patients._connection.execute(
            text("INSERT INTO tip_shown (patient_id, tip, shown_at) VALUES (99, 'x', 1)")
        )

    with pytest.raises(Exception, match="FOREIGN KEY"):
        sqlite.run(work)


_WRITER = """
import asyncio, sys
from bot.db.crypto import Keyring
from bot.db.opening import open_database

async def main():
    database = open_database(sys.argv[1], Keyring.parse(sys.argv[2]))
    async def one(n):
        await database.transact(lambda s: s.settings.set(f"n{n}", str(n)))
        print(n, flush=True)
    n = 0
    while True:
        await asyncio.gather(*(one(n + k) for k in range(8)))
        n += 8

asyncio.run(main())
"""


def test_what_was_acknowledged_survives_a_kill(tmp_path):
    url = sqlite_url(tmp_path / "killed.db")
    process = subprocess.Popen([sys.executable, "-c", _WRITER, url, KEYS], stdout=subprocess.PIPE, text=True)
    with process:
        acknowledged = [process.stdout.readline().strip() for _ in range(200)]
        process.send_signal(signal.SIGKILL)
        acknowledged += process.stdout.read().split()
    assert process.returncode == -signal.SIGKILL
    database = open_database(url, KEYRING)
    stored = database.run(lambda s: [s.settings.get(f"n{n}") for n in acknowledged])
    database.shut()
    assert stored == acknowledged
