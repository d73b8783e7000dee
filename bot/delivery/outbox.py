"""The sender: claims messages from the outbox, delivers them and records the results. Its siblings make the decisions.

One attempt: claim (budget.claim_batch, one transaction) -> call Telegram (telegram_calls.py) -> classify (outcomes.py)
-> record (results.record_result; attempts that end together share a transaction). A crash between Telegram's answer and
the record duplicates a message when its lease expires; no message is ever lost. The statuses of a message are the
table of `app/records/outbox_states.py`.
"""

import asyncio
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar

import structlog
from telegram import Bot
from telegram.error import TelegramError

from bot.app.records.messages import Claim, Lane
from bot.app.work import Stores, Transactor
from bot.clock import Clock, ClockJumpDetector, SandboxClock
from bot.delivery import budget, metrics, results, telegram_calls
from bot.delivery.lanes import TELEGRAM_LIMITS, RateLimits
from bot.delivery.outcomes import DeliveryOutcome, DeliveryResult, classify_error
from bot.delivery.own_files import OwnFiles
from bot.dialog.rendered import Render, Rendered

T = TypeVar("T")
log = structlog.get_logger(__name__)

CONCURRENCY = 32
"""Messages in flight at once: 25 a second at a round trip of 0.2 s need 5; the rest is for slow periods."""
URGENT_RESERVE = 8
"""Of these, never used by bulk."""
LEASE_SECONDS = 60.0
"""Longer than two calls that use up every timeout, so that a running sender keeps its claims."""
IDLE_POLL_SECONDS = 0.5
"""Interval of polling the outbox without a nudge, for retries, rate limits and messages that other replicas queued."""
DRAIN_SECONDS = 7.0
"""How long `stop` waits for in-flight messages."""
RELEASE_SECONDS = 2.0
CLAIM_PAUSE_SECONDS = 5.0
"""How long replicas claim nothing when leases may expire too early; meanwhile each renews its leases."""
DATABASE_RETRY_SECONDS = 0.5
MAX_CLOCK_DIFFERENCE = timedelta(seconds=2)
"""The clock that replicas share has jumped if it differs by more from our copy, which is at most seconds old."""


class ClockJumpError(RuntimeError):
    """The clock that replicas share jumped: claim nothing until every sender has renewed its leases."""


@dataclass(eq=False)
class InFlightMessage:
    """An in-flight message; `result` is set once the attempt has ended."""

    claimed: budget.ClaimedMessage
    recorded: asyncio.Future[None]
    claimed_at: float
    """The time of the claim, in monotonic seconds."""
    result: DeliveryResult | None = None

    @property
    def claim(self) -> Claim:
        return self.claimed.claim


class Sender:
    """Delivers messages for one process.

    `on_chat_unreachable` runs in the transaction that records that a chat is unreachable. `owner` is unique among
    replicas; `shared` says that there may be other replicas. `limits` may be replaced before the first
    message.
    """

    def __init__(
        self,
        database: Transactor,
        bot: Bot,
        render: Render,
        clock: Clock,
        on_chat_unreachable: results.OnChatUnreachable,
        *,
        owner: str,
        shared: bool = False,
        concurrency: int = CONCURRENCY,
        lease_seconds: float = LEASE_SECONDS,
        limits: RateLimits = TELEGRAM_LIMITS,
        jitter: Callable[[], float] = random.random,
        own_files: OwnFiles | None = None,
    ) -> None:
        self.limits = limits
        self._database = database
        self._bot = bot
        self._render = render
        self._own_files = own_files
        self._clock = clock
        # Rate limits, leases and backoffs are real time; the timestamps that express them are clock time.
        self._speed = clock.speed if isinstance(clock, SandboxClock) else 1.0
        self._context = results.SenderContext(owner=owner, speed=self._speed, on_chat_unreachable=on_chat_unreachable)
        self._lease = timedelta(seconds=lease_seconds) * self._speed
        self._concurrency = concurrency
        self._urgent_reserve = min(URGENT_RESERVE, concurrency - 1)
        self._jitter = jitter
        self._jumps = ClockJumpDetector(clock, speed=self._speed)
        self._shared = shared
        self._lease_seconds = lease_seconds
        self._has_uncertain_claims = False
        """Whether the database may record claims that this sender doesn't have in flight."""
        self._must_pause = False
        self._paused_until = 0.0
        self._last_claim = self._renewed = time.monotonic()
        self._messages: dict[int, InFlightMessage] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._unrecorded: list[InFlightMessage] = []
        self._recorder: asyncio.Task[None] | None = None
        self._claiming = asyncio.Lock()
        self._wake = asyncio.Event()
        self._stopping = False

    @property
    def in_flight(self) -> int:
        """The number of messages that are claimed and whose result is not yet recorded."""
        return len(self._messages)

    @property
    def seconds_since_claim(self) -> float:
        """Real seconds since the outbox was last polled successfully, or since the sender was created."""
        return time.monotonic() - self._last_claim

    def nudge(self) -> None:
        """Poll the outbox at once, because a message was queued. Call this in the sender's event loop."""
        self._wake.set()

    async def run(self) -> None:
        """Deliver until `stop`."""
        while not self._stopping:
            self._wake.clear()
            try:
                batch = await self._claim()
            except Exception as error:  # noqa: BLE001 - the loop must never end
                self._log_failure("claim", error)
                await asyncio.sleep(DATABASE_RETRY_SECONDS)
                continue
            await self._wait(batch)

    async def send_once(self) -> bool:
        """Claim and send one batch and wait for all in-flight messages; return whether there were any."""
        batch = await self._claim()
        in_flight = set(self._tasks)
        if in_flight:
            await asyncio.wait(in_flight)
        return bool(batch.messages or in_flight)

    async def stop(self) -> None:
        """Stop claiming, wait up to 7 s for in-flight messages, and release the rest for the next start."""
        self._stopping = True
        self._wake.set()
        async with self._claiming:
            pass  # a claim in progress starts its messages first
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=DRAIN_SECONDS)
        unfinished = [*self._tasks, *([self._recorder] if self._recorder else [])]
        for task in unfinished:
            task.cancel()
        await asyncio.gather(*unfinished, return_exceptions=True)
        if self._messages:
            await self._release_unfinished(list(self._messages.values()))

    # -- claiming

    async def _claim(self) -> budget.ClaimBatch:
        async with self._claiming:
            started = self._clock.now()
            if self._stopping or await self._renew_and_check_pause(started):
                return budget.ClaimBatch((), None)
            free = self._concurrency - len(self._messages)
            if free <= 0:
                return budget.ClaimBatch((), None)
            capacity = budget.Capacity(urgent=free, bulk=free - self._urgent_reserve)
            lease = budget.Lease(self._context.owner, self._lease, frozenset(self._messages))
            # An error leaves this set: the claim may have been committed nevertheless.
            self._has_uncertain_claims = True
            try:
                batch = await self._database.transact(
                    partial(self._claim_batch, started, time.monotonic(), capacity, lease)
                )
            except ClockJumpError:
                self._must_pause = True
                return budget.ClaimBatch((), None)
            self._last_claim = time.monotonic()
            if batch.messages and abs(self._clock.now() - started) >= self._lease / 2:
                await self._release_late_claim(batch)
                batch = budget.ClaimBatch((), None)
            for claimed in batch.messages:
                self._start(claimed)
            self._has_uncertain_claims = False
            return batch

    def _claim_batch(
        self, started: datetime, started_seconds: float, capacity: budget.Capacity, lease: budget.Lease, stores: Stores
    ) -> budget.ClaimBatch:
        """Claim by a clock that can't jump meanwhile; raise ClockJumpError if the shared clock has jumped.

        By a clock that jumped ahead, other senders' leases would have expired.
        """

        def now() -> datetime:
            shared = stores.clock.shared_now()
            if shared is None:
                elapsed = timedelta(seconds=(time.monotonic() - started_seconds) * self._speed)
                return max(started, min(self._clock.now(), started + elapsed))
            if abs(shared - self._clock.now()) > MAX_CLOCK_DIFFERENCE:
                raise ClockJumpError(ClockJumpError.__doc__)
            return shared

        return budget.claim_batch(stores, now, capacity, lease, self.limits.scaled_to(self._speed))

    async def _release_late_claim(self, batch: budget.ClaimBatch) -> None:
        """Release the claim: it took so long, or the clock jumped, that another sender may own it by now."""
        metrics.SENDER_ERRORS.labels("late_claim").inc()
        log.warning("a claim took too long and is released", action="claim_late", messages=len(batch.messages))
        rows, owner = [claimed.claim.row for claimed in batch.messages], self._context.owner

        def release(stores: Stores) -> None:
            for row in rows:
                stores.outbox.mark_retry(row.id, owner=owner, not_before=row.not_before, error="late")

        await self._database.transact(release)

    async def _renew_and_check_pause(self, at: datetime) -> bool:
        """Renew the leases of in-flight messages if necessary; return whether claiming is paused.

        Regular renewal keeps a lease from expiring before its message is finished. After the clock jumped, or after a
        long time without a transaction, other senders' leases can't be trusted until each sender has renewed its own.
        """
        if self._jumps.has_jumped():
            log.warning("the clock jumped", action="clock_jumped")
            self._has_uncertain_claims = self._must_pause = True
        since_renewal = time.monotonic() - self._renewed
        if self._has_uncertain_claims or since_renewal > self._lease_seconds / 4:
            self._must_pause = self._must_pause or since_renewal > self._lease_seconds / 2
            ids, owner, is_uncertain = tuple(self._messages), self._context.owner, self._has_uncertain_claims
            # Without a database this raises: the leases are renewed at the next poll, and nothing is claimed before.
            await self._database.transact(
                partial(budget.renew_leases, ids, at, self._lease, owner, release_others=is_uncertain)
            )
            self._renewed = time.monotonic()
            if self._shared and self._must_pause:
                self._paused_until = self._renewed + CLAIM_PAUSE_SECONDS
            self._has_uncertain_claims = self._must_pause = False
        return time.monotonic() < self._paused_until

    def _start(self, claimed: budget.ClaimedMessage) -> None:
        message = InFlightMessage(claimed, asyncio.get_running_loop().create_future(), time.monotonic())
        self._messages[claimed.claim.row.id] = message
        task = asyncio.create_task(self._deliver(message))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _wait(self, batch: budget.ClaimBatch) -> None:
        """Wait until a nudge, until the budget allows more, or for the poll interval."""
        seconds = IDLE_POLL_SECONDS
        if batch.ready_at is not None:
            seconds = min(seconds, max(0.0, (batch.ready_at - self._clock.now()).total_seconds() / self._speed))
        try:
            await asyncio.wait_for(self._wake.wait(), seconds)
        except TimeoutError:
            return

    # -- one message

    async def _deliver(self, message: InFlightMessage) -> None:
        message.result = await self._attempt(message)
        self._unrecorded.append(message)
        if self._recorder is None or self._recorder.done():
            self._recorder = asyncio.create_task(self._record())
        await message.recorded
        # The chat's next message, or one that found no capacity, may be waiting for this one.
        self._wake.set()

    async def _attempt(self, message: InFlightMessage) -> DeliveryResult:
        claimed, claim = message.claimed, message.claim
        rendered: Rendered | None = None
        try:
            rendered = await self._rendered(claim)
            if time.monotonic() - max(self._renewed, message.claimed_at) > self._lease_seconds / 2:
                # This process was suspended: another may have sent the message since, and a newer screen after it.
                return DeliveryResult(DeliveryOutcome.RETRY, "late")
            message_id = await telegram_calls.send(self._bot, claim, rendered)
            return DeliveryResult(DeliveryOutcome.SENT, message_id=message_id)
        except Exception as error:  # noqa: BLE001 - every error becomes a result
            result = classify_error(error, claim, has_full_burst=claimed.has_full_burst, jitter=self._jitter())
            results.log_error(error, claim, result)
            is_content_at_fault = result.outcome is DeliveryOutcome.REJECTED or not isinstance(error, TelegramError)
        # A picture that Telegram rejects is also sent as plain text.
        has_plain_text = claim.row.lane is Lane.RED_FLAG or (rendered is not None and rendered.photo is not None)
        if is_content_at_fault and has_plain_text and rendered is not None:
            return await self._fall_back(claimed, rendered)
        return result

    async def _rendered(self, claim: Claim) -> Rendered:
        """Render the screen; draw a picture in a thread: it takes tens of milliseconds, and a red flag can't wait."""
        row = claim.row
        if row.screen.document is not None and self._own_files is not None:
            file = await self._own_files.file(row, row.screen.document, self._clock.now())
            return replace(self._render(row.screen, row.language, row.chat_id), document=file)
        if row.screen.trend is None:
            return self._render(row.screen, row.language, row.chat_id)
        return await asyncio.to_thread(self._render, row.screen, row.language, row.chat_id)

    async def _fall_back(self, claimed: budget.ClaimedMessage, rendered: Rendered) -> DeliveryResult:
        """Send the text alone, so that a call screen is never lost because of a bad button."""
        try:
            message_id = await telegram_calls.send_plain_text(self._bot, claimed.claim, rendered)
            sent = DeliveryResult(DeliveryOutcome.SENT, message_id=message_id)
        except Exception as error:  # noqa: BLE001 - every error becomes a result
            result = classify_error(error, claimed.claim, has_full_burst=claimed.has_full_burst, jitter=self._jitter())
            results.log_error(error, claimed.claim, result)
            return result
        metrics.FALLBACKS.inc()
        return sent

    # -- recording results

    async def _record(self) -> None:
        """Record results until none is left; results that arrive meanwhile form the next transaction."""
        while self._unrecorded:
            batch, self._unrecorded = self._unrecorded, []
            try:
                await self._record_batch(batch)
            except Exception as error:  # noqa: BLE001 - unrecorded results are kept and retried
                self._log_failure("mark", error)
                self._unrecorded = batch + self._unrecorded
                await asyncio.sleep(DATABASE_RETRY_SECONDS)

    async def _record_batch(self, batch: list[InFlightMessage]) -> None:
        at = self._clock.now()
        errors = await self._database.transact(partial(_record_all, batch, at, self._context))
        for message, error in zip(batch, errors, strict=True):
            if error is not None:
                # Its lease remains: the message is claimed again when that expires.
                self._log_failure("mark", error)
            elif message.result is not None:
                metrics.count_result(message.claim, message.result, at)
            del self._messages[message.claim.row.id]
            if not message.recorded.done():
                message.recorded.set_result(None)

    async def _release_unfinished(self, messages: list[InFlightMessage]) -> None:
        """Record what can still be recorded, so that the next start need not wait for the leases to expire."""
        for message in messages:
            message.result = message.result or DeliveryResult(DeliveryOutcome.RETRY, "stopped")
        try:
            await asyncio.wait_for(self._record_batch(messages), RELEASE_SECONDS)
        except Exception as error:  # noqa: BLE001 - otherwise the leases expire by themselves
            self._log_failure("mark", error)

    def _log_failure(self, step: str, error: Exception) -> None:
        metrics.SENDER_ERRORS.labels(step).inc()
        log.error("the outbox can't be read or updated", action="sender_failed", step=step, error=type(error).__name__)


def _record_all(
    batch: list[InFlightMessage], at: datetime, context: results.SenderContext, stores: Stores
) -> list[Exception | None]:
    """Record each result in its own savepoint, so that one failure doesn't undo the others; return the errors."""
    return [stores.attempt(partial(_record_one, stores, message, at, context)) for message in batch]


def _record_one(stores: Stores, message: InFlightMessage, at: datetime, context: results.SenderContext) -> None:
    if message.result is not None:
        results.record_result(stores, message.claim, message.result, at, context)
