from pathlib import Path

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
