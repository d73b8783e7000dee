from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import create_engine

from bot.db.migrate import config, current
from tests.cli.conftest import Shell


def test_migrate_creates_the_database_once(shell: Shell, tmp_path: Path) -> None:
    first = shell("migrate", "--json", DATABASE_URL="sqlite:///deep/down/clinic.db")
    assert first.status == 0
    assert first.json["database"] == "deep/down/clinic.db"
    assert first.json["done"]
    assert (tmp_path / "deep" / "down" / "clinic.db").exists()
    again = shell("migrate", DATABASE_URL="sqlite:///deep/down/clinic.db")
    assert again.out == "deep/down/clinic.db is up to date.\n"


def test_migrate_with_invalid_url_is_refused(shell: Shell) -> None:
    result = shell("migrate", DATABASE_URL="oracle://nurse:wonderland@db/x")
    assert result.status == 2
    assert "wonderland" not in result.err


@pytest.mark.parametrize("words", [("migrate",), ("patient", "list"), ("patient", "list", "--json")], ids=" ".join)
def test_upgrade_that_renames_says_where_its_copy_is(bare_shell: Shell, words: tuple[str, ...]) -> None:
    """Also a command that only reads upgrades an older database: silently, nobody would know of the way back."""
    folder = bare_shell.folder / "var"
    folder.mkdir()
    engine = create_engine(f"sqlite:///{folder / 'sandbox.db'}")
    with engine.begin() as connection:
        command.upgrade(config(connection), "0010")
    engine.dispose()
    first = bare_shell(*words)
    assert first.status == 0, first.err
    (copy,) = [path.name for path in folder.iterdir() if "0010" in path.name]
    assert f"A copy from before is in {folder / copy}: " in first.err
    assert copy not in first.out, "standard output may be piped as JSON"
    assert copy not in bare_shell(*words).err


def test_dry_run_counts_and_changes_nothing(shell: Shell) -> None:
    assert shell("patient", "add", "--code", "P-1", "--ici-start", "2026-01-02").status == 0
    database = shell.folder / "var" / "sandbox.db"
    before = database.read_bytes()
    result = shell("migrate", "--dry-run")
    assert result.status == 0, result.err
    patients = shell("patient", "list", "--json").json
    assert f"Patients who would be converted: {len(patients)}." in result.out
    assert "0 EMERGENCY, 0 URGENT, 0 SOON" in result.out
    assert database.read_bytes() == before
    counted = shell("migrate", "--dry-run", "--json").json
    assert counted == {"patients": len(patients), "alerts": {"EMERGENCY": 0, "URGENT": 0, "SOON": 0}}


def test_dry_run_leaves_an_older_database_as_it_is(bare_shell: Shell) -> None:
    folder = bare_shell.folder / "var"
    folder.mkdir()
    url = f"sqlite:///{folder / 'sandbox.db'}"
    engine = create_engine(url)
    with engine.begin() as connection:
        command.upgrade(config(connection), "0013")
    engine.dispose()
    result = bare_shell("migrate", "--dry-run")
    assert result.status == 0, result.err
    assert current(url) == "0013"
    assert sorted(path.name for path in folder.iterdir() if path.suffix == ".db") == ["sandbox.db"]


def test_dry_run_without_a_database_is_refused(bare_shell: Shell) -> None:
    result = bare_shell("migrate", "--dry-run")
    assert result.status == 1
    assert "nothing would be converted" in result.err
