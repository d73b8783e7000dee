import pytest

from bot.db.engine import DatabaseUrlError, database_url, in_memory
from bot.db.opening import open_database
from tests.fakes.databases import KEYRING


@pytest.mark.parametrize(
    ("text", "driver"),
    [
        ("postgresql://u@h/n", "postgresql+psycopg"),
        ("postgres://u@h/n", "postgresql+psycopg"),
        ("postgresql+psycopg://u@h/n", "postgresql+psycopg"),
        ("sqlite:///var/x.db", "sqlite"),
        ("sqlite://", "sqlite"),
    ],
)
def test_known_addresses(text, driver):
    assert database_url(text).drivername == driver


@pytest.mark.parametrize("text", ["", "nonsense", "mysql://u:secret@h/n", "sqlite+aiosqlite:///x"])
def test_other_addresses_are_refused_without_their_password(text):
    with pytest.raises(DatabaseUrlError, match="write sqlite:///") as caught:
        database_url(text)
    assert "secret" not in str(caught.value)


def test_memory_is_distinguished_from_a_file():
    assert in_memory(database_url("sqlite://"))
    assert in_memory(database_url("sqlite:///:memory:"))
    assert not in_memory(database_url("sqlite:///var/x.db"))
    assert not in_memory(database_url("postgresql://h"))


async def test_a_database_in_memory_is_ready_at_once_and_one_for_all_threads():
    database = open_database("sqlite://", KEYRING)
    await database.transact(lambda s: s.settings.set("a", "1"))
    assert await database.read(lambda s: s.settings.get("a")) == "1"
    await database.read(lambda s: s.settings.set("a", "2"))
    assert await database.read(lambda s: s.settings.get("a")) == "1"
    await database.close()


def test_a_file_that_cannot_be_opened_is_an_error_at_once(tmp_path):
    with pytest.raises(Exception, match="unable to open"):
        open_database(f"sqlite:///{tmp_path}/missing/x.db", KEYRING)
