"""The composition root: builds everything from Settings and runs it. Tests call its parts with stand-ins.

Nothing starts half: all that is wrong with settings and content is listed at once, before anything is opened.
"""

import asyncio
import contextlib
import hashlib
import secrets
import signal
from collections.abc import Callable, Iterable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from hmac import digest
from typing import TypeVar

import structlog
import uvloop
from starlette.applications import Starlette

from bot.app import installation
from bot.app.ports import Clinic
from bot.app.store import ProtocolFile, Store
from bot.chat.charts import svg
from bot.chat.screens import Words, plain_words
from bot.chat.webhook import webhook_route
from bot.clock import Clock, SandboxClock, SharedClock, SystemClock
from bot.config import Settings
from bot.console.desk import Desk
from bot.console.routes import console_routes
from bot.content.dry_run import counted, synthetic
from bot.content.faults import ContentError
from bot.content.loader import load_protocol, packaged_protocol
from bot.content.review import unreviewed
from bot.content.rules_table import fires
from bot.content.texts import ENGLISH, Texts
from bot.content.typed import TypedWords
from bot.core.protocol import Protocol
from bot.core.screen import Text
from bot.db.crypto import Keyring, KeyringError
from bot.db.engine import Database, open_database
from bot.db.lock import at_work, is_shared, single_process
from bot.db.migrate import migrate, pending
from bot.delivery.transport import make_bot
from bot.ops import health
from bot.ops.ping import keep_pinging
from bot.ops.web import WebServer
from bot.sandbox.server import SANDBOX_TOKEN, SandboxServer
from bot.sandboxed import start_sandbox
from bot.service import Bots, Service, WebhookAt
from bot.timekeeper import keeping_time

T = TypeVar("T")
log = structlog.get_logger(__name__)

CONSENT_VERSION = "1"
"""Raised with every change of the consent texts (enrol.consent1 to 3)."""
CONSENT_KEYS = ("enrol.consent1", "enrol.consent2", "enrol.consent3")
DRY_RUN = 60
"""Made-up patients of a dry run in the console, and the days of each: two seconds' work."""
TOKEN_BYTES = 24
"""Of an invite's token: 32 characters, beyond guessing; Telegram takes 64."""


class StartRefusedError(Exception):
    """The program can't start; `problems` says all that is wrong, each with what to do."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


# -- what stands before anything is opened


@dataclass(frozen=True)
class Ready:
    """Settings and content, checked."""

    settings: Settings
    sandbox: bool
    texts: Texts
    typed: TypedWords
    keyring: Keyring
    clinic: Clinic

    @property
    def database_url(self) -> str:
        """Where the data is; may hold a password, so it is never shown."""
        return self.settings.database_url.get_secret_value()

    @property
    def oldest_key(self) -> str:
        """A fingerprint of the key that finds chats and signs buttons."""
        return self.keyring.lookup("installation", "oldest key").hex()


def prepare(settings: Settings, *, sandbox: bool, before: Iterable[str] = ()) -> Ready:
    """Check all there is to check; raise StartRefusedError with every problem at once, those found `before` first."""
    problems = [*before, *([] if sandbox else settings.missing().values())]
    texts = _found(problems, lambda: Texts.load(settings.languages))
    protocol = _found(problems, lambda: load_protocol(settings.protocol, texts))
    if texts is not None and protocol is not None:
        problems += [str(fault) for fault in texts.faults(protocol)]
    keys = settings.keys.get_secret_value() if settings.keys else None
    keyring = _found(problems, lambda: Keyring.parse(keys)) if keys else None
    typed = _found(problems, lambda: TypedWords.load(dict.fromkeys((ENGLISH, *settings.languages))))
    problems += _unsigned(settings, sandbox=sandbox)
    if problems or texts is None or protocol is None or keyring is None or typed is None:
        raise StartRefusedError(list(dict.fromkeys(problems)))
    return Ready(settings, sandbox, texts, typed, keyring, _clinic(settings, protocol, texts, keyring))


def _unsigned(settings: Settings, *, sandbox: bool) -> list[str]:
    """Return a problem for each language that no clinician has signed and no setting allows all the same.

    A Bot API server on this machine is a test: there it is only said. Nobody is asked anything in the sandbox.
    """
    if sandbox:
        return []
    unsigned = [code for code in unreviewed(settings.languages) if code not in (settings.unreviewed_languages or ())]
    if settings.tests_alone:
        for code in unsigned:
            log.warning("a language was not reviewed by a clinician", action="language_unreviewed", language=code)
        return []
    return [
        f"The texts in '{code}' were not reviewed: have a clinician sign bot/content/locales/{code}/review.yaml, or "
        f"allow them as they are with NERVECHECK_UNREVIEWED_LANGUAGES={','.join(unsigned)}"
        for code in unsigned
    ]


def _found(problems: list[str], make: Callable[[], T]) -> T | None:
    try:
        return make()
    except ContentError as error:
        problems += [str(fault) for fault in error.faults]
    except (OSError, KeyringError) as error:
        problems.append(str(error))
    return None


def _clinic(settings: Settings, protocol: Protocol, texts: Texts, keyring: Keyring) -> Clinic:
    token_key = keyring.derive("invite")
    return Clinic(
        protocol=protocol,
        consent_version=CONSENT_VERSION,
        consent_hash=_consent_hash(texts),
        team_name=settings.team_name or "",
        team_number=settings.team_number or "",
        emergency_number=settings.emergency_number or "",
        languages=settings.languages,
        timezone=settings.timezone,
        staff_answers=settings.staff_answers,
        console_url=settings.console_url,
        new_token=lambda: secrets.token_urlsafe(TOKEN_BYTES),
        hash_token=lambda token: digest(token_key, token.encode(), "sha256").hex(),
    )


def _consent_hash(texts: Texts) -> str:
    shown = [form for lang in texts.languages for key in CONSENT_KEYS for form in texts.forms(lang, key)]
    return hashlib.sha256("\n".join(shown).encode()).hexdigest()


def claim(store: Store, ready: Ready) -> list[str]:
    _keep_protocol(store, ready)
    return installation.claim(store, sandbox=ready.sandbox, oldest_key=ready.oldest_key, key_ids=ready.keyring.ids)


def _keep_protocol(store: Store, ready: Ready) -> None:
    """Keep its file, so that every assessment can be replayed by the protocol it was made by."""
    protocol = ready.clinic.protocol
    if store.kept_protocol(protocol.content_hash) is None:
        store.keep_protocol(
            ProtocolFile(
                content_hash=protocol.content_hash,
                name=protocol.name,
                version=protocol.version,
                content=(ready.settings.protocol or packaged_protocol()).read_bytes(),
                first_used_at=SystemClock().now(),
            )
        )


def refuse_for(problems: list[str]) -> None:
    if problems:
        raise StartRefusedError(problems)


# -- running


@dataclass(frozen=True)
class Running:
    """What is said when all runs."""

    chat_page: str | None
    web: str


async def serve(
    ready: Ready, *, speed: float = 1.0, on_ready: Callable[[Running], None], stop: asyncio.Event | None = None
) -> None:
    """Run bot, ticker, delivery and web (and the sandbox) until SIGTERM, SIGINT or `stop`; then end gracefully."""
    asked = stop or asyncio.Event()
    url = ready.database_url
    clock = _clock(ready, speed)
    async with AsyncExitStack() as stack:
        # A second process on one SQLite file is refused here, before it touches anything.
        hold = stack.enter_context(single_process(url))
        stack.enter_context(at_work(url))
        await asyncio.to_thread(migrate, url)
        database = open_database(url, ready.keyring, keeps_time=isinstance(clock, SharedClock))
        stack.push_async_callback(database.close)
        await stack.enter_async_context(keeping_time(database, clock))
        refuse_for(await database.transact(lambda store: claim(store, ready)))
        made: list[Service] = []
        chats = await _sandbox(stack, ready, database, clock, made) if ready.sandbox else None
        service = _service(ready, database, clock, chats.api_url if chats else None)
        made.append(service)
        # An address that is taken must end the start before anything is fetched or sent.
        web = await _web(stack, ready, service, speed=speed)
        await service.start()
        stack.push_async_callback(service.stop)
        _ping(stack, ready, service, speed=speed)
        on_ready(Running(chat_page=chats.api_url if chats else None, web=web))
        _on_signals(asked)
        await asked.wait()
        log.info("stopping", action="stopping")
        hold.leave()


def _clock(ready: Ready, speed: float) -> Clock:
    """Return the sandbox's, the one that replicas share, or this machine's."""
    if ready.sandbox:
        return SandboxClock(speed=speed)
    return SharedClock() if is_shared(ready.database_url) else SystemClock()


def run(ready: Ready, *, speed: float = 1.0, on_ready: Callable[[Running], None]) -> None:
    """Run `serve` on uvloop until it is told to stop."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(ready, speed=speed, on_ready=on_ready))


async def _web(stack: AsyncExitStack, ready: Ready, service: Service, *, speed: float) -> str:
    """Serve health, metrics and, where Telegram brings updates, the webhook."""
    routes = health.health_routes(_checks(ready, service, speed=speed))
    if service.webhook is not None:
        routes.append(webhook_route(webhook_path(ready.keyring), service.webhook.secret, service.intake))
    desk = _desk(ready, service)
    routes += console_routes(desk)
    server = WebServer(Starlette(routes=routes))
    url = await server.start(*ready.settings.listen)
    stack.push_async_callback(server.stop)
    # Pages that are kept up to date hold their connection: they are let go first.
    stack.callback(desk.closing.set)
    return url


def _ping(stack: AsyncExitStack, ready: Ready, service: Service, *, speed: float) -> None:
    """Ask the dead man's switch while all is well; not in the sandbox, where nothing needs an alarm."""
    if ready.settings.ping_url is None or ready.sandbox:
        return
    url = ready.settings.ping_url.get_secret_value()
    pinging = asyncio.create_task(keep_pinging(url, _checks(ready, service, speed=speed)))
    stack.callback(pinging.cancel)


def _desk(ready: Ready, service: Service) -> Desk:
    """What the console's pages are handed."""
    words, listen = Words(ready.texts), ready.settings.listen
    return Desk(
        database=service.database,
        clinic=ready.clinic,
        clock=service.clock,
        say=lambda language, key, values: words.plain(Text(key=key, values=dict(values)), language),
        picture=lambda trend, language: svg(trend, lambda text: words.plain(text, language)),
        fires=fires,
        dry_run=lambda: counted(synthetic(ready.clinic.protocol, patients=DRY_RUN, days=DRY_RUN, seed=1)).as_data(),
        all_words=lambda language: plain_words(ready.texts, language),
        nudge=service.sender.nudge,
        url=ready.settings.console_url or f"http://{listen.host}:{listen.port}",
        sandbox=ready.sandbox,
    )


def _checks(ready: Ready, service: Service, *, speed: float) -> dict[str, health.Probe]:
    checks = {
        "database": health.reachable(service.database),
        "migrations": health.migrated(lambda: pending(ready.database_url)),
        "on_time": health.on_time(service.database, service.clock, speed=speed),
        "delivery": health.delivered(service.database, service.clock, speed=speed),
        "ticker": health.running("ticker", lambda: service.ticks),
        "sender": health.running("sender", lambda: service.sends),
        "receiver": health.running("receiver", lambda: service.receives),
    }
    if service.webhook is None:
        checks["polling"] = health.polled(lambda: service.seconds_since_answer)
    else:
        checks["webhook"] = health.brought(lambda: service.webhook_trouble)
    return checks


def _on_signals(asked: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        # Not in a thread other than the main one (tests): there `stop` ends it.
        with contextlib.suppress(RuntimeError, ValueError):
            loop.add_signal_handler(number, asked.set)


def _service(ready: Ready, database: Database, clock: Clock, sandbox_url: str | None) -> Service:
    settings, keyring = ready.settings, ready.keyring
    token = settings.token.get_secret_value() if settings.token and not ready.sandbox else SANDBOX_TOKEN
    api_url = sandbox_url or settings.api_url
    webhook = None
    if settings.webhook_url and not ready.sandbox:
        webhook = WebhookAt(settings.webhook_url + webhook_path(keyring), keyring.derive("webhook").hex())
    return Service(
        clinic=ready.clinic,
        texts=ready.texts,
        typed=ready.typed,
        database=database,
        bots=Bots(sending=make_bot(token, api_url), polling=make_bot(token, api_url)),
        clock=clock,
        button_key=keyring.derive("buttons"),
        owner=secrets.token_hex(8),
        webhook=webhook,
        shared=is_shared(ready.database_url),
    )


def webhook_path(keyring: Keyring) -> str:
    """Return the path Telegram brings updates to; nobody else can know it."""
    return f"/telegram/{keyring.derive('webhook path').hex()[:32]}"


async def _sandbox(
    stack: AsyncExitStack, ready: Ready, database: Database, clock: Clock, made: list[Service]
) -> SandboxServer:
    """Start the stand-in for Telegram; `made` will hold the service its clock and invites work on."""
    listen, url = ready.settings.sandbox_listen, ready.database_url
    return await start_sandbox(stack, listen, url, ready.clinic, database, clock, lambda: made[0].catch_up())  # noqa: PLW0108 - it isn't made yet
