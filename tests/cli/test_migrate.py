from pathlib import Path

from tests.cli.conftest import Shell


def test_a_database_is_made_and_brought_up_to_date_once(shell: Shell, tmp_path: Path) -> None:
    first = shell("migrate", "--json", DATABASE_URL="sqlite:///deep/down/clinic.db")
    assert first.status == 0
    assert first.json["database"] == "deep/down/clinic.db"
    assert first.json["done"]
    assert (tmp_path / "deep" / "down" / "clinic.db").exists()
    again = shell("migrate", DATABASE_URL="sqlite:///deep/down/clinic.db")
    assert again.out == "deep/down/clinic.db is up to date.\n"


def test_an_address_that_is_none_is_refused(shell: Shell) -> None:
    said = shell("migrate", DATABASE_URL="oracle://nurse:wonderland@db/x")
    assert said.status == 2
    assert "wonderland" not in said.err
