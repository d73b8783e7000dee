import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import pytest

from bot.cli.run import what_runs
from bot.config import Settings, variables
from bot.wiring import Running
from tests.cli.conftest import Shell

LIVE = {
    "UNREVIEWED_LANGUAGES": "en",
    "TOKEN": "123456789:AAF-abcdefghijklmnopqrstuvwxyz_0123",
    "KEYS": "k1:bmVydmVjaGVjay1zYW5kYm94LW1hZGUtdXAta2V5LTE=",
    "TEAM_NAME": "Oncology day unit",
    "TEAM_NUMBER": "+49 30 901820",
    "EMERGENCY_NUMBER": "112",
}


@pytest.mark.parametrize("missing", ["KEYS", "TEAM_NAME", "TEAM_NUMBER", "EMERGENCY_NUMBER"])
def test_a_clinic_without_its_numbers_is_refused(shell: Shell, missing: str) -> None:
    said = shell("run", **{name: value for name, value in LIVE.items() if name != missing})
    assert said.status == 2
    assert f"NERVECHECK_{missing} is missing" in said.err


def test_all_that_is_wrong_is_told_at_once_settings_and_content(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "clinic.yaml").write_text("name: clinic\nversion: '1'\nquestions: []\n")
    said = shell("run", TOKEN=LIVE["TOKEN"], PROTOCOL="clinic.yaml", TIMEZONE="Mars", LANGUAGES="en,xx")
    assert said.status == 2
    for part in ("KEYS", "TEAM_NAME", "TEAM_NUMBER", "EMERGENCY_NUMBER", "TIMEZONE", "clinic.yaml:", "xx/clinical.po"):
        assert part in said.err
    assert not (tmp_path / "var").exists()


def test_only_the_sandboxs_clock_runs_faster(shell: Shell) -> None:
    said = shell("run", "--speed", "60", **LIVE)
    assert said.status == 2
    assert "--sandbox" in said.err


def test_the_sandbox_stays_away_from_a_clinics_database(shell: Shell) -> None:
    said = shell("run", "--sandbox", **LIVE, DATABASE_URL="sqlite:///clinic.db")
    assert said.status == 2
    assert "made-up patients among real ones" in said.err


@pytest.mark.parametrize(
    ("settings", "what"),
    [({}, "Oncology day unit: bot, ticker and delivery, updates by polling."),
     ({"WEBHOOK_URL": "https://nerves.clinic.example"}, "updates brought to https://nerves.clinic.example.")],
)  # fmt: skip
def test_four_lines_are_said_for_a_clinic_too(settings: dict[str, str], what: str) -> None:
    loaded = Settings.load({f"NERVECHECK_{name}": value for name, value in (LIVE | settings).items()})
    lines = what_runs(loaded, Running(chat_page=None, web="http://127.0.0.1:8080"), speed=1.0)
    assert what in lines[0]
    console = "The team's console: http://127.0.0.1:8080/console"
    assert lines[1] == f"Is it well? http://127.0.0.1:8080/readyz · {console}"
    assert lines[2] == "Data: var/nervecheck.db"
    assert not [secret for secret in loaded.secrets if secret in "".join(lines[:2]) + lines[3]]


# --- A real process ---------------------------------------------------------------------------------------------------


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


def started(folder: Path, *words: str, **settings: str) -> subprocess.Popen[str]:
    environment = {k: v for k, v in os.environ.items() if k not in variables()}
    chosen = {"LISTEN": "127.0.0.1:0", "SANDBOX_LISTEN": f"127.0.0.1:{free_port()}"} | settings
    environment |= {f"NERVECHECK_{name}": value for name, value in chosen.items()}
    return subprocess.Popen(
        [sys.executable, "-m", "bot", *words],
        cwd=folder,
        env=environment | {"PYTHONPATH": str(Path(__file__).parents[2])},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.fixture
def running(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], list[str]]]:
    process = started(tmp_path, "run", "--speed", "60")
    assert process.stdout is not None
    yield process, [process.stdout.readline().rstrip() for _ in range(4)]
    if process.poll() is None:
        process.kill()
    process.communicate()


def test_it_says_four_things_serves_and_ends_when_asked(
    running: tuple[subprocess.Popen[str], list[str]], tmp_path: Path
) -> None:
    process, (what, where, data, onward) = running
    assert "sandbox, 60 times as fast" in what
    assert "var/sandbox.db" in data
    assert "NERVECHECK_TOKEN" in onward
    address = re.search(r"http://127\.0\.0\.1:\d+", where)
    assert address
    with urlopen(address[0]) as page:  # noqa: S310 - the address is ours
        assert page.status == 200

    second = started(tmp_path, "run")
    _, err = second.communicate(timeout=60)
    assert second.returncode == 1
    assert "Another process runs on this SQLite file" in err

    port = address[0].rpartition(":")[2]
    third = started(tmp_path, "run", DATABASE_URL="sqlite:///other.db", SANDBOX_LISTEN=f"127.0.0.1:{port}")
    _, err = third.communicate(timeout=60)
    assert third.returncode == 1
    assert "is nervecheck running already?" in err

    beside = started(tmp_path, "patient", "add", "--code", "P-0042", "--ici-start", "2026-01-05", "--json")
    out, err = beside.communicate(timeout=60)
    assert beside.returncode == 0, err
    added = json.loads(out)
    assert added["link"].endswith(f"?start={added['start']}")

    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "Traceback" not in err
    assert (tmp_path / "var" / "sandbox.db").stat().st_mode & 0o077 == 0
