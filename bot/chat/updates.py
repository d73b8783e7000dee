"""Processes one raw update: parse it, run one transaction, then answer Telegram. It makes no decisions.

`Dispatcher.handle` returns when the update is committed, either processed or stored as a dead update; the caller may
then confirm it. If the database fails, the update must not be confirmed, and Telegram keeps it for us.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, TypeVar

import structlog
from telegram import Bot, Update

from bot.app.ports.clinic import Clinic
from bot.app.ports.errors import StaleRecordError, StoreDownError
from bot.app.records.operations import DeadUpdate
from bot.app.work import SYSTEM, Stores, Transactor
from bot.chat.background_calls import BackgroundCalls
from bot.chat.chat_order import ChatOrder
from bot.chat.dead_updates import where
from bot.chat.handlers import Handlers, UpdateRoute
from bot.chat.metrics import (
    APOLOGY_ERRORS,
    DATABASE_ERRORS,
    DEAD_UPDATES,
    HANDLER_RETRIES,
    REPEATED_UPDATES,
    UPDATES,
)
from bot.chat.peek import Peek, peek
from bot.clock import Clock
from bot.dialog.replies import TapResult
from bot.dialog.work import work_on

T = TypeVar("T")
log = structlog.get_logger(__name__)

HANDLER_RETRY_SECONDS = (0.05, 0.25)
"""Seconds before each retry of a handler that raised: a transient error must not lose an answer."""
FIRST_RETRY_SECONDS = 0.25
MAX_RETRY_SECONDS = 10.0
"""Seconds between retries while the database is down: doubled from the first to the maximum."""


class DatabaseDownError(Exception):
    """The update could not be committed, not even as a dead update: it must not be confirmed."""


class Dispatcher:
    """Passes updates to the handlers: each chat's updates in order, different chats concurrently.

    `nudge` is called after each commit, because messages may wait in the outbox. `sleep` takes seconds.
    """

    def __init__(
        self,
        *,
        bot: Bot,
        database: Transactor,
        handlers: Handlers,
        background: BackgroundCalls,
        clock: Clock,
        nudge: Callable[[], None],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._bot = bot
        self._database = database
        self._handlers = handlers
        self._background = background
        self._clock = clock
        self._nudge = nudge
        self._sleep = sleep
        self._order = ChatOrder()

    async def handle(self, raw: Any, *, retry_until_committed: bool = False) -> None:
        """Process an update (`raw`: decoded JSON) and return when it is committed.

        While the database is down, `retry_until_committed` retries and holds back the chat's later updates; without it,
        raise `DatabaseDownError`.
        """
        ids = peek(raw)
        async with self._order.turn(ids.chat_id):
            wait = FIRST_RETRY_SECONDS
            while True:
                try:
                    return await self._process(raw, ids)
                except DatabaseDownError as error:
                    DATABASE_ERRORS.inc()
                    log.warning("the database failed", action="update_not_committed", error=_root_cause(error))
                    if not retry_until_committed:
                        raise
                await self._sleep(wait)
                wait = min(2 * wait, MAX_RETRY_SECONDS)

    async def dead_letter(self, text: str, error: Exception) -> None:
        """Store an update that is not valid JSON as a dead update; raise `DatabaseDownError` if that fails."""
        await self._dead_letter(text, Peek(), error)

    async def finish(self, seconds: float) -> None:
        """Wait up to that long for the background calls to Telegram, then cancel them."""
        await self._background.finish(seconds)

    async def _process(self, raw: Any, ids: Peek) -> None:
        try:
            route = self._handlers.route(Update.de_json(raw, self._bot))
            outcome = await self._commit(route, ids)
        except DatabaseDownError:
            raise
        except Exception as error:  # noqa: BLE001 - one update must never stop the others
            await self._dead_letter(json.dumps(raw), ids, error)
            return
        UPDATES.labels(route.kind).inc()
        if route.leave is not None:
            self._background.leave(route.leave)
        self._answer_and_nudge(ids, outcome)

    async def _commit(self, route: UpdateRoute, ids: Peek) -> TapResult | None:
        """Run the work in a transaction; return None if it was already processed.

        Retry when the handler raises; raise its error after the last retry.
        """
        if route.handle is None:
            return None
        for wait in HANDLER_RETRY_SECONDS:
            try:
                return await self._transact(
                    _IdempotentWork(route, ids.update_id, self._handlers.clinic, self._clock.now())
                )
            except DatabaseDownError:
                raise
            except Exception as error:  # noqa: BLE001 - retried below, where the last error is not caught
                HANDLER_RETRIES.inc()
                log.warning("a handler failed", action="update_failed", kind=route.kind, error=where(error))
            await self._sleep(wait)
        return await self._transact(_IdempotentWork(route, ids.update_id, self._handlers.clinic, self._clock.now()))

    async def _transact(self, work: "_IdempotentWork") -> TapResult | None:
        try:
            return await self._database.transact(work)
        except (StoreDownError, StaleRecordError) as error:
            # Even if it failed in the middle of the work, or others kept changing what it saves: the work is not to
            # blame.
            raise DatabaseDownError("the database failed") from error
        except Exception as error:
            if work.failed:
                raise
            raise DatabaseDownError("the transaction failed around its work") from error

    async def _dead_letter(self, text: str, ids: Peek, error: Exception) -> None:
        at = self._clock.now()
        row = DeadUpdate(update_id=ids.update_id, chat_id=ids.chat_id, raw=text, error=where(error), at=at)

        def store_dead(stores: Stores) -> bool:
            if ids.update_id is not None and not stores.updates.mark_processed(ids.update_id, at):
                return False
            stores.dead_letters.add_update(row)
            return True

        try:
            new = await self._database.transact(store_dead)
        except Exception as failure:
            raise DatabaseDownError("a dead update could not be stored") from failure
        if new:
            DEAD_UPDATES.inc()
            log.error("an update was stored as dead", action="update_dead", update_id=ids.update_id, error=row.error)
            await self._apologize(ids)
        self._answer_and_nudge(ids, None)

    async def _apologize(self, ids: Peek) -> None:
        """Answer a person who expects it: with the current screen if possible, otherwise with the apology only."""
        if not ids.expects_answer or ids.chat_id is None:
            return
        for apology_only in (False, True):
            try:
                route = self._handlers.apology(ids.chat_id, apology_only=apology_only)
                await self._database.transact(_IdempotentWork(route, None, self._handlers.clinic, self._clock.now()))
            except Exception as error:  # noqa: BLE001 - the update is stored; the apology is best effort
                APOLOGY_ERRORS.inc()
                # No traceback: it may contain what a patient sent.
                log.error(  # noqa: TRY400
                    "no answer after a dead update",
                    action="apology_failed",
                    apology_only=apology_only,
                    error=where(error),
                )
            else:
                return

    def _answer_and_nudge(self, ids: Peek, outcome: TapResult | None) -> None:
        if ids.callback_id is not None:
            self._background.answer(ids.callback_id, outcome)
        self._nudge()


class _IdempotentWork:
    """A route's work, skipped if the update was already processed; `failed` says whether the work itself raised."""

    def __init__(self, route: UpdateRoute, update_id: int | None, clinic: Clinic, at: datetime) -> None:
        self._route = route
        self._clinic = clinic
        self._update_id = update_id
        self._at = at
        self.failed = False

    def __call__(self, stores: Stores) -> TapResult | None:
        self.failed = False
        try:
            if self._update_id is not None and not stores.updates.mark_processed(self._update_id, self._at):
                REPEATED_UPDATES.inc()
                return None
            if self._route.handle is None:
                return None
            return self._route.handle(work_on(stores, self._clinic, self._at, actor=SYSTEM))
        except Exception:
            self.failed = True
            raise


def _root_cause(error: BaseException) -> str:
    """Return the class name of the first error in the chain."""
    while error.__cause__ is not None:
        error = error.__cause__
    return type(error).__name__
