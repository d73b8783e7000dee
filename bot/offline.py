"""The clinic's database without the bot: for commands that run beside it, or while it is stopped."""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import TypeVar

from bot.app.installation import BOT_NAME
from bot.app.store import Store
from bot.chat.screens import plain_words
from bot.chat.updates import replay
from bot.content.faults import ContentError
from bot.content.loader import read_protocol
from bot.core.protocol import Protocol
from bot.db.engine import Database, open_database
from bot.db.lock import at_work
from bot.db.migrate import migrate
from bot.delivery.transport import make_bot
from bot.sandbox.server import SANDBOX_TOKEN
from bot.service import make_handlers
from bot.wiring import Ready, claim, refuse_for

T = TypeVar("T")


class Offline:
    """The clinic's database and facts, for commands that run beside the bot or without it."""

    def __init__(self, ready: Ready, database: Database) -> None:
        self.clinic = ready.clinic
        self._ready = ready
        self._texts = ready.texts
        self._database = database

    def run(self, fn: Callable[[Store], T]) -> T:
        """Run a use case in one transaction."""
        return self._database.run(fn)

    def replay(self, number: int, by: str, at: datetime) -> None:
        """Work a dead update off after all; RefusedError when there is none, or it fails again."""
        ready, name = self._ready, self.run(lambda store: store.setting(BOT_NAME))
        key = ready.keyring.derive("buttons")
        handlers = make_handlers(ready.clinic, ready.texts, ready.typed, key, lambda: name)
        bot = make_bot(SANDBOX_TOKEN, ready.settings.api_url)
        self.run(lambda store: replay(store, handlers, bot, number, by, at))

    def words(self, language: str | None = None) -> Mapping[str, str]:
        """Return all strings of a language (the first one by default) as plain words, placeholders left in."""
        return plain_words(self._texts, language or self.clinic.languages[0])

    def link(self, token: str) -> str | None:
        """Return the invite's link; None until the bot ran once and learned its name."""
        return self.links()(token)

    def links(self) -> Callable[[str], str | None]:
        """Return what makes the links of many invites, also within a transaction: it reads nothing any more."""
        name = self.run(lambda store: store.setting(BOT_NAME))
        return lambda token: f"https://t.me/{name}?start={token}" if name else None


def kept_protocol(store: Store, content_hash: str) -> Protocol | None:
    """Return the protocol that assessments of that hash were made by; None if it is not kept or not readable."""
    kept = store.kept_protocol(content_hash)
    try:
        return read_protocol(f"{kept.name} {kept.version}", kept.content) if kept is not None else None
    except ContentError:
        return None


@contextmanager
def offline(ready: Ready) -> Iterator[Offline]:
    """Open the database for a command; migrations are run first. No copy is put in its place meanwhile."""
    with at_work(ready.database_url):
        migrate(ready.database_url)
        database = open_database(ready.database_url, ready.keyring)
        try:
            refuse_for(database.run(lambda store: claim(store, ready)))
            yield Offline(ready, database)
        finally:
            asyncio.run(database.close())
