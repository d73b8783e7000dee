import csv
import stat
from pathlib import Path

from tests.cli.conftest import Shell
from tests.cli.test_patient import day


def write_table(shell: Shell, *rows: str) -> Path:
    path = shell.folder / "patients.csv"
    path.write_text("\n".join(("code,ici_start,regimen", *rows)) + "\n", encoding="utf-8")
    return path


def test_import_after_dry_run_writes_invites(shell: Shell) -> None:
    write_table(shell, f"P-0021,{day(days=8)},combination", f"P-0022,{day(days=1)},")
    dry_run = shell("patient", "import", "patients.csv", "--dry-run")
    assert (dry_run.status, dry_run.out) == (0, "2 patients can be added. Dry run: none was added.\n")
    assert shell("patient", "list", "--json").json == []
    result = shell("patient", "import", "patients.csv", "--invites", "invites.csv")
    assert (result.status, result.out) == (0, "2 patients added; their invites are in invites.csv.\n")
    out = shell.folder / "invites.csv"
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    invites = list(csv.DictReader(out.read_text(encoding="utf-8").splitlines()))
    assert [row["code"] for row in invites] == ["P-0021", "P-0022"]
    assert all(len(row["start"]) >= 32 for row in invites)
    assert [line["code"] for line in shell("patient", "list", "--json").json] == ["P-0021", "P-0022"]


def test_import_reports_all_bad_rows_and_writes_nothing(shell: Shell) -> None:
    write_table(shell, f"Anna,{day(days=8)},", "P-0022,yesterday,", f"P-0023,{day(days=8)},triple")
    for more in (("--dry-run",), ("--invites", "invites.csv")):
        result = shell("patient", "import", "patients.csv", *more)
        assert result.status == 1
        for problem in ("line 2, code", "line 3, ici_start", "line 4, regimen"):
            assert f"patients.csv: {problem}" in result.err
    assert shell("patient", "list", "--json").json == []
    assert not (shell.folder / "invites.csv").exists()


def test_import_needs_a_new_file_for_the_invites(shell: Shell) -> None:
    write_table(shell, f"P-0021,{day(days=8)},")
    assert shell("patient", "import", "patients.csv").status == 2
    (shell.folder / "invites.csv").write_text("kept\n", encoding="utf-8")
    assert shell("patient", "import", "patients.csv", "--invites", "invites.csv").status == 2
    assert (shell.folder / "invites.csv").read_text(encoding="utf-8") == "kept\n"
    assert shell("patient", "import", "nowhere.csv", "--json").status == 2
    assert shell("patient", "list", "--json").json == []


def test_import_as_json_prints_the_invites(shell: Shell) -> None:
    write_table(shell, f"P-0021,{day(days=8)},")
    (made,) = shell("patient", "import", "patients.csv", "--json").json
    assert (made["code"], made["link"]) == ("P-0021", None)
    assert len(made["start"]) >= 32
