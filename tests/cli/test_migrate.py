from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import create_engine

from bot.db.migrate import config
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
