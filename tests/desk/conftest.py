"""The console on a clinic in memory: someone signed in for each role, and a frozen clock."""

import asyncio
import re
from datetime import timedelta

import httpx
import pytest
from starlette.applications import Starlette

from bot.app.patients import registry
from bot.app.records.team import Session
from bot.app.team import members
from bot.chat.charts import render_svg
from bot.chat.screens import TextRenderer, plain_texts
from bot.clock import FrozenClock
from bot.config import Settings
from bot.content.rules_table import describe_condition
from bot.core.screen import Text
from bot.desk.context import ConsoleContext
from bot.desk.routes import console_routes
from bot.desk.sign_in import COOKIE
from bot.wiring import build
from tests.app.conftest import AT, anna, choose, database
from tests.fakes.passwords import cheap_passwords
from tests.fakes.work import work_on

__all__ = ["anna", "cheap_passwords", "choose", "database"]


class House:
    """The pages, the database behind them, and the browsers that use them."""

    def __init__(self, database, ready):
        self.database, self.clinic = database, ready.clinic
        self.clock = FrozenClock(AT)
        renderer = TextRenderer(ready.texts)
        self.nudged = 0
        self.loop = asyncio.new_event_loop()
        self.context = ConsoleContext(
            database=database,
            clinic=ready.clinic,
            clock=self.clock,
            say=lambda language, key, values: renderer.plain(Text(key=key, values=dict(values)), language),
            picture=lambda trend, language: render_svg(trend, lambda text: renderer.plain(text, language)),
            fires=describe_condition,
            dry_run=lambda: {"checkins": 7, "per_100": {"URGENT": 1.5}, "rules_per_100": {"new.yes": 1.5}},
            all_words=lambda language: plain_texts(ready.texts, language),
            nudge=self.nudge,
            url="http://127.0.0.1:8080",
        )
        self.app = Starlette(routes=console_routes(self.context))

    def nudge(self):
        self.nudged += 1

    def act(self, use_case, *args, at=None, actor="lead-0", **more):
        """Run a use case as someone of the team would, now or at another time."""
        return self.run(lambda s: use_case(work_on(s, self.clinic, at or self.clock.now(), actor=actor), *args, **more))

    def run(self, work, *args, **more):
        return self.database.run(lambda s: work(s, *args, **more))

    def stranger(self):
        return Browser(self)

    def staff(self, name, role="lead", language="en"):
        """Add someone who has a chat."""

        def work(stores):
            row, token = members.add(
                work_on(stores, self.clinic, self.clock.now(), actor="lead-0"), name=name, role=role, language=language
            )
            return members.join(work_on(stores, self.clinic, self.clock.now()), token, 1000 + row.id)

        return self.database.run(work)

    def signed_in(self, role="lead", name=None, language="en"):
        name = name or f"{role}-1"
        person = self.run(lambda s: s.staff.by_name(name)) or self.staff(name, role, language)
        token = self.clinic.new_token()
        at = self.clock.now()
        row = Session(staff_id=person.id, token_hash=self.clinic.hash_token(token), began_at=at, seen_at=at)
        self.run(lambda s: s.sessions.add(row))
        browser = self.stranger()
        browser.cookies[COOKIE] = token
        browser.token = token
        return browser

    def patient(self, code="P-0001"):
        return self.run(
            lambda s: registry.add(
                work_on(s, self.clinic, AT, actor="operator"), code=code, ici_start=(AT - timedelta(days=20)).date()
            )
        )[0]

    def audited(self):
        return [(line.actor, line.action) for line in self.run(lambda s: s.audit.lines(limit=50))]


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
    return build(Settings.load({}, sandbox=True).for_sandbox(), sandbox=True)


@pytest.fixture
def clinic(ready):
    return ready.clinic


@pytest.fixture
def house(database, ready, cheap_passwords):
    made = House(database, ready)
    yield made
    made.loop.run_until_complete(made.loop.shutdown_default_executor())
    made.loop.close()


def text(response):
    """The words of a page."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.text))
