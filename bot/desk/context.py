"""Owns the console context: the database, clinic, clock, texts and templates that every page needs. Knows no page."""

import asyncio
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

from bot.app.ports.clinic import Clinic
from bot.app.records.team import Staff
from bot.app.work import SYSTEM, Transactor, Work
from bot.clock import Clock
from bot.core.protocol import Rule
from bot.core.screen import Trend
from bot.desk.wording import Wording
from bot.dialog.work import work_on

T = TypeVar("T")
Say = Callable[[str, str, Mapping[str, str | int]], str]
"""Language, key and values to plain text."""


@dataclass(frozen=True)
class ConsoleContext:
    """Everything a page needs to answer a request.

    `url`: the public address of the console. `picture` draws a trend as SVG; `fires` describes when a rule fires.
    """

    database: Transactor
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
        folder = Path(str(files("bot.desk"))) / "templates"
        environment = Environment(
            loader=FileSystemLoader(folder),
            autoescape=select_autoescape(default=True),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        object.__setattr__(self, "templates", environment)

    @property
    def secure(self) -> bool:
        """Whether the public address is https, so that cookies can be Secure."""
        return self.url.startswith("https://")

    async def read(self, fn: Callable[[Work], T]) -> T:
        """Run a query in a read transaction, with the current time."""
        at = self.clock.now()
        return await self.database.read(lambda stores: fn(work_on(stores, self.clinic, at, actor=SYSTEM)))

    async def write(self, fn: Callable[[Work], T]) -> T:
        """Run a use case in a transaction, then wake the sender for the messages it queued."""
        at = self.clock.now()
        result = await self.database.transact(lambda stores: fn(work_on(stores, self.clinic, at, actor=SYSTEM)))
        self.nudge()
        return result

    def render(self, name: str, language: str, **values: Any) -> str:
        """Render a template in one language.

        In it `t(key, n=3)` is a text, `when(at)` the clinic's local time, and `w` the `Wording` of the protocol's ids.
        """

        def console_text(key: str, **given: str | int) -> str:
            return self.say(language, f"console.{key}", given)

        def team_text(key: str, **given: str | int) -> str:
            return self.say(language, key, given)

        return self.templates.get_template(name).render(
            t=console_text,
            tt=team_text,
            w=Wording(partial(self.say, language), self.clinic.protocol),
            when=self.when,
            day=self.day,
            language=language,
            static=static_name,
            **values,
        )

    def when(self, at: datetime | None) -> str:
        """Format a time as "2026-03-02 10:42" in the clinic's time zone; None as "–"."""
        if at is None:
            return "–"
        return f"{at.astimezone(ZoneInfo(self.clinic.timezone)):%Y-%m-%d %H:%M}"

    def day(self, at: datetime | None) -> str:
        """Format the date in the clinic's time zone."""
        return self.when(at)[:10]

    def text(self, person: Staff, key: str, **values: str | int) -> str:
        """Return a text of the console in the language of a team member."""
        return self.say(person.language, f"console.{key}", values)


def static_name(name: str) -> str:
    """Return the address of a static file. It contains the file's hash, so browsers can cache it for good."""
    return f"/console/static/{_hash(name)}/{name}"


def static_file(name: str) -> bytes | None:
    """Return the content of a static file; None if there is none of that name."""
    return _STATIC.get(name)


def svg(text: str) -> Markup:
    """Mark an SVG that we drew as safe markup."""
    return Markup(text)  # noqa: S704 - drawn by us, with all text escaped


def _hash(name: str) -> str:
    return hashlib.sha256(_STATIC[name]).hexdigest()[:12]


_STATIC = {path.name: path.read_bytes() for path in (Path(str(files("bot.desk"))) / "static").iterdir()}
