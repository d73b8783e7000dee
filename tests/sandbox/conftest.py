"""A sandbox served on a free loopback port, and a plain HTTP client."""

from datetime import UTC, datetime

import aiohttp
import pytest

from bot.clock import SandboxClock
from bot.sandbox.server import SandboxServer

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


class Client:
    """Sends requests to the Bot API and the control API; returns the bodies."""

    def __init__(self, session, server):
        self.session, self.server, self.box = session, server, server.sandbox
        self.status = None

    async def call(self, method, token=None, **params):
        async with self.session.post(
            f"{self.server.api_url}/bot{token or self.box.token}/{method}", json=params
        ) as answer:
            self.status = answer.status
            return await answer.json()

    async def result(self, method, **params):
        body = await self.call(method, **params)
        assert body["ok"], body
        return body["result"]

    async def refused(self, method, **params):
        """Return (code, description) of an error, which must match the HTTP status."""
        body = await self.call(method, **params)
        assert body["ok"] is False, body
        assert self.status == body["error_code"]
        return body["error_code"], body["description"]

    async def tester(self, verb, path, **body):
        async with self.session.request(verb, f"{self.server.api_url}/sandbox{path}", json=body) as answer:
            self.status = answer.status
            return await answer.json()


@pytest.fixture
async def server():
    server = SandboxServer(SandboxClock(start=START), limits=False)
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
def box(server):
    return server.sandbox


@pytest.fixture
async def client(server):
    async with aiohttp.ClientSession() as session:
        yield Client(session, server)


@pytest.fixture
def maria(box):
    """A person to whom the bot may write."""
    person = box.person("Maria", language_code="es")
    box.say(person, "/start")
    box.updates.clear()
    return person
