"""What every page is handed: the database, the clinic, the clock, words and templates. Knows no page."""

import asyncio
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from importlib.resources import files
from pathlib import Path
from typing import Any, Protocol, TypeVar
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

from bot.app.ports import Clinic
from bot.app.store import Store
from bot.app.team_store import Staff
from bot.clock import Clock
from bot.core.protocol import Rule
from bot.core.screen import Trend

T = TypeVar("T")
Say = Callable[[str, str, Mapping[str, str | int]], str]
"""Language, key, values -> plain words."""


class Database(Protocol):
    """What is needed of a database."""

    async def transact(self, fn: Callable[[Store], T]) -> T: ...
    async def read(self, fn: Callable[[Store], T]) -> T: ...


@dataclass(frozen=True)
class Desk:
    """See the module.

    `url`: where the console is reached from outside. `picture` draws a trend as SVG, `fires` says when a rule does.
    """

    database: Database
    clinic: Clinic
    clock: Clock
    say: Say
    picture: Callable[[Trend, str], str]
    fires: Callable[[Rule], str]
    dry_run: Callable[[], Mapping[str, Any]]
    all_words: Callable[[str], Mapping[str, str]]
    nudge: Callable[[], None]
    url: str
    sandbox: bool = False
    closing: asyncio.Event = field(default_factory=asyncio.Event)
    templates: Environment = field(init=False)

    def __post_init__(self) -> None:
        folder = Path(str(files("bot.console"))) / "templates"
        made = Environment(
            loader=FileSystemLoader(folder),
            autoescape=select_autoescape(default=True),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        object.__setattr__(self, "templates", made)

    @property
    def secure(self) -> bool:
        """Whether browsers reach it by https, so that cookies may say so."""
        return self.url.startswith("https://")

    async def read(self, fn: Callable[[Store, datetime], T]) -> T:
        """Run a look-up."""
        at = self.clock.now()
        return await self.database.read(lambda store: fn(store, at))

    async def write(self, fn: Callable[[Store, datetime], T]) -> T:
        """Run a use case, and let what it queued be sent."""
        at = self.clock.now()
        done = await self.database.transact(lambda store: fn(store, at))
        self.nudge()
        return done

    def render(self, name: str, language: str, **values: Any) -> str:
        """Return a template in one language. In it `t(key, n=3)` are words, `when(moment)` the clinic's local time."""

        def words(key: str, **given: str | int) -> str:
            return self.say(language, f"console.{key}", given)

        def team_words(key: str, **given: str | int) -> str:
            return self.say(language, key, given)

        return self.templates.get_template(name).render(
            t=words, tt=team_words, when=self.when, day=self.day, language=language, static=static_name, **values
        )

    def when(self, moment: datetime | None) -> str:
        """Return "2026-03-02 10:42" in the clinic's own time; "–" for none."""
        if moment is None:
            return "–"
        return f"{moment.astimezone(ZoneInfo(self.clinic.timezone)):%Y-%m-%d %H:%M}"

    def day(self, moment: datetime | None) -> str:
        """Return the date in the clinic's own time."""
        return self.when(moment)[:10]

    def words(self, person: Staff, key: str, **values: str | int) -> str:
        """Return words of the console for someone."""
        return self.say(person.language, f"console.{key}", values)


def static_name(name: str) -> str:
    """Return the address of a static file: it carries the file's own hash, so that it may be kept for ever."""
    return f"/console/static/{_hash(name)}/{name}"


def static_file(name: str) -> bytes | None:
    """Return a static file; None when there is none of that name."""
    return _STATIC.get(name)


def svg(text: str) -> Markup:
    """Mark a picture of our own as markup."""
    return Markup(text)  # noqa: S704 - drawn here, every word in it escaped


def _hash(name: str) -> str:
    return hashlib.sha256(_STATIC[name]).hexdigest()[:12]


_STATIC = {path.name: path.read_bytes() for path in (Path(str(files("bot.console"))) / "static").iterdir()}
