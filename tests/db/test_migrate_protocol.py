"""The upgrade names the protocol that check-ins were asked with last, by the files that are stored."""

from contextlib import contextmanager

import pytest
from alembic import command
from sqlalchemy import create_engine, text

from bot.db.engine import database_url
from bot.db.migrate import config, migrate
from bot.db.opening import open_database
from tests.fakes.databases import KEYRING


@pytest.fixture(params=["sqlite", "postgres"])
def older(request, tmp_path):
    """A database of revision 0021."""
    url = f"sqlite:///{tmp_path}/old.db" if request.param == "sqlite" else request.getfixturevalue("postgres").empty()
    with connected(url) as connection:
        command.upgrade(config(connection), "0021")
    return url


@contextmanager
def connected(url):
    engine = create_engine(database_url(url))
    try:
        with engine.begin() as connection:
            yield connection
    finally:
        engine.dispose()


def in_use(url):
    migrate(url)
    database = open_database(url, KEYRING)
    try:
        return database.run(lambda s: s.settings.get("protocol"))
    finally:
        database.shut()


@pytest.mark.parametrize("days", [(1, 2, 3), (3, 2, 1)])
def test_newest_file_is_the_one_in_use(older, days):
    with connected(older) as connection:
        for day in days:
            connection.execute(
                text("INSERT INTO protocol_file VALUES (:hash, 'nerve', '1', :content, :at)"),
                {"hash": f"hash {day}", "content": b"x", "at": f"2026-01-0{day} 00:00:00.000000"},
            )
    assert in_use(older) == "hash 3"


def test_database_without_a_file_has_none_in_use(older):
    assert in_use(older) is None
