"""Joins the running parts of one clinic: receiver, ticker, sender. Starts and stops them in the right order.

It reads no settings (wiring.py does) and knows neither web server nor sandbox, so tests can run it directly.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, TypeVar

import structlog
from prometheus_client import Counter
from telegram import Bot, User
from telegram.error import TelegramError

from bot.app.operations import outages
from bot.app.operations.installation import BOT_NAME
from bot.app.ports.clinic import Clinic
from bot.app.work import SYSTEM, Stores
from bot.chat.background_calls import BackgroundCalls
from bot.chat.commands import publish_commands
from bot.chat.handlers import Handlers
from bot.chat.leader import Leader
from bot.chat.poll import DRAIN_SECONDS
from bot.chat.receiver import Receiver
from bot.chat.reply_keyboard import keyboard_commands
from bot.chat.screens import TextRenderer, make_render
from bot.chat.updates import Dispatcher
from bot.chat.webhook import UpdateIntake, WebhookMonitor, remove_webhook, setup_webhook
from bot.clock import Clock
from bot.content.texts import Texts
from bot.content.typed import TypedWords
from bot.core.own_data import MakeFile
from bot.db.engine import Database
from bot.delivery.outbox import Sender
from bot.delivery.own_files import OwnFiles
from bot.dialog import conversation
from bot.dialog.work import work_on
from bot.ticker import Ticker

T = TypeVar("T")
log = structlog.get_logger(__name__)

RECEIVER_ERRORS = Counter("nervecheck_receiver_errors_total", "Times that receiving failed and was restarted.")
CONNECT_ERRORS = Counter("nervecheck_introduce_errors_total", "Calls that Telegram did not answer at the start.")
CONTACT_ERRORS = Counter(
    "nervecheck_listener_errors_total", "Times that the last contact with Telegram was not stored."
)
BOT_ID = "bot_id"
"""The setting that stores the id of the bot whose update ids this database has seen."""
MAX_TIMESTAMP = datetime.max.replace(tzinfo=UTC)
CONTACT_SECONDS = 30.0
STOP_SECONDS = 8.5
"""How long a stop may take: containers are killed after ten seconds."""
COMMIT_SECONDS = DRAIN_SECONDS + 0.5
"""Of these, the time for updates in progress to be committed."""
LAST_SEND_SECONDS = 1.0
"""Then, the time for the sender to start the messages that they queued."""
CLOSE_SECONDS = 1.0
"""At the end, the time to release messages without an answer, so that the next start sends them at once."""
MAX_PLAUSIBLE_PAUSE = timedelta(minutes=10)
"""Telegram seldom requests a longer pause, and would repeat it; a later timestamp was written by a wrong clock."""
FIRST_RETRY_SECONDS = 1.0
MAX_RETRY_SECONDS = 60.0
STALLED_SECONDS = 60.0
"""A sender or ticker that has not finished an iteration for this long has stalled."""


@dataclass(frozen=True)
class WebhookConfig:
    """The webhook's URL, and the secret that Telegram's requests contain."""

    url: str
    secret: str


@dataclass(frozen=True)
class Bots:
    """One bot for polling, which holds its connection for half a minute, and one for everything else."""

    sending: Bot
    polling: Bot


def make_handlers(
    clinic: Clinic, texts: Texts, typed: TypedWords, button_key: bytes, bot_name: Callable[[], str | None]
) -> Handlers:
    """Return the handlers of updates."""
    renderer = TextRenderer(texts)
    commands = keyboard_commands((renderer.plain, renderer.for_helper().plain), texts.languages)
    return Handlers(conversation, clinic, button_key, commands, typed, bot_name=bot_name)


class Service:
    """One clinic's bot. `shared` says that other processes may use the same database."""

    def __init__(
        self,
        *,
        clinic: Clinic,
        texts: Texts,
        typed: TypedWords,
        database: Database,
        bots: Bots,
        clock: Clock,
        button_key: bytes,
        owner: str,
        webhook: WebhookConfig | None = None,
        make_file: MakeFile,
        shared: bool = False,
    ) -> None:
        self.clinic = clinic
        self.database = database
        self.bot_name: str | None = None
        self.bots = bots
        self.webhook = webhook
        self._renderer = TextRenderer(texts)
        self.clock = clock
        self.sender = Sender(
            database,
            bots.sending,
            make_render(texts, button_key),
            clock,
            self._on_chat_unreachable,
            owner=owner,
            shared=shared,
            own_files=OwnFiles(database, clinic, make_file),
        )
        self.ticker = Ticker(database, clinic, clock, self.sender.nudge)
        handlers = make_handlers(clinic, texts, typed, button_key, lambda: self.bot_name)
        self.dispatcher = Dispatcher(
            bot=bots.sending,
            database=database,
            handlers=handlers,
            background=BackgroundCalls(bots.sending, self._renderer, clinic.languages),
            clock=clock,
            nudge=self.sender.nudge,
        )
        self.intake = UpdateIntake(self.dispatcher)
        leader = Leader(database, clock, owner=owner) if shared else None
        self.receiver = Receiver(bots.polling, self.dispatcher, clock, leader=leader)
        self._webhook_monitor: WebhookMonitor | None = None
        self._shared = shared
        self._connected_at: float | None = None
        self._stopping = False
        self._tasks: list[asyncio.Task[None]] = []

    def _on_chat_unreachable(self, stores: Stores, chat_id: int, at: datetime) -> None:
        conversation.membership(work_on(stores, self.clinic, at, actor=SYSTEM), chat_id, reachable=False)

    async def start(self) -> None:
        """Start sending and ticking at once, and receiving as soon as Telegram answers."""
        now = self.clock.now()
        if not self._shared:
            # No other process uses this database: messages that a killed process was sending are sent at once.
            await self.database.transact(lambda stores: stores.outbox.release_orphaned(now))
        # Timestamps that a clock set forward left behind would block a chat for days.
        await self.database.transact(lambda stores: stores.limits.reset(now + MAX_PLAUSIBLE_PAUSE))
        await self.bots.sending.request.initialize()
        await self.bots.polling.request.initialize()
        self._tasks = [
            asyncio.create_task(self.sender.run(), name="sender"),
            asyncio.create_task(self._receive(), name="receiver"),
        ]
        if self.webhook is None:
            self._tasks.append(asyncio.create_task(self._record_polling_contact(), name="listener"))
        self.ticker.start()

    async def stop(self) -> None:
        """Stop receiving, send what was committed last, then close the connections. The database remains open.

        The order ensures that a red flag committed now still gets its call screen. Whatever hangs, the stop is bounded,
        because the supervisor kills the process after ten seconds.
        """
        self._stopping = True
        end = time.monotonic() + STOP_SECONDS
        close_by = end - CLOSE_SECONDS
        committed_by = min(time.monotonic() + COMMIT_SECONDS, close_by)
        await self._until(committed_by, self.receiver.stop(), self.intake.close(DRAIN_SECONDS), self.ticker.stop())
        await self._until(min(time.monotonic() + LAST_SEND_SECONDS, close_by), self._send_rest())
        late = await self._until(close_by, self.sender.stop(), self.dispatcher.finish(LAST_SEND_SECONDS))
        # This ends the calls that Telegram has not answered, and the sender releases their messages.
        await self.bots.sending.request.shutdown()
        if late:
            await asyncio.wait(late, timeout=max(0.0, end - time.monotonic()))
        for task in self._tasks:
            task.cancel()
        # Cancelling doesn't end a task that waits for a hanging database.
        done, _ = await asyncio.wait(self._tasks, timeout=CLOSE_SECONDS / 4)
        for error in (task.exception() for task in done if not task.cancelled()):
            if error is not None:
                log.error("a part failed while stopping", action="stop_failed", error=type(error).__name__)
        await self.bots.polling.request.shutdown()

    async def _until(self, deadline: float, *steps: Coroutine[Any, Any, None]) -> set[asyncio.Task[None]]:
        """Start these steps of a stop and wait for them until the deadline; return those that are still running."""
        started = [asyncio.create_task(step) for step in steps]
        self._tasks += started
        _, late = await asyncio.wait(started, timeout=max(0.0, deadline - time.monotonic()))
        return late

    async def _send_rest(self) -> None:
        """Send what was committed while receiving stopped."""
        while await self.sender.send_once():
            pass

    @property
    def seconds_since_answer(self) -> float | None:
        """Real seconds since Telegram last answered a poll or, before the first answer, since the connection."""
        if self.receiver.seconds_since_poll is not None:
            return self.receiver.seconds_since_poll
        return None if self._connected_at is None else time.monotonic() - self._connected_at

    @property
    def is_sending(self) -> bool:
        """Whether the sender's loop is running and recently finished an iteration."""
        return self._is_running("sender") and self.sender.seconds_since_claim < STALLED_SECONDS

    @property
    def is_ticking(self) -> bool:
        """Whether the ticker recently finished an iteration."""
        return self.ticker.seconds_since_tick < STALLED_SECONDS

    @property
    def is_receiving(self) -> bool:
        """Whether the receiver is running: it polls, or asks Telegram whether the webhook works."""
        return self._is_running("receiver")

    @property
    def webhook_problem(self) -> str | None:
        """Why Telegram may not deliver updates; None if it does."""
        return (
            self._webhook_monitor.problem if self._webhook_monitor is not None else "the webhook has not been set yet"
        )

    def _is_running(self, name: str) -> bool:
        return any(task.get_name() == name and not task.done() for task in self._tasks)

    async def catch_up(self) -> None:
        """Process what a jump of the clock made due, while everything runs."""
        await self.ticker.tick()
        self.sender.nudge()

    async def _receive(self) -> None:
        """Receive until stopped; retry after any error, because a bot that doesn't receive looks like a working one."""
        wait = FIRST_RETRY_SECONDS
        while not self._stopping:
            started = time.monotonic()
            try:
                await self.connect()
                await (self.receiver.run() if self.webhook is None else self._monitor_webhook(self.webhook))
            except Exception as error:  # noqa: BLE001 - see above
                RECEIVER_ERRORS.inc()
                log.error("receiving failed", action="receive_failed", error=type(error).__name__)  # noqa: TRY400
            wait = FIRST_RETRY_SECONDS if time.monotonic() - started > MAX_RETRY_SECONDS else wait
            await asyncio.sleep(wait)
            wait = min(2 * wait, MAX_RETRY_SECONDS)

    async def _record_polling_contact(self) -> None:
        """Store regularly when Telegram last answered a poll: after a longer gap it may have dropped updates."""
        while True:
            # A replica that polls stores its own contact; that another polls doesn't mean that Telegram answers it.
            since = self.receiver.seconds_since_own_poll
            if since is not None and since < CONTACT_SECONDS:
                await self._record_contact()
            await asyncio.sleep(CONTACT_SECONDS)

    async def _monitor_webhook(self, webhook: WebhookConfig) -> None:
        """Ask Telegram regularly whether the webhook works: a broken webhook looks like a period without updates."""
        self._webhook_monitor = monitor = WebhookMonitor(self.bots.sending, webhook.url, webhook.secret, self.clock)
        while True:
            if await monitor.check():
                await self._record_contact()
            await asyncio.sleep(monitor.seconds_to_next_check)

    async def _record_contact(self) -> None:
        at = self.clock.now()
        try:
            await self.database.transact(
                lambda stores: outages.note_contact(work_on(stores, self.clinic, at, actor=SYSTEM))
            )
        except Exception as error:  # noqa: BLE001 - the database is down: readiness says so
            CONTACT_ERRORS.inc()
            log.warning(
                "the last contact with Telegram was not stored", action="contact_failed", error=type(error).__name__
            )

    async def connect(self) -> None:
        """Read the bot's name, set or remove the webhook, publish the commands; retry until Telegram answers."""
        me = await _retry_until_answered(self.bots.sending.get_me)
        # Before any update arrives: its id may equal one of another bot's updates.
        await self.database.transact(partial(_record_bot, me=me))
        await _retry_until_answered(self._choose_update_source)
        self.bot_name = me.username
        self._connected_at = time.monotonic()
        await publish_commands(self.bots.sending, self._renderer, self.clinic.languages)

    async def _choose_update_source(self) -> None:
        if self.webhook is not None:
            await setup_webhook(self.bots.sending, self.webhook.url, self.webhook.secret)
        else:
            await remove_webhook(self.bots.sending)


async def _retry_until_answered(call: Callable[[], Awaitable[T]]) -> T:
    """Call Telegram until it answers; return the answer."""
    wait = FIRST_RETRY_SECONDS
    while True:
        try:
            return await call()
        except TelegramError as error:
            CONNECT_ERRORS.inc()
            log.warning("Telegram does not answer", action="connect_failed", error=type(error).__name__)
        await asyncio.sleep(wait)
        wait = min(2 * wait, MAX_RETRY_SECONDS)


def _record_bot(stores: Stores, me: User) -> None:
    """Store which bot this is; if it was another one before, forget the update ids seen, which were the other bot's.

    Otherwise an update with one of those ids would count as already processed, and its content would be lost.
    """
    if stores.settings.get(BOT_ID) not in {None, str(me.id)}:
        forgotten = stores.updates.purge(MAX_TIMESTAMP)
        log.warning("the token belongs to another bot than before", action="bot_changed", updates=forgotten)
    stores.settings.set(BOT_ID, str(me.id))
    stores.settings.set(BOT_NAME, me.username or "")
