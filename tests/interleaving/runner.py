"""Runs two use cases against each other: one after the other, or the second within the first after its k-th statement.

The second runs to its end, or until it waits for a lock that the first holds: then the first goes on to its end.
Sweeps and senders skip rows that are locked, and come again with the next tick: so each run ends with one more of them.
"""

import sys
import threading
import time
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from bot.app.patients.importing import ImportFaultsError
from bot.app.ports.errors import DuplicateError, RefusedError
from tests.interleaving.catalog import Do, UseCase
from tests.interleaving.dump import Dump, Dumper
from tests.interleaving.lab import TABLES, Lab
from tests.interleaving.scene import NOW
from tests.interleaving.sides import Side
from tests.interleaving.statements import StatementWatch, Watches
from tests.interleaving.touched import Reader, Touched, owners_of

LATER = timedelta(seconds=7)
LOOK_SECONDS = 0.002
STUCK_SECONDS = 30.0


class StuckError(RuntimeError):
    """A run made no progress: the message holds the stacks of all threads and the last statements."""


@dataclass(frozen=True)
class Solo:
    """What a use case does alone on the start state, in all and statement by statement."""

    touched: Touched
    steps: Sequence[Touched]
    attempts: int

    def points_against(self, other: "Solo") -> list[int]:
        """Return after which statements a switch to the other can make a difference; the last one if after none.

        A statement whose order with all of the other's doesn't matter may as well come after them: a switch after it is
        the same as one before it.
        """
        points = [place for place, step in enumerate(self.steps, 1) if step.depends_on(other.touched)]
        return points or [len(self.steps)]


@dataclass(frozen=True)
class Result:
    """The content after a run; how both ended is part of it."""

    content: Dump
    ended: tuple[str, str]
    waited: bool = False
    attempts: int = 0


class Runner:
    """Runs on one lab; remembers what the last run wrote, to put it back."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        lab.restore(TABLES)
        self._watches = Watches(lab.database.engine)
        self._owners = owners_of({name: lab.rows(name) for name in TABLES})
        self._dirty: set[str] = set()
        self._first = Side("first", lab.database, NOW)
        self._later = Side("second", lab.database, NOW + LATER)
        self._at_once = Side("second", lab.database, NOW)
        self._dumper = Dumper(lab)

    def solo(self, case: UseCase) -> Solo:
        """Run it alone."""
        self._restore()
        watch = self._watch()
        self._guarded(case.do, self._first, watch)
        return Solo(watch.touched, watch.steps, watch.attempts)

    def ends(self, case: UseCase) -> str:
        """Run it alone and return how it ends: "ok", "refused", or the name of an error's class."""
        self._restore()
        return self._guarded(case.do, self._first, self._watch())

    def _sides(self, first: UseCase, second: UseCase) -> tuple[Side, Side]:
        """Two sweeps are of the same tick: which of them does which row says nothing."""
        both = first.again is not None and second.again is not None
        return self._first, self._at_once if both else self._later

    def in_turn(self, first: UseCase, second: UseCase, *, turned: bool) -> Result:
        """Run both to their ends; `turned`: the second before the first."""
        self._restore()
        ended = {}
        one, two = self._sides(first, second)
        order = [(0, first, one), (1, second, two)]
        for place, case, side in reversed(order) if turned else order:
            ended[place] = self._guarded(case.do, side, self._watch())
        return self._result(first, second, (ended[0], ended[1]))

    def switched(self, first: UseCase, second: UseCase, after: int) -> Result:
        """Run the first up to its statement number `after`, then the second as far as it comes, then the first."""
        self._restore()
        one, two = self._watch(after), self._watch()
        ended = ["", ""]
        sides = self._sides(first, second)
        threads = [
            threading.Thread(target=self._into, args=(ended, place, case, side, watch), daemon=True)
            for place, (case, side, watch) in enumerate(zip((first, second), sides, (one, two), strict=True))
        ]
        deadline = time.monotonic() + STUCK_SECONDS
        threads[0].start()
        while threads[0].is_alive() and not one.held.wait(LOOK_SECONDS):
            _check(deadline, one, two)
        threads[1].start()
        waited = self._waits(threads[1], two, deadline, one)
        one.go.set()
        for thread in threads:
            while thread.is_alive():
                thread.join(0.05)
                _check(deadline, one, two)
        return self._result(first, second, (ended[0], ended[1]), waited=waited, attempts=one.attempts + two.attempts)

    # -- parts

    def _waits(self, thread: threading.Thread, watch: StatementWatch, deadline: float, other: StatementWatch) -> bool:
        """Wait for its end; return whether it waits for a lock instead."""
        while thread.is_alive():
            thread.join(LOOK_SECONDS)
            if thread.is_alive() and watch.pid is not None and self._lab.is_blocked(watch.pid):
                return True
            _check(deadline, other, watch)
        return False

    def _watch(self, hold_after: int = 0) -> StatementWatch:
        return StatementWatch(Reader(self._owners, frozenset(TABLES)), hold_after)

    def _into(self, ended: list[str], place: int, case: UseCase, side: Side, watch: StatementWatch) -> None:
        ended[place] = self._guarded(case.do, side, watch)

    def _guarded(self, do: Do, side: Side, watch: StatementWatch) -> str:
        self._watches.begin(watch)
        side.statement_watch = watch
        try:
            do(self._lab.scene, side)
        except (RefusedError, DuplicateError, ImportFaultsError):
            return "refused"
        except Exception as error:  # noqa: BLE001 - how it ends is what is looked at
            return type(error).__name__
        finally:
            self._watches.end()
            self._dirty |= watch.touched.written
        return "ok"

    def _result(
        self, first: UseCase, second: UseCase, ended: tuple[str, str], *, waited: bool = False, attempts: int = 0
    ) -> Result:
        for case, side in zip((first, second), self._sides(first, second), strict=True):
            if case.again is not None:
                self._guarded(case.again, side, self._watch())
        return Result(self._dumper.dump(self._dirty), ended, waited, attempts)

    def _restore(self) -> None:
        self._lab.restore(self._dirty)
        self._dirty.clear()


def _check(deadline: float, *watches: StatementWatch) -> None:
    """Raise StuckError once the deadline has passed."""
    if time.monotonic() < deadline:
        return
    stacks = [
        f"thread {number}:\n{''.join(traceback.format_stack(frame))}" for number, frame in sys._current_frames().items()
    ]
    last = "\n".join(f"last statement of {name}: {w.last}" for name, w in zip(("A", "B"), watches, strict=True))
    raise StuckError("\n".join([f"no progress in {STUCK_SECONDS:g} s", last, *stacks]))
