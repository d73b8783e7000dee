"""A shell for the commands: its own directory, only the settings that a test gives, and logging restored afterwards."""

import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import structlog
from typer import testing
from typer.testing import CliRunner

from bot.cli import app
from bot.config import variables
from tests.fakes.databases import sqlite_url


@dataclass(frozen=True)
class Result:
    """The output and exit status of a command."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


testing._get_command = cache(testing._get_command)  # all commands, put together once and not for each call


class Shell:
    """Runs commands in `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self, *words: str, typed: str = "", **settings: str) -> Result:
        environment = {f"NERVECHECK_{name}": value for name, value in settings.items()}
        result = CliRunner().invoke(app, list(words), input=typed, env=environment)
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        assert "Traceback" not in result.output
        return Result(result.exit_code, result.stdout, result.stderr)


@pytest.fixture
def bare_shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shell]:
    """A shell in an empty folder."""
    monkeypatch.chdir(tmp_path)
    for name in variables():
        monkeypatch.delenv(name, raising=False)
    root = logging.getLogger()
    before = root.handlers[:], root.level
    yield Shell(tmp_path)
    root.handlers, level = before
    root.setLevel(level)
    structlog.reset_defaults()


@pytest.fixture
def shell(bare_shell: Shell) -> Shell:
    """A shell in a folder with the sandbox's database: migrated, and empty."""
    (bare_shell.folder / "var").mkdir()
    sqlite_url(bare_shell.folder / "var" / "sandbox.db")
    return bare_shell
