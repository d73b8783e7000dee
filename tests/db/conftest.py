"""The databases of these tests: SQLite files, and the PostgreSQL server of the session."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.db.opening import open_database
from bot.db.postgres import PostgresDatabase
from bot.db.sqlite import SqliteDatabase
from tests.fakes.databases import KEYRING, Postgres, postgres_server, sqlite_database


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    with postgres_server() as server:
        yield server


@pytest.fixture
def sqlite(tmp_path: Path) -> Iterator[SqliteDatabase]:
    database = sqlite_database(tmp_path / "test.db")
    yield database
    database.shut()


@pytest.fixture
def pg(postgres: Postgres) -> Iterator[PostgresDatabase]:
    database = open_database(postgres.emptied(), KEYRING)
    yield database
    database.shut()
