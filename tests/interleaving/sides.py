"""One of the two parties of a run: its clock, its tokens, and how it opens transactions. Knows no use case."""

import asyncio
import dataclasses
from collections.abc import Callable, Coroutine
from datetime import datetime
from types import SimpleNamespace
from typing import Any, TypeVar

from bot.app.ports.clinic import Clinic
from bot.app.work import Stores, Work
from bot.db.engine import Database
from tests.fakes.work import packaged_clinic, work_on

T = TypeVar("T")


class Tokens:
    """Tokens that are the same in every run, so that their hashes are. A transaction that runs again makes them again."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._made = 0
        self.last = ""

    def restart(self) -> None:
        self._made = 0

    def __call__(self) -> str:
        self._made += 1
        self.last = f"{self._prefix}-token-{self._made:04d}"
        return self.last


class Side:
    """Runs use cases at one fixed timestamp. `database`: any `Database`, or what has its `run`."""

    def __init__(self, name: str, database: Database, at: datetime) -> None:
        self.name = name
        self.at = at
        self.tokens = Tokens(name)
        self.statement_watch: Any = None
        self.clinic: Clinic = dataclasses.replace(packaged_clinic(), new_token=self.tokens)
        self._database = database

    def transact(self, fn: Callable[[Work], T], actor: str = "system") -> T:
        """Run `fn` in a transaction of the product's, with its retries."""

        def attempt(stores: Stores) -> T:
            self.tokens.restart()
            if self.statement_watch is not None:
                self.statement_watch.attempts += 1
            return fn(work_on(stores, self.clinic, self.at, actor=actor))

        return self._database.run(attempt)

    @property
    def desk(self) -> Any:
        """What sign-in needs of the desk; its transactions are this side's."""

        async def write(fn: Callable[[Work], T]) -> T:
            return self.transact(fn)

        return SimpleNamespace(
            clinic=self.clinic,
            clock=SimpleNamespace(now=lambda: self.at),
            read=write,
            write=write,
            url="https://desk.example",
            nudge=lambda: None,
        )

    def wait(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine that waits for nothing but its own transactions."""
        # A loop of its own: a side's thread ends with its switch, and a loop kept for it would stay open.
        with asyncio.Runner() as runner:
            return runner.run(work)
