"""Each test of the contract runs on each kind of database, a fresh one every time."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.db.opening import open_database
from tests.fakes.databases import KEYRING, MemoryDatabase, Postgres, postgres_server, sqlite_database

KINDS = ("memory", "sqlite", "postgres")


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    with postgres_server() as server:
        yield server


@pytest.fixture(params=KINDS)
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[object]:
    if request.param == "memory":
        yield MemoryDatabase()
        return
    if request.param == "sqlite":
        opened = sqlite_database(tmp_path / "test.db")
        yield opened
        opened.shut()
        return
    server: Postgres = request.getfixturevalue("postgres")
    opened = open_database(server.emptied(), KEYRING)
    yield opened
    opened.shut()
