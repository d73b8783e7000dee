"""The running parts of one clinic, joined: updates in, sweeps, messages out. Starts and stops them in the right order.

It reads no settings (wiring.py does) and knows neither web server nor sandbox, so tests drive it as it is.
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

from bot.app import conversation, outage
from bot.app.installation import BOT_NAME
from bot.app.ports import Clinic
from bot.app.store import Store
from bot.chat.afterwards import Afterwards
from bot.chat.commands import publish_commands
from bot.chat.handlers import Handlers
from bot.chat.leader import Leader
from bot.chat.poll import GRACE
from bot.chat.receiver import Receiver
from bot.chat.screens import Words, keyboard_commands, make_render
from bot.chat.updates import Dispatcher
from bot.chat.webhook import Intake, WebhookWatch, remove_webhook, setup_webhook
from bot.clock import Clock
from bot.content.texts import Texts
from bot.content.typed import TypedWords
from bot.db.engine import Database
from bot.delivery.outbox import Sender
from bot.ticker import Ticker

T = TypeVar("T")
log = structlog.get_logger(__name__)

RECEIVER_ERRORS = Counter("nervecheck_receiver_errors_total", "Times that receiving ended and was begun again.")
INTRODUCE_ERRORS = Counter("nervecheck_introduce_errors_total", "Times that Telegram did not answer at the start.")
LISTENER_ERRORS = Counter("nervecheck_listener_errors_total", "Times that Telegram's last answer was not kept.")
BOT_ID = "bot_id"
"""The setting that keeps which bot this database's updates were numbered for."""
END_OF_TIME = datetime.max.replace(tzinfo=UTC)
HEARD_SECONDS = 30.0
STOP_SECONDS = 8.5
"""What a stop gives to what is under way: containers are killed after ten seconds."""
TAKE_SECONDS = GRACE + 0.5
"""Of these, for updates under way to be committed."""
LAST_SECONDS = 1.0
"""Then, for the sender to begin what they left to be sent."""
HANG_UP_SECONDS = 1.0
"""At the end, to write down what Telegram has not answered, so that the next start sends it at once."""
PLAUSIBLE = timedelta(minutes=10)
"""Telegram seldom asks a bot to wait longer, and says so again; what lies further ahead a wrong clock left behind."""
FIRST_WAIT = 1.0
LONGEST_WAIT = 60.0
ROUND_SECONDS = 60.0
"""A sender or ticker that has not got through a round for so long has stopped."""


@dataclass(frozen=True)
class WebhookAt:
    """Where Telegram brings updates, and the secret it shows."""

    url: str
    secret: str


@dataclass(frozen=True)
class Bots:
    """One for polling, whose connection is held for half a minute, and one for everything else."""

    sending: Bot
    polling: Bot


def make_handlers(
    clinic: Clinic, texts: Texts, typed: TypedWords, button_key: bytes, bot_name: Callable[[], str | None]
) -> Handlers:
    """Return what updates are worked off by."""
    commands = keyboard_commands(Words(texts), texts.languages)
    return Handlers(conversation, clinic, button_key, commands, typed, bot_name=bot_name)


class Service:
    """One clinic's bot. `shared`: other processes may work on the same database."""

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
        webhook: WebhookAt | None = None,
        shared: bool = False,
    ) -> None:
        self.clinic = clinic
        self.database = database
        self.bot_name: str | None = None
        self.bots = bots
        self.webhook = webhook
        self._words = Words(texts)
        self.clock = clock
        self.sender = Sender(
            database,
            bots.sending,
            make_render(texts, button_key),
            clock,
            self._unreachable,
            owner=owner,
            shared=shared,
        )
        self.ticker = Ticker(database, clinic, clock, self.sender.nudge)
        handlers = make_handlers(clinic, texts, typed, button_key, lambda: self.bot_name)
        self.dispatcher = Dispatcher(
            bot=bots.sending,
            database=database,
            handlers=handlers,
            afterwards=Afterwards(bots.sending, self._words, clinic.languages),
            clock=clock,
            nudge=self.sender.nudge,
        )
        self.intake = Intake(self.dispatcher)
        leader = Leader(database, clock, owner=owner) if shared else None
        self.receiver = Receiver(bots.polling, self.dispatcher, clock, leader=leader)
        self._watch: WebhookWatch | None = None
        self._shared = shared
        self._introduced: float | None = None
        self._stopping = False
        self._tasks: list[asyncio.Task[None]] = []

    def _unreachable(self, store: Store, chat_id: int, at: datetime) -> None:
        conversation.membership(store, self.clinic, chat_id, reachable=False, at=at)

    async def start(self) -> None:
        """Start sending and ticking at once; receiving as soon as Telegram answers."""
        now = self.clock.now()
        if not self._shared:
            # No other process works on this database: what one that was killed was sending is sent at once.
            await self.database.transact(lambda store: store.end_leases(now))
        # Moments that a clock set forward left behind would keep a chat silent for days.
        await self.database.transact(lambda store: store.forget_pace(now + PLAUSIBLE))
        await self.bots.sending.request.initialize()
        await self.bots.polling.request.initialize()
        self._tasks = [
            asyncio.create_task(self.sender.run(), name="sender"),
            asyncio.create_task(self._receive(), name="receiver"),
        ]
        if self.webhook is None:
            self._tasks.append(asyncio.create_task(self._listen(), name="listener"))
        self.ticker.start()

    async def stop(self) -> None:
        """Take no more, send what was committed last, then close the connections. The database stays open.

        In that order: a red flag that is committed now still gets its call screen. And not for ever, whatever hangs:
        whoever runs this kills it after ten seconds.
        """
        self._stopping = True
        end = time.monotonic() + STOP_SECONDS
        hang_up = end - HANG_UP_SECONDS
        taken = min(time.monotonic() + TAKE_SECONDS, hang_up)
        await self._until(taken, self.receiver.stop(), self.intake.close(GRACE), self.ticker.stop())
        await self._until(min(time.monotonic() + LAST_SECONDS, hang_up), self._send_rest())
        late = await self._until(hang_up, self.sender.stop(), self.dispatcher.finish(LAST_SECONDS))
        # Ends the calls that Telegram has not answered: the sender gives their messages back.
        await self.bots.sending.request.shutdown()
        if late:
            await asyncio.wait(late, timeout=max(0.0, end - time.monotonic()))
        for task in self._tasks:
            task.cancel()
        # One that waits for a database that hangs doesn't end by that.
        done, _ = await asyncio.wait(self._tasks, timeout=HANG_UP_SECONDS / 4)
        for error in (task.exception() for task in done if not task.cancelled()):
            if error is not None:
                log.error("a part did not stop well", action="stop_failed", error=type(error).__name__)
        await self.bots.polling.request.shutdown()

    async def _until(self, moment: float, *steps: Coroutine[Any, Any, None]) -> set[asyncio.Task[None]]:
        """Begin these steps of a stop, and wait for them until a moment; return those that are late, and go on."""
        begun = [asyncio.create_task(step) for step in steps]
        self._tasks += begun
        _, late = await asyncio.wait(begun, timeout=max(0.0, moment - time.monotonic()))
        return late

    async def _send_rest(self) -> None:
        """Send what was committed while receiving ended."""
        while await self.sender.send_once():
            pass

    async def settle(self) -> None:
        """Work off all that is due now; stories and the sandbox's clock wait for it."""
        found = True
        while found:
            found = await self.ticker.tick()
            while await self.sender.send_once():
                found = True

    @property
    def seconds_since_answer(self) -> float | None:
        """Real seconds since Telegram last answered a poll, or, while the first is under way, was introduced to."""
        if self.receiver.seconds_since_poll is not None:
            return self.receiver.seconds_since_poll
        return None if self._introduced is None else time.monotonic() - self._introduced

    @property
    def sends(self) -> bool:
        """Whether the sender's loop is running, and was through a round a moment ago."""
        return self._is_running("sender") and self.sender.seconds_since_look < ROUND_SECONDS

    @property
    def ticks(self) -> bool:
        """Whether the ticker was through a round a moment ago."""
        return self.ticker.seconds_since_tick < ROUND_SECONDS

    @property
    def receives(self) -> bool:
        """Whether updates are being fetched, or Telegram is being asked whether it brings them."""
        return self._is_running("receiver")

    @property
    def webhook_trouble(self) -> str | None:
        """Why Telegram may not bring updates; None: it brings them."""
        return self._watch.trouble if self._watch is not None else "Telegram was not told yet where to bring updates"

    def _is_running(self, name: str) -> bool:
        return any(task.get_name() == name and not task.done() for task in self._tasks)

    async def catch_up(self) -> None:
        """Work off what a jump of the clock made due, while everything runs."""
        await self.ticker.tick()
        self.sender.nudge()

    async def _receive(self) -> None:
        """Receive until stopped; whatever goes wrong is tried again, because a deaf bot looks like a working one."""
        wait = FIRST_WAIT
        while not self._stopping:
            begun = time.monotonic()
            try:
                await self.introduce()
                await (self.receiver.run() if self.webhook is None else self._be_brought(self.webhook))
            except Exception as error:  # noqa: BLE001 - see above
                RECEIVER_ERRORS.inc()
                log.error("receiving failed", action="receive_failed", error=type(error).__name__)  # noqa: TRY400
            wait = FIRST_WAIT if time.monotonic() - begun > LONGEST_WAIT else wait
            await asyncio.sleep(wait)
            wait = min(2 * wait, LONGEST_WAIT)

    async def _listen(self) -> None:
        """Keep when Telegram last answered a poll: what it dropped in a longer silence nobody can know."""
        while True:
            # Another replica that polls keeps what it hears itself; that it polls doesn't mean that it is answered.
            since = self.receiver.seconds_since_heard
            if since is not None and since < HEARD_SECONDS:
                await self._keep_heard()
            await asyncio.sleep(HEARD_SECONDS)

    async def _be_brought(self, webhook: WebhookAt) -> None:
        """Ask again and again whether Telegram can bring updates: nothing else tells a broken way from quiet hours."""
        self._watch = watch = WebhookWatch(self.bots.sending, webhook.url, webhook.secret, self.clock)
        while True:
            if await watch.look():
                await self._keep_heard()
            await asyncio.sleep(watch.seconds_to_next)

    async def _keep_heard(self) -> None:
        at = self.clock.now()
        try:
            await self.database.transact(partial(outage.heard, clinic=self.clinic, at=at))
        except Exception as error:  # noqa: BLE001 - the database is down: readiness says so
            LISTENER_ERRORS.inc()
            log.warning("not kept", action="heard_failed", error=type(error).__name__)

    async def introduce(self) -> None:
        """Learn the bot's name, choose how updates come, publish its commands; tried until Telegram answers."""
        me = await _answered(self.bots.sending.get_me)
        # Before anything is brought: the numbers of its updates may be those that another bot's had.
        await self.database.transact(partial(_keep_bot, me=me))
        await _answered(self._choose_way)
        self.bot_name = me.username
        self._introduced = time.monotonic()
        await publish_commands(self.bots.sending, self._words, self.clinic.languages)

    async def _choose_way(self) -> None:
        if self.webhook is not None:
            await setup_webhook(self.bots.sending, self.webhook.url, self.webhook.secret)
        else:
            await remove_webhook(self.bots.sending)


async def _answered(ask: Callable[[], Awaitable[T]]) -> T:
    """Ask Telegram until it answers."""
    wait = FIRST_WAIT
    while True:
        try:
            return await ask()
        except TelegramError as error:
            INTRODUCE_ERRORS.inc()
            log.warning("Telegram does not answer", action="introduce_failed", error=type(error).__name__)
        await asyncio.sleep(wait)
        wait = min(2 * wait, LONGEST_WAIT)


def _keep_bot(store: Store, me: User) -> None:
    """Keep which bot this is; when it is another one, forget the updates seen, which were numbered for the one before.

    An update that has the number of one of those would count as done, and what it says would be lost.
    """
    if store.setting(BOT_ID) not in {None, str(me.id)}:
        forgotten = store.forget_updates(END_OF_TIME)
        log.warning("this is another bot than before", action="bot_changed", updates=forgotten)
    store.save_setting(BOT_ID, str(me.id))
    store.save_setting(BOT_NAME, me.username or "")
