import csv
import stat
from pathlib import Path

from tests.cli.conftest import Shell
from tests.cli.test_patient import day


def table(shell: Shell, *rows: str) -> Path:
    path = shell.folder / "patients.csv"
    path.write_text("\n".join(("code,ici_start,regimen", *rows)) + "\n", encoding="utf-8")
    return path


def test_a_table_is_tried_then_imported_with_its_invites(shell: Shell) -> None:
    table(shell, f"P-0021,{day(days=8)},combination", f"P-0022,{day(days=1)},")
    tried = shell("patient", "import", "patients.csv", "--dry-run")
    assert (tried.status, tried.out) == (0, "2 patients could be added. Nobody was.\n")
    assert shell("patient", "list", "--json").json == []
    said = shell("patient", "import", "patients.csv", "--invites", "invites.csv")
    assert (said.status, said.out) == (0, "2 patients added; their invites are in invites.csv.\n")
    out = shell.folder / "invites.csv"
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    invites = list(csv.DictReader(out.read_text(encoding="utf-8").splitlines()))
    assert [row["code"] for row in invites] == ["P-0021", "P-0022"]
    assert all(len(row["start"]) >= 32 for row in invites)
    assert [line["code"] for line in shell("patient", "list", "--json").json] == ["P-0021", "P-0022"]


def test_bad_rows_are_all_told_and_nothing_is_left_behind(shell: Shell) -> None:
    table(shell, f"Anna,{day(days=8)},", "P-0022,yesterday,", f"P-0023,{day(days=8)},triple")
    for more in (("--dry-run",), ("--invites", "invites.csv")):
        said = shell("patient", "import", "patients.csv", *more)
        assert said.status == 1
        for told in ("line 2, code", "line 3, ici_start", "line 4, regimen"):
            assert f"patients.csv: {told}" in said.err
    assert shell("patient", "list", "--json").json == []
    assert not (shell.folder / "invites.csv").exists()


def test_invites_need_a_place_that_is_free(shell: Shell) -> None:
    table(shell, f"P-0021,{day(days=8)},")
    assert shell("patient", "import", "patients.csv").status == 2
    (shell.folder / "invites.csv").write_text("kept\n", encoding="utf-8")
    assert shell("patient", "import", "patients.csv", "--invites", "invites.csv").status == 2
    assert (shell.folder / "invites.csv").read_text(encoding="utf-8") == "kept\n"
    assert shell("patient", "import", "nowhere.csv", "--json").status == 2
    assert shell("patient", "list", "--json").json == []


def test_for_programs_the_invites_are_printed(shell: Shell) -> None:
    table(shell, f"P-0021,{day(days=8)},")
    (made,) = shell("patient", "import", "patients.csv", "--json").json
    assert (made["code"], made["link"]) == ("P-0021", None)
    assert len(made["start"]) >= 32
