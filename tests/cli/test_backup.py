"""`backup` and `restore`: which database is used, where the previous one is kept, and exclusive access."""

import asyncio
from pathlib import Path

import pytest

from bot import wiring
from bot.config import Settings
from bot.database_session import open_session
from bot.db import backup as copies
from bot.db.lock import CommandRunningError, exclusive_access
from tests.cli.conftest import Shell
from tests.fakes.databases import sqlite_url

URL = "sqlite:///mine.db"


@pytest.fixture
def at(shell: Shell) -> Shell:
    """A shell with an existing database."""
    sqlite_url(shell.folder / "mine.db")
    assert shell("patient", "list", DATABASE_URL=URL).status == 0
    return shell


def test_backup_without_token_names_the_sandbox_database(at: Shell) -> None:
    made = at("backup", "one.backup", DATABASE_URL=URL)
    assert made.status == 0
    assert made.err == "No token is set: using the sandbox database mine.db.\n"
    checked = at("restore", "one.backup", "--verify", "--json", DATABASE_URL=URL)
    assert checked.status == 0
    assert checked.err == made.err
    assert checked.json["rows"]["patient"] == 0


def test_restore_prints_first_where_the_old_one_is_kept(at: Shell, tmp_path: Path) -> None:
    at("backup", "one.backup", DATABASE_URL=URL)
    result = at("restore", "one.backup", DATABASE_URL=URL)
    assert result.status == 0
    kept, put = result.out.splitlines()
    assert kept == f"The previous database is kept in {tmp_path}/mine.db.before-restore-1."
    assert put.startswith("The database was restored from one.backup. Start the bot")


def test_restore_of_a_foreign_copy_is_refused(at: Shell, tmp_path: Path) -> None:
    clinic = wiring.build(settings(), sandbox=False)
    with open_session(clinic):
        pass
    copies.backup(clinic.database_url, tmp_path / "clinics.backup")
    for words in (["--verify"], []):
        result = at("restore", "clinics.backup", *words, DATABASE_URL=URL)
        assert result.status == 1
        assert "the bot would not start on clinics.backup" in result.err
        assert "is missing" in result.err


def settings() -> Settings:
    return Settings.load(
        {
            "NERVECHECK_TOKEN": "123456789:AAF-abcdefghijklmnopqrstuvwxyz_0123",
            "NERVECHECK_KEYS": "k1:bmVydmVjaGVjay1zYW5kYm94LW1hZGUtdXAta2V5LTE=",
            "NERVECHECK_TEAM_NAME": "Oncology day unit",
            "NERVECHECK_TEAM_NUMBER": "+49 30 901820",
            "NERVECHECK_EMERGENCY_NUMBER": "112",
            "NERVECHECK_API_URL": "http://127.0.0.1:9",
            "NERVECHECK_DATABASE_URL": "sqlite:///clinics.db",
        }
    )


def sandbox() -> wiring.App:
    environ = {"DATABASE_URL": URL, "LISTEN": "127.0.0.1:0", "SANDBOX_LISTEN": "127.0.0.1:0"}
    loaded = Settings.load({f"NERVECHECK_{name}": value for name, value in environ.items()})
    return wiring.build(loaded.for_sandbox(), sandbox=True)


def test_restore_during_another_command_is_refused(at: Shell) -> None:
    at("backup", "one.backup", DATABASE_URL=URL)
    with open_session(sandbox()):
        result = at("restore", "one.backup", DATABASE_URL=URL)
    assert result.status == 1
    assert "command has this database open: wait until it has ended" in result.err
    assert at("restore", "one.backup", DATABASE_URL=URL).status == 0


async def test_database_is_in_use_while_the_bot_runs(at: Shell, tmp_path: Path) -> None:
    stop, refused = asyncio.Event(), []

    def running(_: wiring.Running) -> None:
        with pytest.raises(CommandRunningError) as error, exclusive_access(tmp_path / "mine.db"):
            pass
        refused.append(error)
        stop.set()

    await wiring.serve(sandbox(), on_ready=running, stop=stop)
    assert refused
    with exclusive_access(tmp_path / "mine.db"):
        pass
