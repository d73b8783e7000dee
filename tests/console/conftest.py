"""The console on a clinic in memory: someone signed in for each role, and a clock that stands still."""

import asyncio
import re
from datetime import timedelta

import httpx
import pytest
from starlette.applications import Starlette

from bot.app import patients, team
from bot.app.team_store import Session
from bot.chat.charts import svg
from bot.chat.screens import Words, plain_words
from bot.clock import FrozenClock
from bot.config import Settings
from bot.console.desk import Desk
from bot.console.routes import console_routes
from bot.console.sign_in import COOKIE
from bot.content.rules_table import fires
from bot.core.screen import Text
from bot.wiring import prepare
from tests.app.conftest import AT, anna, choose, database

__all__ = ["anna", "choose", "database"]


class House:
    """The pages, the database behind them, and whoever looks at them."""

    def __init__(self, database, ready):
        self.database, self.clinic = database, ready.clinic
        self.clock = FrozenClock(AT)
        words = Words(ready.texts)
        self.nudged = 0
        self.loop = asyncio.new_event_loop()
        self.desk = Desk(
            database=database,
            clinic=ready.clinic,
            clock=self.clock,
            say=lambda language, key, values: words.plain(Text(key=key, values=dict(values)), language),
            picture=lambda trend, language: svg(trend, lambda text: words.plain(text, language)),
            fires=fires,
            dry_run=lambda: {"checkins": 7, "per_100": {"URGENT": 1.5}, "rules_per_100": {"new.yes": 1.5}},
            all_words=lambda language: plain_words(ready.texts, language),
            nudge=self.nudge,
            url="http://127.0.0.1:8080",
        )
        self.app = Starlette(routes=console_routes(self.desk))

    def nudge(self):
        self.nudged += 1

    def run(self, work, *args, **more):
        return self.database.run(lambda s: work(s, *args, **more))

    def stranger(self):
        return Browser(self)

    def staff(self, name, role="lead", language="en"):
        """Add someone who has a chat."""

        def work(store):
            row, token = team.add(
                store, self.clinic, name=name, role=role, language=language, by="lead-0", at=self.clock.now()
            )
            return team.joined(store, self.clinic, token, 1000 + row.id, self.clock.now())

        return self.database.run(work)

    def signed_in(self, role="lead", name=None, language="en"):
        name = name or f"{role}-1"
        person = self.run(lambda s: s.staff_by_name(name)) or self.staff(name, role, language)
        token = self.clinic.new_token()
        at = self.clock.now()
        row = Session(staff_id=person.id, token_hash=self.clinic.hash_token(token), began_at=at, seen_at=at)
        self.run(lambda s: s.add_session(row))
        browser = self.stranger()
        browser.cookies[COOKIE] = token
        browser.token = token
        return browser

    def patient(self, code="P-0001"):
        return self.run(
            lambda s: patients.add(s, self.clinic, code=code, ici_start=(AT - timedelta(days=20)).date(), at=AT)
        )[0]

    def audited(self):
        return [(line.actor, line.action) for line in self.run(lambda s: s.audit_lines(limit=50))]


class Browser:
    """A person's browser: it keeps its cookie, and sends a form's hidden word along, as a page would."""

    def __init__(self, house):
        self.house, self.token, self.cookies = house, "", {}

    def send(self, method, path, **more):
        async def ask():
            transport = httpx.ASGITransport(app=self.house.app)
            async with httpx.AsyncClient(
                transport=transport, base_url="http://console", cookies=self.cookies
            ) as client:
                return await client.request(method, path, **more)

        answer = self.house.loop.run_until_complete(ask())
        given = answer.cookies.get(COOKIE)
        if given:
            self.cookies[COOKIE] = self.token = given
        return answer

    def get(self, path, **more):
        return self.send("GET", path, **more)

    def post(self, path, files=None, headers=None, **form):
        return self.send("POST", path, data={"csrf": self.word, **form}, files=files, headers=headers)

    def post_bare(self, path, **form):
        return self.send("POST", path, data=form)

    @property
    def word(self):
        return self.house.clinic.hash_token(f"csrf:{self.token}")


@pytest.fixture(scope="session")
def ready():
    return prepare(Settings.load({}, sandbox=True).in_sandbox(), sandbox=True)


@pytest.fixture
def clinic(ready):
    return ready.clinic


@pytest.fixture
def house(database, ready):
    made = House(database, ready)
    yield made
    made.loop.run_until_complete(made.loop.shutdown_default_executor())
    made.loop.close()


def text(response):
    """The words of a page."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.text))
