"""Copies at the shell: which database it is, where the old one is kept, and that nobody else is at work."""

import asyncio
from pathlib import Path

import pytest

from bot import wiring
from bot.config import Settings
from bot.db import backup as copies
from bot.db.lock import AtWorkError, nobody_at_work
from bot.offline import offline
from tests.cli.conftest import Shell

URL = "sqlite:///mine.db"


@pytest.fixture
def at(shell: Shell) -> Shell:
    """A shell whose database stands."""
    assert shell("patient", "list", DATABASE_URL=URL).status == 0
    return shell


def test_without_a_token_it_is_said_whose_data_it_is(at: Shell) -> None:
    made = at("backup", "one.backup", DATABASE_URL=URL)
    assert made.status == 0
    assert made.err == "No token is set: this is the sandbox's data, mine.db.\n"
    checked = at("restore", "one.backup", "--verify", "--json", DATABASE_URL=URL)
    assert checked.status == 0
    assert checked.err == made.err
    assert checked.json["rows"]["patient"] == 0


def test_where_the_old_one_is_kept_is_said_first(at: Shell, tmp_path: Path) -> None:
    at("backup", "one.backup", DATABASE_URL=URL)
    said = at("restore", "one.backup", DATABASE_URL=URL)
    assert said.status == 0
    kept, put = said.out.splitlines()
    assert kept == f"What was there is kept in {tmp_path}/mine.db.before-restore-1."
    assert put.startswith("one.backup stands in the database's place. Start the bot")


def test_a_copy_that_the_bot_would_not_start_on_is_refused(at: Shell, tmp_path: Path) -> None:
    clinic = wiring.prepare(settings(), sandbox=False)
    with offline(clinic):
        pass
    copies.backup(clinic.database_url, tmp_path / "clinics.backup")
    for words in (["--verify"], []):
        said = at("restore", "clinics.backup", *words, DATABASE_URL=URL)
        assert said.status == 1
        assert "the bot would not start on clinics.backup" in said.err
        assert "is missing" in said.err


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


def sandbox() -> wiring.Ready:
    environ = {"DATABASE_URL": URL, "LISTEN": "127.0.0.1:0", "SANDBOX_LISTEN": "127.0.0.1:0"}
    loaded = Settings.load({f"NERVECHECK_{name}": value for name, value in environ.items()})
    return wiring.prepare(loaded.in_sandbox(), sandbox=True)


def test_nothing_is_put_back_beside_a_command_at_work(at: Shell) -> None:
    at("backup", "one.backup", DATABASE_URL=URL)
    with offline(sandbox()):
        said = at("restore", "one.backup", DATABASE_URL=URL)
    assert said.status == 1
    assert "command is at work on this database: wait until it has ended" in said.err
    assert at("restore", "one.backup", DATABASE_URL=URL).status == 0


async def test_the_bot_itself_is_at_work_as_long_as_it_runs(at: Shell, tmp_path: Path) -> None:
    stop, refused = asyncio.Event(), []

    def running(_: wiring.Running) -> None:
        with pytest.raises(AtWorkError) as error, nobody_at_work(tmp_path / "mine.db"):
            pass
        refused.append(error)
        stop.set()

    await wiring.serve(sandbox(), on_ready=running, stop=stop)
    assert refused
    with nobody_at_work(tmp_path / "mine.db"):
        pass
