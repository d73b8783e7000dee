"""Watches the statements of each side on the product's engine: what they touch, and where to hold one up."""

import threading
from typing import Any

from sqlalchemy import Engine, event

from tests.interleaving.touched import Reader, Touched

_NO_WORK = ("SAVEPOINT", "RELEASE", "ROLLBACK TO")
HELD_SECONDS = 8
"""Less than the server allows a transaction to be idle."""


class StatementWatch:
    """The statements of one side in one run. `hold_after`: stop after that statement, until `go`."""

    def __init__(self, reader: Reader, hold_after: int = 0) -> None:
        self.touched = Touched()
        self.steps: list[Touched] = []
        self.pid: int | None = None
        self.held = threading.Event()
        self.go = threading.Event()
        self.last = ""
        self.attempts = 0
        """Of transactions; more than there are of them: some were run again."""
        self._reader = reader
        self._hold_after = hold_after

    def before(self, pid: int, statement: str) -> None:
        """A statement begins."""
        self.pid = pid
        self.last = statement

    def after(self, statement: str, parameters: Any) -> None:
        """A statement is done: here one side is held up."""
        if statement.lstrip().upper().startswith(_NO_WORK):
            return
        step = self._reader.read(statement, parameters)
        self.touched.add(step)
        self.steps.append(step)
        if len(self.steps) == self._hold_after:
            self.held.set()
            self.go.wait(HELD_SECONDS)


class Watches:
    """Which watch belongs to which thread."""

    def __init__(self, engine: Engine) -> None:
        self._by_thread: dict[int, StatementWatch] = {}
        event.listen(engine, "before_cursor_execute", self._before)
        event.listen(engine, "after_cursor_execute", self._after)

    def begin(self, watch: StatementWatch) -> None:
        """Watch this thread."""
        self._by_thread[threading.get_ident()] = watch

    def end(self) -> None:
        """Watch this thread no more."""
        self._by_thread.pop(threading.get_ident(), None)

    def _before(self, connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        watch = self._by_thread.get(threading.get_ident())
        if watch is not None:
            watch.before(connection.connection.driver_connection.info.backend_pid, statement)

    def _after(self, _connection: Any, _cursor: Any, statement: str, parameters: Any, *_rest: Any) -> None:
        watch = self._by_thread.get(threading.get_ident())
        if watch is not None:
            watch.after(statement, parameters)
