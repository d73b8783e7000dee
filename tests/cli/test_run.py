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

from bot.cli.run import startup_lines
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
def test_run_without_required_setting_is_refused(shell: Shell, missing: str) -> None:
    result = shell("run", **{name: value for name, value in LIVE.items() if name != missing})
    assert result.status == 2
    assert f"NERVECHECK_{missing} is missing" in result.err


def test_run_reports_all_problems_together(bare_shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "clinic.yaml").write_text("name: clinic\nversion: '1'\nquestions: []\n")
    result = bare_shell("run", TOKEN=LIVE["TOKEN"], PROTOCOL="clinic.yaml", TIMEZONE="Mars", LANGUAGES="en,xx")
    assert result.status == 2
    for part in ("KEYS", "TEAM_NAME", "TEAM_NUMBER", "EMERGENCY_NUMBER", "TIMEZONE", "clinic.yaml:", "xx/clinical.po"):
        assert part in result.err
    assert not (tmp_path / "var").exists()


def test_run_with_speed_needs_the_sandbox(shell: Shell) -> None:
    result = shell("run", "--speed", "60", **LIVE)
    assert result.status == 2
    assert "--sandbox" in result.err


def test_run_sandbox_on_clinic_database_is_refused(shell: Shell) -> None:
    result = shell("run", "--sandbox", **LIVE, DATABASE_URL="sqlite:///clinic.db")
    assert result.status == 2
    assert "sample patients among real ones" in result.err


@pytest.mark.parametrize(
    ("settings", "what"),
    [({}, "Oncology day unit: bot and console, updates by polling."),
     ({"WEBHOOK_URL": "https://nerves.clinic.example"}, "updates by webhook to https://nerves.clinic.example.")],
)  # fmt: skip
def test_startup_lines_for_a_clinic(settings: dict[str, str], what: str) -> None:
    loaded = Settings.load({f"NERVECHECK_{name}": value for name, value in (LIVE | settings).items()})
    lines = startup_lines(loaded, Running(chat_page=None, web="http://127.0.0.1:8080"), speed=1.0)
    assert what in lines[0]
    console = "Console for the team: http://127.0.0.1:8080/console"
    assert lines[1] == f"Health: http://127.0.0.1:8080/readyz · {console}"
    assert lines[2] == "Data: var/nervecheck.db"
    assert not [secret for secret in loaded.secrets if secret in "".join(lines[:2]) + lines[3]]


# --- A real process ---------------------------------------------------------------------------------------------------


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


def start_process(folder: Path, *words: str, **settings: str) -> subprocess.Popen[str]:
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
    process = start_process(tmp_path, "run", "--speed", "60")
    assert process.stdout is not None
    yield process, [process.stdout.readline().rstrip() for _ in range(4)]
    if process.poll() is None:
        process.kill()
    process.communicate()


def test_run_announces_serves_and_stops_on_sigterm(
    running: tuple[subprocess.Popen[str], list[str]], tmp_path: Path
) -> None:
    process, (status, addresses, data, next_step) = running
    assert "sandbox at 60 times real time" in status
    assert "var/sandbox.db" in data
    assert "NERVECHECK_TOKEN" in next_step
    address = re.search(r"http://127\.0\.0\.1:\d+", addresses)
    assert address
    with urlopen(address[0]) as page:  # noqa: S310 - the address is ours
        assert page.status == 200

    second = start_process(tmp_path, "run")
    _, err = second.communicate(timeout=60)
    assert second.returncode == 1
    assert "Another process runs on this SQLite file" in err

    port = address[0].rpartition(":")[2]
    third = start_process(tmp_path, "run", DATABASE_URL="sqlite:///other.db", SANDBOX_LISTEN=f"127.0.0.1:{port}")
    _, err = third.communicate(timeout=60)
    assert third.returncode == 1
    assert "is nervecheck running already?" in err

    concurrent = start_process(tmp_path, "patient", "add", "--code", "P-0042", "--ici-start", "2026-01-05", "--json")
    out, err = concurrent.communicate(timeout=60)
    assert concurrent.returncode == 0, err
    added = json.loads(out)
    assert added["link"].endswith(f"?start={added['start']}")

    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "Traceback" not in err
    assert (tmp_path / "var" / "sandbox.db").stat().st_mode & 0o077 == 0
