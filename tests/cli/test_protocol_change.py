"""A protocol that would forget what is remembered, from a shell: looked at, refused at the start, and no hindrance."""

import sqlite3
from contextlib import closing
from hashlib import sha256
from pathlib import Path

import pytest

from bot.content.loader import packaged_protocol
from tests.cli.conftest import Shell
from tests.cli.test_levels import BY
from tests.cli.test_patient import add
from tests.cli.test_run import start_process
from tests.polling import until_blocking

MOVED = (
    "it changes the scale of 'numbness', on which 1 patient has a level: list these levels first, in this order: none,"
)


@pytest.fixture
def moved(shell: Shell, tmp_path: Path) -> Path:
    """A protocol in which mild and medium numbness changed places, and a patient for whom mild is usual."""
    add(shell)
    assert shell("patient", "reference", "P-0017", "numbness", "mild", *BY).status == 0
    text = packaged_protocol().read_text(encoding="utf-8")
    pair = "      - {id: mild}\n      - {id: medium}\n"
    at = text.index(pair, text.index("  - id: numbness\n"))
    file = tmp_path / "moved.yaml"
    file.write_text(text[:at] + "".join(reversed(pair.splitlines(keepends=True))) + text[at + len(pair) :])
    return file


def test_check_lists_the_patients_of_whom_it_would_forget_something(shell: Shell, moved: Path) -> None:
    plain = shell("protocol", "check", str(moved))
    assert (plain.status, "No faults." in plain.out) == (0, True), "without --patients it knows no database"
    checked = shell("protocol", "check", str(moved), "--patients")
    assert (checked.status, MOVED in checked.err, "(P-0017)" in checked.err) == (1, True, True)
    (clash,) = shell("protocol", "check", str(moved), "--patients", "--json").json["patients"]
    assert clash == {"symptom": "numbness", "codes": ["P-0017"], "levels": ["none", "mild"]}
    packaged = shell("protocol", "check", "--patients", "--json")
    assert (packaged.status, packaged.json["patients"]) == (0, [])


def test_start_is_refused_and_stores_nothing_and_commands_work_with_either(shell: Shell, moved: Path) -> None:
    for protocol in (str(moved), ""):
        listed = shell("patient", "list", "--json", **({"PROTOCOL": protocol} if protocol else {}))
        assert (listed.status, len(listed.json)) == (0, 1)
    refused = shell("run", PROTOCOL=str(moved))
    assert refused.status == 2
    assert f"protocol {moved}: {MOVED}" in refused.err
    assert f"`nervecheck protocol check {moved} --patients` lists the patients" in refused.err
    assert "P-0017" not in refused.err
    assert shell("protocol", "check", "--patients").status == 0, "the former protocol still fits"


def test_start_uses_the_protocol_from_then_on_and_a_command_does_not(shell: Shell, tmp_path: Path) -> None:
    """The next start is compared with what check-ins were asked with, not with what somebody looked at."""
    text = packaged_protocol().read_text(encoding="utf-8")
    for name in ("looked_at", "started"):
        (tmp_path / f"{name}.yaml").write_text(f"{text}\n# {name}\n", encoding="utf-8")
    add(shell)
    assert shell("patient", "list", PROTOCOL=str(tmp_path / "looked_at.yaml")).status == 0
    assert _in_use(shell) == sha256(packaged_protocol().read_bytes()).hexdigest()
    process = start_process(tmp_path, "run", PROTOCOL=str(tmp_path / "started.yaml"))
    try:
        started = sha256((tmp_path / "started.yaml").read_bytes()).hexdigest()
        until_blocking(lambda: process.poll() is not None or _in_use(shell) == started)
        assert process.poll() is None
    finally:
        process.kill()
        process.communicate()


def _in_use(shell: Shell) -> str:
    with closing(sqlite3.connect(shell.folder / "var" / "sandbox.db")) as database:
        return str(database.execute("SELECT value FROM setting WHERE name = 'protocol'").fetchone()[0])
