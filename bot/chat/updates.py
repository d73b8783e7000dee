"""Works off one raw update: parse it alone, one transaction, then tell Telegram. It decides nothing.

`Dispatcher.handle` returns when the update is committed: worked off, or stored as a dead update. So whoever brought the
update may confirm it. Where the database itself fails nothing is confirmed, and Telegram keeps the update for us.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, Protocol, TypeVar

import structlog
from telegram import Bot, Update

from bot.app import dead
from bot.app.lookup import RefusedError
from bot.app.ports import Outcome
from bot.app.store import DeadUpdate, Store
from bot.app.store_errors import StaleRecordError, StoreDownError
from bot.chat.afterwards import Afterwards
from bot.chat.handlers import Handlers, Step
from bot.chat.metrics import (
    DATABASE_ERRORS,
    DEAD_UPDATES,
    HANDLER_RETRIES,
    REPEATED_UPDATES,
    SORRY_ERRORS,
    UPDATES,
)
from bot.chat.order import ChatOrder
from bot.chat.peek import Peek, peek
from bot.clock import Clock

T = TypeVar("T")
log = structlog.get_logger(__name__)

AGAIN_AFTER = (0.05, 0.25)
"""Seconds before another try of a handler that raised: a fault of the moment must not cost an answer."""
FIRST_WAIT = 0.25
LONGEST_WAIT = 10.0
"""Seconds between tries while the database is down: doubled from the first to the longest."""


OVER = "toast.closed"
"""What a tap is answered with that changed nothing: its screen is over."""
CAME_TOO_LATE = "comes too late, its screen is over: ask them what they wanted to say"


class Transactor(Protocol):
    """What is needed of a database: run a function in one transaction, return when it is committed."""

    async def transact(self, fn: Callable[[Store], T]) -> T: ...


class DatabaseDownError(Exception):
    """The update could not be committed, not even as a dead one: it must not be confirmed."""


class Dispatcher:
    """Brings updates to the handlers: each chat's in order, chats side by side.

    `nudge` is called after each commit: messages may wait in the outbox. `sleep` waits (seconds).
    """

    def __init__(
        self,
        *,
        bot: Bot,
        database: Transactor,
        handlers: Handlers,
        afterwards: Afterwards,
        clock: Clock,
        nudge: Callable[[], None],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._bot = bot
        self._database = database
        self._handlers = handlers
        self._afterwards = afterwards
        self._clock = clock
        self._nudge = nudge
        self._sleep = sleep
        self._order = ChatOrder()

    async def handle(self, raw: Any, *, keep_trying: bool = False) -> None:
        """Return when the update (an object of JSON) is committed.

        While the database is down: with `keep_trying` wait for it, holding the chat's later updates back, otherwise
        raise `DatabaseDownError`.
        """
        seen = peek(raw)
        async with self._order.turn(seen.chat_id):
            wait = FIRST_WAIT
            while True:
                try:
                    return await self._work_off(raw, seen)
                except DatabaseDownError as error:
                    DATABASE_ERRORS.inc()
                    log.warning("the database failed", action="update_not_committed", error=_first_class(error))
                    if not keep_trying:
                        raise
                await self._sleep(wait)
                wait = min(2 * wait, LONGEST_WAIT)

    async def bury(self, text: str, error: Exception) -> None:
        """Store what is not even JSON as a dead update; raise `DatabaseDownError` when that fails."""
        await self._bury(text, Peek(), error)

    async def finish(self, seconds: float) -> None:
        """Give the calls to Telegram that are under way that long."""
        await self._afterwards.finish(seconds)

    async def _work_off(self, raw: Any, seen: Peek) -> None:
        try:
            step = self._handlers.step(Update.de_json(raw, self._bot))
            outcome = await self._commit(step, seen)
        except DatabaseDownError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever an update does, the others go on
            await self._bury(json.dumps(raw), seen, error)
            return
        UPDATES.labels(step.kind).inc()
        if step.leave is not None:
            self._afterwards.leave(step.leave)
        self._told(seen, outcome)

    async def _commit(self, step: Step, seen: Peek) -> Outcome | None:
        """Run the work in a transaction, None when it was done before; raise what the handler raised each time."""
        if step.work is None:
            return None
        for wait in AGAIN_AFTER:
            try:
                return await self._transact(_Once(step, seen.update_id, self._clock.now()))
            except DatabaseDownError:
                raise
            except Exception as error:  # noqa: BLE001 - tried again, and the last time not caught
                HANDLER_RETRIES.inc()
                log.warning("a handler failed", action="update_failed", kind=step.kind, error=where(error))
            await self._sleep(wait)
        return await self._transact(_Once(step, seen.update_id, self._clock.now()))

    async def _transact(self, work: "_Once") -> Outcome | None:
        try:
            return await self._database.transact(work)
        except (StoreDownError, StaleRecordError) as error:
            # Also where it failed in the middle of the work, or others changed each time what it saves: that is not
            # the work's fault.
            raise DatabaseDownError("the database failed") from error
        except Exception as error:
            if work.failed:
                raise
            raise DatabaseDownError("the transaction failed around its work") from error

    async def _bury(self, text: str, seen: Peek, error: Exception) -> None:
        at = self._clock.now()
        row = DeadUpdate(update_id=seen.update_id, chat_id=seen.chat_id, raw=text, error=where(error), at=at)

        def store_dead(store: Store) -> bool:
            if seen.update_id is not None and not store.first_time(seen.update_id, at):
                return False
            store.add_dead_update(row)
            return True

        try:
            new = await self._database.transact(store_dead)
        except Exception as failure:
            raise DatabaseDownError("a dead update could not be stored") from failure
        if new:
            DEAD_UPDATES.inc()
            log.error("an update is dead", action="update_dead", update_id=seen.update_id, error=row.error)
            await self._say_sorry(seen)
        self._told(seen, None)

    async def _say_sorry(self, seen: Peek) -> None:
        """Whoever waits for an answer gets one: with the current screen where that works, alone where not."""
        if not seen.awaited or seen.chat_id is None:
            return
        for alone in (False, True):
            try:
                step = self._handlers.sorry(seen.chat_id, alone=alone)
                await self._database.transact(_Once(step, None, self._clock.now()))
            except Exception as error:  # noqa: BLE001 - the update is stored; this is the best that can be done
                SORRY_ERRORS.inc()
                # No traceback: its words may hold what a patient sent.
                log.error(  # noqa: TRY400
                    "no answer after a dead update", action="sorry_failed", alone=alone, error=where(error)
                )
            else:
                return

    def _told(self, seen: Peek, outcome: Outcome | None) -> None:
        if seen.callback_id is not None:
            self._afterwards.answer(seen.callback_id, outcome)
        self._nudge()


class _Once:
    """A step's work, done unless the update was seen before; remembers whether the work itself failed."""

    def __init__(self, step: Step, update_id: int | None, at: datetime) -> None:
        self._step = step
        self._update_id = update_id
        self._at = at
        self.failed = False

    def __call__(self, store: Store) -> Outcome | None:
        self.failed = False
        try:
            if self._update_id is not None and not store.first_time(self._update_id, self._at):
                REPEATED_UPDATES.inc()
                return None
            return self._step.work(store, self._at) if self._step.work is not None else None
        except Exception:
            self.failed = True
            raise


def replay(store: Store, handlers: Handlers, bot: Bot, number: int, by: str, at: datetime) -> None:
    """Work a dead update off after all, as if it came now, and strike it off.

    RefusedError when it is outdated, changes nothing any more, or fails again: the transaction is to be undone then,
    and it stays listed.
    """
    found = dead.update(store, number)
    try:
        step = handlers.step(Update.de_json(json.loads(found.raw), bot))
        outcome = step.work(store, at) if step.work is not None and step.outdated is None else None
    except StaleRecordError:
        raise
    except Exception as error:
        raise RefusedError(f"update-{number} failed again ({where(error)}): it stays listed") from error
    over = outcome is not None and outcome.toast is not None and outcome.toast.key == OVER
    if step.outdated is not None or over:
        raise dead.refused(store, number, step.outdated or CAME_TOO_LATE)
    dead.worked_off(store, number, by, at)


def where(error: BaseException) -> str:
    """Return class and place of an error, without its words: those may hold what a patient sent."""
    place = ""
    trace = error.__traceback__
    while trace is not None:
        module = trace.tb_frame.f_globals.get("__name__", "")
        if module.startswith("bot.") or not place:
            place = f"{module}:{trace.tb_lineno}"
        trace = trace.tb_next
    return f"{type(error).__name__} at {place}" if place else type(error).__name__


def _first_class(error: BaseException) -> str:
    """Name what began it all."""
    while error.__cause__ is not None:
        error = error.__cause__
    return type(error).__name__
