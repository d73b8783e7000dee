"""The composition root: builds everything from the settings and runs it. Tests call its parts with fakes.

There is no partial start: all problems of settings and content are listed together, before anything is opened.
"""

import asyncio
import contextlib
import hashlib
import secrets
import signal
from collections.abc import Callable, Iterable
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from datetime import datetime
from hmac import digest
from pathlib import Path
from typing import TypedDict, TypeVar, Unpack

import structlog
import uvloop
from starlette.applications import Starlette

from bot import protocol_files
from bot.app.operations import installation
from bot.app.ports.clinic import Clinic
from bot.app.work import Stores
from bot.chat.charts import render_svg
from bot.chat.screens import TextRenderer, plain_texts
from bot.chat.webhook import webhook_route
from bot.clock import Clock, SandboxClock, SharedClock, SystemClock
from bot.clock_sync import synchronized, watched
from bot.config import Settings
from bot.content.dry_run import count_alerts, synthetic_assessments
from bot.content.faults import ContentError
from bot.content.loader import load_protocol, packaged_protocol
from bot.content.review import unreviewed
from bot.content.rules_table import describe_condition
from bot.content.texts import ENGLISH, Texts
from bot.content.typed import TypedWords
from bot.core.protocol import Protocol
from bot.core.screen import Text
from bot.db.backup import backup
from bot.db.crypto import Keyring, KeyringError
from bot.db.engine import Database
from bot.db.lock import is_shared, shared_access, single_process
from bot.db.migrate import migrate, pending
from bot.db.opening import open_database
from bot.delivery.quiet_bot import make_bot
from bot.desk.context import ConsoleContext
from bot.desk.routes import console_routes
from bot.export import own_data
from bot.ops import health
from bot.ops.ping import keep_pinging
from bot.ops.web import WebServer
from bot.sandbox.server import SANDBOX_TOKEN, SandboxServer
from bot.sandboxed import start_sandbox
from bot.service import Bots, Service, WebhookConfig

T = TypeVar("T")
log = structlog.get_logger(__name__)

CONSENT_VERSION = "2"
"""Increase it with every change of the consent texts (enrol.consent1 to 3)."""
CONSENT_KEYS = ("enrol.consent1", "enrol.consent2", "enrol.consent3")
DRY_RUN_SIZE = 60
"""Synthetic patients of a dry run in the console, and the days of each: it takes two seconds."""
TOKEN_BYTES = 24
"""Length of an invite's token: 32 characters, too many to guess; Telegram accepts 64."""


class StartRefusedError(Exception):
    """The program can't start. `problems` lists every problem with what to do."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


# -- Checks before anything is opened


class Overrides(TypedDict, total=False):
    """What a caller of `build` may replace: `clock`, the `api_url` of the Bot API, the `owner` of claims and leases."""

    clock: Clock
    api_url: str
    owner: str


@dataclass(frozen=True)
class App:
    """The program of one clinic, built from checked settings and content; nothing is open yet."""

    settings: Settings
    sandbox: bool
    texts: Texts
    typed: TypedWords
    keyring: Keyring
    clinic: Clinic
    clock: Clock
    api_url: str
    owner: str

    @property
    def database_url(self) -> str:
        """The database URL. It may contain a password: never show it."""
        return self.settings.database_url.get_secret_value()

    @property
    def oldest_key(self) -> str:
        """A fingerprint of the key that looks up chats and signs buttons."""
        return self.keyring.lookup("installation", "oldest key").hex()

    def open_database(self) -> Database:
        """Open the migrated database; it must be closed."""
        return open_database(self.database_url, self.keyring, keeps_time=isinstance(self.clock, SharedClock))

    def service(self, database: Database) -> Service:
        """Return the running parts on an open database; nothing runs before `Service.start`."""
        settings, keyring = self.settings, self.keyring
        token = settings.token.get_secret_value() if settings.token and not self.sandbox else SANDBOX_TOKEN
        webhook = None
        if settings.webhook_url and not self.sandbox:
            webhook = WebhookConfig(settings.webhook_url + webhook_path(keyring), keyring.derive("webhook").hex())
        return Service(
            clinic=self.clinic,
            texts=self.texts,
            typed=self.typed,
            database=database,
            bots=Bots(sending=make_bot(token, self.api_url), polling=make_bot(token, self.api_url)),
            clock=self.clock,
            button_key=keyring.derive("buttons"),
            owner=self.owner,
            webhook=webhook,
            shared=is_shared(self.database_url),
            make_file=own_data.maker(TextRenderer(self.texts).plain),
        )


def build(
    settings: Settings, *, sandbox: bool, before: Iterable[str] = (), speed: float = 1.0, **overrides: Unpack[Overrides]
) -> App:
    """Return the program that these settings describe: the one composition root, for the server, the shell and tests.

    `speed`: seconds of the sandbox's clock per real second. Raise StartRefusedError with every problem of settings and
    content at once, those of `before` first.
    """
    problems = [*before, *([] if sandbox else settings.missing().values())]
    texts = _collect(problems, lambda: Texts.load(settings.languages))
    protocol = _collect(problems, lambda: load_protocol(settings.protocol, texts))
    if texts is not None and protocol is not None:
        problems += [str(fault) for fault in texts.faults(protocol)]
    keys = settings.keys.get_secret_value() if settings.keys else None
    keyring = _collect(problems, lambda: Keyring.parse(keys)) if keys else None
    spoken = dict.fromkeys((ENGLISH, *settings.languages))
    dialled = [number for number in (settings.emergency_number,) if number is not None]
    typed = _collect(problems, lambda: TypedWords.load(spoken, numbers=dialled))
    problems += _unreviewed_languages(settings, sandbox=sandbox)
    if problems or texts is None or protocol is None or keyring is None or typed is None:
        raise StartRefusedError(list(dict.fromkeys(problems)))
    return App(
        settings=settings,
        sandbox=sandbox,
        texts=texts,
        typed=typed,
        keyring=keyring,
        clinic=_clinic(settings, protocol, texts, keyring),
        clock=overrides.get("clock") or _clock(settings, speed, sandbox=sandbox),
        api_url=overrides.get("api_url") or settings.api_url,
        owner=overrides.get("owner") or secrets.token_hex(8),
    )


def _unreviewed_languages(settings: Settings, *, sandbox: bool) -> list[str]:
    """Return a problem for each language that no clinician has signed and no setting allows.

    With a Bot API server on this machine (a test) it is only logged. The sandbox has no real patients.
    """
    if sandbox:
        return []
    unreviewed_codes = [
        code for code in unreviewed(settings.languages) if code not in (settings.unreviewed_languages or ())
    ]
    if settings.is_local_test:
        for code in unreviewed_codes:
            log.warning("no clinician has reviewed a language", action="language_unreviewed", language=code)
        return []
    return [
        f"The texts in '{code}' were not reviewed: have a clinician sign bot/content/locales/{code}/review.yaml, or "
        f"allow them without review with NERVECHECK_UNREVIEWED_LANGUAGES={','.join(unreviewed_codes)}"
        for code in unreviewed_codes
    ]


def _collect(problems: list[str], load: Callable[[], T]) -> T | None:
    """Return what `load` returns, or add its problems and return None."""
    try:
        return load()
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
        crisis_number=settings.crisis_number,
        languages=settings.languages,
        timezone=settings.timezone,
        staff_answers=settings.staff_answers,
        console_url=settings.console_url,
        new_token=lambda: secrets.token_urlsafe(TOKEN_BYTES),
        hash_token=lambda token: digest(token_key, token.encode(), "sha256").hex(),
    )


def _consent_hash(texts: Texts) -> str:
    strings = [form for lang in texts.languages for key in CONSENT_KEYS for form in texts.forms(lang, key)]
    return hashlib.sha256("\n".join(strings).encode()).hexdigest()


def claim(stores: Stores, app: App) -> list[str]:
    """Store the protocol and claim the database for these settings; return why it can't be used, if so."""
    protocol, file = app.clinic.protocol, app.settings.protocol or packaged_protocol()
    protocol_files.keep(stores, protocol, file, SystemClock().now())
    return installation.claim(stores, sandbox=app.sandbox, oldest_key=app.oldest_key, key_ids=app.keyring.ids)


def _problems(stores: Stores, app: App, at: datetime) -> list[str]:
    """Return why these settings can't be used with this database, or the protocol would forget what is remembered."""
    key_ids, protocol = app.keyring.ids, app.clinic.protocol
    found = installation.problems_with(stores, sandbox=app.sandbox, oldest_key=app.oldest_key, key_ids=key_ids)
    clashes = () if found else protocol_files.clashes(stores, protocol, at)
    return found or protocol_files.refused(protocol, app.settings.protocol, clashes)


def refuse_for(problems: list[str]) -> None:
    """Raise StartRefusedError if there are any problems."""
    if problems:
        raise StartRefusedError(problems)


# -- Running


@dataclass(frozen=True)
class Running:
    """The addresses to announce after the start."""

    chat_page: str | None
    web: str


async def serve(app: App, *, on_ready: Callable[[Running], None], stop: asyncio.Event | None = None) -> None:
    """Run bot, ticker, delivery and web (and the sandbox) until SIGTERM, SIGINT or `stop`; shut down gracefully."""
    stop_requested, url, clock = stop or asyncio.Event(), app.database_url, app.clock
    async with AsyncExitStack() as stack:
        # Refuse a second process on the same SQLite file before it changes anything.
        hold = stack.enter_context(single_process(url))
        await asyncio.to_thread(migrate, url, keep=backup, kept=_say_kept, running=True)
        stack.enter_context(shared_access(url))
        database = app.open_database()
        stack.push_async_callback(database.close)
        await stack.enter_async_context(synchronized(database, clock))
        # Before anything is stored: what a refused start stored could keep the former settings from working.
        refuse_for(await database.read(lambda stores: _problems(stores, app, clock.now())))
        refuse_for(await database.transact(lambda stores: claim(stores, app)))
        await database.transact(lambda stores: protocol_files.use(stores, app.clinic.protocol))
        await stack.enter_async_context(watched(database, clock))
        services: list[Service] = []
        sandbox = await _sandbox(stack, app, database, clock, services) if app.sandbox else None
        service = replace(app, api_url=sandbox.api_url if sandbox else app.api_url).service(database)
        services.append(service)
        # If the address is already in use, fail before any update is fetched or message sent.
        web = await _web(stack, app, service)
        if sandbox is not None:
            sandbox.sandbox.console_url = f"{app.settings.console_url or web}/console"
        await service.start()
        stack.push_async_callback(service.stop)
        _ping(stack, app, service)
        on_ready(Running(chat_page=sandbox.api_url if sandbox else None, web=web))
        _set_on_signals(stop_requested)
        await stop_requested.wait()
        log.info("stopping", action="stopping")
        hold.announce_exit()


def _say_kept(copy: Path) -> None:
    log.info(
        "the database was copied before the upgrade: going back means restoring the copy",
        action="upgrade_copied",
        path=str(copy),
    )


def _clock(settings: Settings, speed: float, *, sandbox: bool) -> Clock:
    """Return the clock of the sandbox, the one shared by replicas, or this machine's."""
    if sandbox:
        return SandboxClock(speed=speed)
    return SharedClock() if is_shared(settings.database_url.get_secret_value()) else SystemClock()


def run(app: App, *, on_ready: Callable[[Running], None]) -> None:
    """Run `serve` on uvloop until it stops."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(app, on_ready=on_ready))


async def _web(stack: AsyncExitStack, app: App, service: Service) -> str:
    """Serve health, metrics, the console and, if configured, the webhook; return the address."""
    routes = health.health_routes(_checks(app, service))
    if service.webhook is not None:
        routes.append(webhook_route(webhook_path(app.keyring), service.webhook.secret, service.intake))
    desk = _desk(app, service)
    routes += console_routes(desk)
    server = WebServer(Starlette(routes=routes))
    url = await server.start(*app.settings.listen)
    stack.push_async_callback(server.stop)
    # Live pages keep their connections open: end these first, so that the server can stop.
    stack.callback(desk.closing.set)
    return url


def _ping(stack: AsyncExitStack, app: App, service: Service) -> None:
    """Request the URL of the dead man's switch while the bot is healthy. Not in the sandbox, which needs no alarm."""
    if app.settings.ping_url is None or app.sandbox:
        return
    url = app.settings.ping_url.get_secret_value()
    ping_task = asyncio.create_task(keep_pinging(url, _checks(app, service)))
    stack.callback(ping_task.cancel)


def _desk(app: App, service: Service) -> ConsoleContext:
    """Build what the console's pages need."""
    renderer, listen = TextRenderer(app.texts), app.settings.listen
    return ConsoleContext(
        database=service.database,
        clinic=app.clinic,
        clock=service.clock,
        say=lambda language, key, values: renderer.plain(Text(key=key, values=dict(values)), language),
        picture=lambda trend, language: render_svg(trend, lambda text: renderer.plain(text, language)),
        fires=describe_condition,
        dry_run=lambda: _dry_run(app.clinic.protocol),
        all_words=lambda language: plain_texts(app.texts, language),
        nudge=service.sender.nudge,
        url=app.settings.console_url or f"http://{listen.host}:{listen.port}",
        sandbox=app.sandbox,
    )


def _dry_run(protocol: Protocol) -> dict[str, object]:
    assessments = synthetic_assessments(protocol, patients=DRY_RUN_SIZE, days=DRY_RUN_SIZE, seed=1)
    return count_alerts(assessments).as_data()


def _checks(app: App, service: Service) -> dict[str, health.Probe]:
    speed = app.clock.speed if isinstance(app.clock, SandboxClock) else 1.0
    checks = {
        "database": health.database_probe(service.database),
        "migrations": health.migration_probe(lambda: pending(app.database_url)),
        "on_time": health.due_work_probe(service.database, service.clock, speed=speed),
        "delivery": health.delivery_probe(service.database, service.clock, speed=speed),
        "ticker": health.running_probe("ticker", lambda: service.is_ticking),
        "sender": health.running_probe("sender", lambda: service.is_sending),
        "receiver": health.running_probe("receiver", lambda: service.is_receiving),
    }
    if service.webhook is None:
        checks["polling"] = health.polling_probe(lambda: service.seconds_since_answer)
    else:
        checks["webhook"] = health.webhook_probe(lambda: service.webhook_problem)
    return checks


def _set_on_signals(stop_requested: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        # Signal handlers need the main thread; elsewhere (tests) `stop` is used.
        with contextlib.suppress(RuntimeError, ValueError):
            loop.add_signal_handler(number, stop_requested.set)


def webhook_path(keyring: Keyring) -> str:
    """Return the secret path to which Telegram sends updates."""
    return f"/telegram/{keyring.derive('webhook path').hex()[:32]}"


async def _sandbox(
    stack: AsyncExitStack, app: App, database: Database, clock: Clock, services: list[Service]
) -> SandboxServer:
    """Start the simulated Telegram; `services` will contain the service that its clock and invites act on."""
    listen, url = app.settings.sandbox_listen, app.database_url
    return await start_sandbox(stack, listen, url, app.clinic, database, clock, lambda: services[0].catch_up())  # noqa: PLW0108 - it is created later
