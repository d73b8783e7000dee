"""The sender: takes what the outbox holds, sends it, writes back how that ended. What is decided is in its neighbours.

One attempt: claim (budget.take, one transaction) -> call Telegram (calls.py) -> verdict (verdicts.py) -> write it down
(budget.write_end; attempts that end together share a transaction). A crash between Telegram's answer and the writing
doubles a message when its lease runs out; nothing is ever lost.
"""

import asyncio
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Protocol, TypeVar

import structlog
from telegram import Bot
from telegram.error import TelegramError

from bot.app.ports import Render, Rendered
from bot.app.store import Claim, Lane, Store
from bot.clock import Clock, JumpWatch, SandboxClock
from bot.delivery import calls, metrics
from bot.delivery.budget import Books, Lease, OnPermanent, Round, Slots, Taken, take, write_end
from bot.delivery.lanes import PUBLISHED, Pace
from bot.delivery.verdicts import End, Stop, Verdict, is_our_fault, judge

T = TypeVar("T")
log = structlog.get_logger(__name__)

CONCURRENCY = 32
"""Messages under way at once: 25 a second at a round trip of 0.2 s need 5; the rest is for slow hours."""
KEPT_SLOTS = 8
"""Of these, never taken by bulk."""
LEASE_SECONDS = 60.0
"""Longer than two calls with every timeout used up, so that a living sender's claim isn't taken from it."""
IDLE_SECONDS = 0.5
"""Looks without a nudge: what falls due by itself (retries, paces) and what another replica queued."""
FINISH_SECONDS = 7.0
"""What `stop` gives to messages under way."""
GIVE_BACK_SECONDS = 2.0
REST_SECONDS = 5.0
"""When leases may be over too early, replicas claim nothing for so long: each says anew what it has in hand."""
DATABASE_WAIT_SECONDS = 0.5
CLOCK_SET = timedelta(seconds=2)
"""By so much the clock that replicas share was set, if it differs from what we knew of it a second ago."""


class ClockSetError(RuntimeError):
    """The clock that replicas share was set: nothing is claimed before each has said what it has in hand."""


class Transactor(Protocol):
    """What the sender needs of a database."""

    async def transact(self, fn: Callable[[Store], T]) -> T:
        """Run `fn` in one transaction and commit it."""
        ...


@dataclass(eq=False)
class Flight:
    """A message under way; `verdict` once Telegram has answered."""

    taken: Taken
    written: asyncio.Future[None]
    since: float
    """When it was claimed, in monotonic seconds."""
    verdict: Verdict | None = None

    @property
    def claim(self) -> Claim:
        return self.taken.claim


class Sender:
    """Sends for one process. `on_permanent` runs in the transaction that learns that a chat is gone.

    `owner` is unique among replicas; `shared`: there may be some. `pace` may be replaced before the first message
    (see lanes.UNLIMITED).
    """

    def __init__(
        self,
        database: Transactor,
        bot: Bot,
        render: Render,
        clock: Clock,
        on_permanent: OnPermanent,
        *,
        owner: str,
        shared: bool = False,
        concurrency: int = CONCURRENCY,
        lease_seconds: float = LEASE_SECONDS,
        pace: Pace = PUBLISHED,
        spread: Callable[[], float] = random.random,
    ) -> None:
        self.pace = pace
        self._database = database
        self._bot = bot
        self._render = render
        self._clock = clock
        # Paces, leases and waits are real time; the moments they are written as are the clock's.
        self._speed = clock.speed if isinstance(clock, SandboxClock) else 1.0
        self._books = Books(owner=owner, speed=self._speed, on_permanent=on_permanent)
        self._lease = timedelta(seconds=lease_seconds) * self._speed
        self._concurrency = concurrency
        self._kept = min(KEPT_SLOTS, concurrency - 1)
        self._spread = spread
        self._jumps = JumpWatch(clock, speed=self._speed)
        self._shared = shared
        self._lease_seconds = lease_seconds
        self._unsure = False
        """Whether the database may know otherwise than this what is in hand."""
        self._must_rest = False
        self._rests_until = 0.0
        self._looked = self._said = time.monotonic()
        self._air: dict[int, Flight] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._to_write: list[Flight] = []
        self._writer: asyncio.Task[None] | None = None
        self._claiming = asyncio.Lock()
        self._wake = asyncio.Event()
        self._stopping = False

    @property
    def under_way(self) -> int:
        """Messages claimed and not yet written down."""
        return len(self._air)

    @property
    def seconds_since_look(self) -> float:
        """Real seconds since the outbox was last looked at, or since this was made."""
        return time.monotonic() - self._looked

    def nudge(self) -> None:
        """Say that something was queued: it is looked for at once. To be called in the sender's event loop."""
        self._wake.set()

    async def run(self) -> None:
        """Send until `stop`."""
        while not self._stopping:
            self._wake.clear()
            try:
                found = await self._claim()
            except Exception as error:  # noqa: BLE001 - the loop is what must not end
                self._failed("claim", error)
                await asyncio.sleep(DATABASE_WAIT_SECONDS)
                continue
            await self._wait(found)

    async def send_once(self) -> bool:
        """Claim and send one batch, and wait for all that is under way; return whether there was any of either."""
        found = await self._claim()
        under_way = set(self._tasks)
        if under_way:
            await asyncio.wait(under_way)
        return bool(found.taken or under_way)

    async def stop(self) -> None:
        """Claim no more; finish what is under way in 7 s, and give back the rest for the next start."""
        self._stopping = True
        self._wake.set()
        async with self._claiming:
            pass  # a claim that is being made starts its messages first
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=FINISH_SECONDS)
        left = [*self._tasks, *([self._writer] if self._writer else [])]
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        if self._air:
            await self._give_back(list(self._air.values()))

    # -- claiming

    async def _claim(self) -> Round:
        async with self._claiming:
            begun = self._clock.now()
            if self._stopping or await self._rests(begun):
                return Round((), None)
            free = self._concurrency - len(self._air)
            if free <= 0:
                return Round((), None)
            slots = Slots(urgent=free, bulk=free - self._kept)
            lease = Lease(self._books.owner, self._lease, frozenset(self._air))
            # An error leaves it so: the claim may have been committed all the same.
            self._unsure = True
            try:
                found = await self._database.transact(partial(self._take, begun, time.monotonic(), slots, lease))
            except ClockSetError:
                self._must_rest = True
                return Round((), None)
            self._looked = time.monotonic()
            if found.taken and abs(self._clock.now() - begun) >= self._lease / 2:
                await self._let_go(found)
                found = Round((), None)
            for taken in found.taken:
                self._start(taken)
            self._unsure = False
            return found

    def _take(self, begun: datetime, since: float, slots: Slots, lease: Lease, store: Store) -> Round:
        """Claim by a clock that nobody sets meanwhile: to one that leapt, other senders' leases would be over."""

        def now() -> datetime:
            shared = store.shared_now()
            if shared is None:
                passed = timedelta(seconds=(time.monotonic() - since) * self._speed)
                return max(begun, min(self._clock.now(), begun + passed))
            if abs(shared - self._clock.now()) > CLOCK_SET:
                raise ClockSetError(ClockSetError.__doc__)
            return shared

        return take(store, now, slots, lease, self.pace.at_speed(self._speed))

    async def _let_go(self, found: Round) -> None:
        """Send nothing of a claim that took so long, or saw the clock set, that another may have taken it since."""
        metrics.SENDER_ERRORS.labels("late_claim").inc()
        log.warning("a claim came too late", action="claim_late", messages=len(found.taken))
        rows, owner = [taken.claim.row for taken in found.taken], self._books.owner

        def give_back(store: Store) -> None:
            for row in rows:
                store.mark_retry(row.id, owner=owner, not_before=row.not_before, error="late")

        await self._database.transact(give_back)

    async def _rests(self, at: datetime) -> bool:
        """Say anew what this has in hand, where that is called for; return whether nothing is to be claimed now.

        Now and then, so that no lease ends before its message has. After the clock was set, or no transaction was
        possible for long, other senders' leases mean nothing until each has said so.
        """
        if self._jumps.jumped():
            log.warning("the clock was set", action="clock_jumped")
            self._unsure = self._must_rest = True
        unsaid = time.monotonic() - self._said
        if self._unsure or unsaid > self._lease_seconds / 4:
            self._must_rest = self._must_rest or unsaid > self._lease_seconds / 2
            mine = tuple(self._air)
            # A database that is away fails it: said at the next look then, and nothing is claimed before.
            await self._database.transact(
                partial(_say_anew, mine, at, self._lease, self._books.owner, unsure=self._unsure)
            )
            self._said = time.monotonic()
            if self._shared and self._must_rest:
                self._rests_until = self._said + REST_SECONDS
            self._unsure = self._must_rest = False
        return time.monotonic() < self._rests_until

    def _start(self, taken: Taken) -> None:
        flight = Flight(taken, asyncio.get_running_loop().create_future(), time.monotonic())
        self._air[taken.claim.row.id] = flight
        task = asyncio.create_task(self._fly(flight))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _wait(self, found: Round) -> None:
        """Until a nudge, until the budget lets more go, or for a while."""
        seconds = IDLE_SECONDS
        if found.ready_at is not None:
            seconds = min(seconds, max(0.0, (found.ready_at - self._clock.now()).total_seconds() / self._speed))
        try:
            await asyncio.wait_for(self._wake.wait(), seconds)
        except TimeoutError:
            return

    # -- one message

    async def _fly(self, flight: Flight) -> None:
        flight.verdict = await self._attempt(flight)
        self._to_write.append(flight)
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write())
        await flight.written
        # The chat's next message, or one that found no slot, may be waiting for this.
        self._wake.set()

    async def _attempt(self, flight: Flight) -> Verdict:
        taken, claim = flight.taken, flight.claim
        rendered: Rendered | None = None
        try:
            rendered = await self._rendered(claim)
            if time.monotonic() - max(self._said, flight.since) > self._lease_seconds / 2:
                # A process that was halted: another may have sent it since, and a newer screen after it.
                return Verdict(End.RETRY, "late")
            return Verdict(End.SENT, message_id=await calls.send(self._bot, claim, rendered))
        except Exception as error:  # noqa: BLE001 - every error is a verdict
            verdict = judge(error, claim, rested=taken.rested, spread=self._spread())
            self._tell(error, claim, verdict)
            ours = verdict.end is End.REFUSED or not isinstance(error, TelegramError)
        # A picture that Telegram refuses goes out as its words, too.
        worded = claim.row.lane is Lane.RED_FLAG or (rendered is not None and rendered.photo is not None)
        if ours and worded and rendered is not None:
            return await self._fall_back(taken, rendered)
        return verdict

    async def _rendered(self, claim: Claim) -> Rendered:
        """Render; a picture takes tens of milliseconds to draw, in which a red flag must not wait."""
        row = claim.row
        if row.screen.trend is None:
            return self._render(row.screen, row.language, row.chat_id)
        return await asyncio.to_thread(self._render, row.screen, row.language, row.chat_id)

    async def _fall_back(self, taken: Taken, rendered: Rendered) -> Verdict:
        """A call screen is never lost for a bad button: its words go out alone."""
        try:
            sent = Verdict(End.SENT, message_id=await calls.send_plain(self._bot, taken.claim, rendered))
        except Exception as error:  # noqa: BLE001 - every error is a verdict
            verdict = judge(error, taken.claim, rested=taken.rested, spread=self._spread())
            self._tell(error, taken.claim, verdict)
            return verdict
        metrics.FALLBACKS.inc()
        return sent

    def _tell(self, error: Exception, claim: Claim, verdict: Verdict) -> None:
        """Log an error: never a text, an address or a chat."""
        facts = {"outbox": claim.row.id, "lane": claim.row.lane.name, "screen": claim.row.screen.name}
        facts |= {"attempt": claim.attempt, "error": verdict.error}
        if verdict.stops is Stop.BULK:
            log.warning("Telegram asks for a pause", action="bulk_stopped", seconds=verdict.stops_for.total_seconds())
        if is_our_fault(error):
            log.error("a message can't be made or sent", action="send_broken", **facts)
        elif verdict.end is End.REFUSED:
            log.error("Telegram refuses a message", action="send_refused", **facts)
        elif verdict.end is End.GONE:
            log.info("a chat can't be written to", action="chat_gone", **facts)
        elif verdict.end is End.RETRY:
            log.info("a message is tried again", action="send_retry", **facts)

    # -- writing down

    async def _write(self) -> None:
        """Write verdicts until none is left; those that come meanwhile are the next transaction."""
        while self._to_write:
            batch, self._to_write = self._to_write, []
            try:
                await self._write_batch(batch)
            except Exception as error:  # noqa: BLE001 - unwritten ends are kept and tried again
                self._failed("mark", error)
                self._to_write = batch + self._to_write
                await asyncio.sleep(DATABASE_WAIT_SECONDS)

    async def _write_batch(self, batch: list[Flight]) -> None:
        at = self._clock.now()
        errors = await self._database.transact(partial(_write_all, batch, at, self._books))
        for flight, error in zip(batch, errors, strict=True):
            if error is not None:
                # Its lease stays: it is claimed again when that runs out.
                self._failed("mark", error)
            elif flight.verdict is not None:
                _count(flight.claim, flight.verdict, at)
            del self._air[flight.claim.row.id]
            if not flight.written.done():
                flight.written.set_result(None)

    async def _give_back(self, flights: list[Flight]) -> None:
        """Write what can still be written, so that the next start need not wait for the leases to run out."""
        for flight in flights:
            flight.verdict = flight.verdict or Verdict(End.RETRY, "stopped")
        try:
            await asyncio.wait_for(self._write_batch(flights), GIVE_BACK_SECONDS)
        except Exception as error:  # noqa: BLE001 - then the leases run out by themselves
            self._failed("mark", error)

    def _failed(self, step: str, error: Exception) -> None:
        metrics.SENDER_ERRORS.labels(step).inc()
        log.error("the outbox can't be read or written", action="sender_failed", step=step, error=type(error).__name__)


def _say_anew(mine: Sequence[int], at: datetime, lasts: timedelta, owner: str, store: Store, *, unsure: bool) -> None:
    """Keep the leases of what is in hand; `unsure`: let go of what was claimed and never came into it."""
    store.keep_leases(mine, owner=owner, until=(store.shared_now() or at) + lasts)
    if unsure:
        store.free_leases(owner=owner, but_for=mine)


def _write_all(batch: list[Flight], at: datetime, books: Books, store: Store) -> list[Exception | None]:
    """Write each end in a savepoint: one that fails must not undo the others."""
    return [store.attempt(partial(_write_one, store, flight, at, books)) for flight in batch]


def _write_one(store: Store, flight: Flight, at: datetime, books: Books) -> None:
    if flight.verdict is not None:
        write_end(store, flight.claim, flight.verdict, at, books)


def _count(claim: Claim, verdict: Verdict, at: datetime) -> None:
    lane = claim.row.lane.name.lower()
    if verdict.end is End.SENT:
        metrics.SENT.labels(lane).inc()
        metrics.SEND_SECONDS.labels(lane).observe(max(0.0, (at - claim.row.created_at).total_seconds()))
    elif verdict.end in (End.GONE, End.REFUSED):
        metrics.FAILURES.labels(verdict.end.value).inc()
    else:
        metrics.RETRIES.labels(lane, verdict.error.split(":")[0]).inc()
