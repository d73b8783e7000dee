"""Database sessions for commands: access to the clinic's database while the bot runs or is stopped. Sends nothing."""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from bot.app.operations.installation import BOT_NAME
from bot.app.ports.errors import RefusedError, StaleRecordError, StoreDownError
from bot.app.work import Stores
from bot.chat.dead_updates import failed_again, retry_dead_update
from bot.chat.screens import plain_texts
from bot.db.backup import backup, upgraded_copy
from bot.db.engine import Database
from bot.db.lock import shared_access, sqlite_path
from bot.db.migrate import migrate, pending
from bot.db.opening import open_database
from bot.delivery.quiet_bot import make_bot
from bot.dialog.work import work_on
from bot.sandbox.server import SANDBOX_TOKEN
from bot.service import make_handlers
from bot.wiring import App, claim, refuse_for

T = TypeVar("T")


class DatabaseSession:
    """The clinic's database, settings and texts, for one command."""

    def __init__(self, ready: App, database: Database) -> None:
        self.clinic = ready.clinic
        self._ready = ready
        self._texts = ready.texts
        self._database = database

    def run(self, fn: Callable[[Stores], T]) -> T:
        """Run a use case in one transaction."""
        return self._database.run(fn)

    def replay(self, number: int, by: str, at: datetime) -> None:
        """Process a dead-letter update again; RefusedError if it doesn't exist or fails again."""
        ready, name = self._ready, self.run(lambda stores: stores.settings.get(BOT_NAME))
        key = ready.keyring.derive("buttons")
        handlers = make_handlers(ready.clinic, ready.texts, ready.typed, key, lambda: name)
        bot = make_bot(SANDBOX_TOKEN, ready.settings.api_url)
        try:
            self.run(
                lambda stores: retry_dead_update(work_on(stores, self.clinic, at, actor=by), handlers, bot, number)
            )
        except (RefusedError, StaleRecordError, StoreDownError):
            raise
        except Exception as error:
            raise failed_again(number, error) from error

    def texts(self, language: str | None = None) -> Mapping[str, str]:
        """Return all strings of a language (default: the first enabled one) as plain text with their placeholders."""
        return plain_texts(self._texts, language or self.clinic.languages[0])

    def link(self, token: str) -> str | None:
        """Return the link of an invite, or None if the bot has never run and its name is unknown."""
        return self.links()(token)

    def links(self) -> Callable[[str], str | None]:
        """Return a function like `link` that doesn't read the database, so that it can be called in a transaction."""
        name = self.run(lambda stores: stores.settings.get(BOT_NAME))
        return lambda token: f"https://t.me/{name}?start={token}" if name else None


@contextmanager
def open_session(ready: App, kept: Callable[[Path], object] = lambda _: None) -> Iterator[DatabaseSession]:
    """Open the database for a command, after migrating it. No backup can be restored while it is open.

    `kept` is called with the path of the copy made before an upgrade that renames.

    StartRefusedError if the database doesn't belong to these settings and keys.
    """
    migrate(ready.database_url, keep=backup, kept=kept)
    with shared_access(ready.database_url):
        database = open_database(ready.database_url, ready.keyring)
        try:
            refuse_for(database.run(lambda stores: claim(stores, ready)))
            yield DatabaseSession(ready, database)
        finally:
            asyncio.run(database.close())


@contextmanager
def open_copy(ready: App) -> Iterator[DatabaseSession]:
    """Open a copy of the database as it would be after an upgrade, and leave it as it is.

    A PostgreSQL database that needs no upgrade is opened itself. RefusedError if there is none; BackupError if it can't
    be copied.
    """
    url, path = ready.database_url, sqlite_path(ready.database_url)
    if path is not None and not path.exists():
        raise RefusedError(f"there is no database {path}: nothing would be converted")
    with nullcontext(url) if path is None and not pending(url) else upgraded_copy(url) as opened:
        database = open_database(opened, ready.keyring)
        try:
            yield DatabaseSession(ready, database)
        finally:
            asyncio.run(database.close())
