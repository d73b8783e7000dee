"""Two transactions of two replicas at once: the first is held up behind one of its reads until the second is through.

"Through" is also: waits for a lock that the first holds. Then the first goes on.
"""

import threading
from dataclasses import replace

from sqlalchemy import event

from bot.app.ports.errors import StaleRecordError


class HeldUp:
    """A port that stops once, behind the first call of one of its methods, and only the first time it is run."""

    def __init__(self, port, gate):
        self._port, self._gate = port, gate

    def __getattr__(self, name):
        found = getattr(self._port, name)
        if name != self._gate.method or self._gate.reached.is_set():
            return found

        def then_wait(*args, **more):
            result = found(*args, **more)
            if not self._gate.reached.is_set():
                self._gate.reached.set()
                assert self._gate.go_on.wait(20)
            return result

        return then_wait


class Gate:
    """Where the first transaction stops: behind "port.method"."""

    def __init__(self, after):
        self.after = after
        self.port, _, self.method = after.partition(".")
        self.reached, self.go_on = threading.Event(), threading.Event()

    def on(self, stores):
        """The stores of a transaction that stops there."""
        return replace(stores, **{self.port: HeldUp(getattr(stores, self.port), self)})


class HeldUpDatabase:
    """A database whose first transaction stops there."""

    def __init__(self, database, gate):
        self._database, self._gate = database, gate

    async def transact(self, fn):
        return await self._database.transact(lambda stores: fn(self._gate.on(stores)))

    async def read(self, fn):
        return await self._database.read(fn)

    def run(self, fn):
        return self._database.run(lambda stores: fn(self._gate.on(stores)))


def started(work):
    """Run it in a thread; return the thread and a list that gets its result, or what it raised."""
    results = []

    def run():
        try:
            results.append(work())
        except Exception as error:  # noqa: BLE001 - handed to the caller
            results.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    return thread, results


def interleaved(pg, after, first, second):
    """Run `first(database)`, and `second(database)` while it is held up; return what each gave or raised."""
    gate = Gate(after)
    return _while_held_up(pg, gate, lambda: first(HeldUpDatabase(pg, gate)), lambda: second(pg))


def interleaved_in(pg, statement, first, second):
    """As `interleaved`, but hold `first` up behind its first statement that contains this text, inside a method."""
    gate, threads = Gate(statement), []

    def hold(_connection, _cursor, sql, *_):
        if threading.get_ident() in threads and statement in sql and not gate.reached.is_set():
            gate.reached.set()
            assert gate.go_on.wait(20)

    def run_first():
        threads.append(threading.get_ident())
        return first(pg)

    event.listen(pg.engine, "after_cursor_execute", hold)
    try:
        return _while_held_up(pg, gate, run_first, lambda: second(pg))
    finally:
        event.remove(pg.engine, "after_cursor_execute", hold)


def _while_held_up(pg, gate, first, second):
    one, given = started(first)
    try:
        assert gate.reached.wait(10), f"{gate.after} was not reached: {given}"
        other, also = started(second)
        _until_through(pg, other)
    finally:
        gate.go_on.set()
    for thread in (one, other):
        thread.join(20)
        assert not thread.is_alive()
    found = (given[0], also[0])
    assert not any(isinstance(each, StaleRecordError) for each in found), "it was run again"
    return found


def _until_through(pg, thread):
    with pg.engine.connect() as connection:
        for _ in range(1000):
            waits = connection.exec_driver_sql("SELECT count(*) FROM pg_locks WHERE NOT granted").scalar()
            connection.rollback()
            if waits or not thread.is_alive():
                return
            thread.join(0.01)
    raise AssertionError("it neither ended nor waited")
