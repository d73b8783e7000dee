import errno
import sqlite3

import pytest
import typer
from sqlalchemy.exc import OperationalError

from bot.cli import app
from bot.cli.errors import Polite
from bot.db.engine import NotStoredError
from tests.cli.conftest import Shell


@pytest.mark.parametrize("words", [[], ["patient"], ["nonsense"], ["patient", "nonsense"], ["run", "--speed", "0"]])
def test_misuse_shows_how_it_is_used(shell: Shell, words: list[str]) -> None:
    said = shell(*words)
    assert said.status == 2
    assert "Usage:" in said.out + said.err


@pytest.mark.parametrize("group", [g.name for g in app.registered_groups])
def test_every_group_and_its_commands_explain_themselves(shell: Shell, group: str) -> None:
    assert shell(group, "--help").status == 0
    (found,) = [g for g in app.registered_groups if g.name == group]
    assert found.typer_instance is not None
    for command in found.typer_instance.registered_commands:
        assert command.callback is not None
        name = command.name or command.callback.__name__
        said = shell(group, name, "--help")
        assert said.status == 0
        assert command.callback.__doc__
        assert command.callback.__doc__.split(".")[0].split()[0] in said.out


def of_the_disk() -> NotStoredError:
    told = NotStoredError(NotStoredError.__doc__)
    told.__cause__ = OperationalError("UPDATE", {}, sqlite3.OperationalError("database or disk is full"))
    return told


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (PermissionError(errno.EACCES, "Permission denied", "var/x.db"), "var/x.db: Permission denied: check the path"),
        (OSError(errno.EADDRINUSE, "Address already in use"), "is nervecheck running already?"),
        (ValueError("first line\nsecond: password"), "nervecheck: first line\n"),
        (KeyError("lost"), "nervecheck: 'lost'"),
        (RuntimeError(), "nervecheck: RuntimeError"),
        (of_the_disk(), "check NERVECHECK_DATABASE_URL: (sqlite3.OperationalError) database or disk is full"),
        (RuntimeError("call +49 30 901820 with 123456:AAF-abcdefghijklmnopqrstuvwxyz_0123"), "[redacted]"),
    ],
)
def test_no_error_ends_in_a_traceback(error: Exception, told: str, capsys: pytest.CaptureFixture[str]) -> None:
    failing = typer.Typer(cls=Polite)

    @failing.callback()
    def _group() -> None:
        pass

    @failing.command()
    def fail() -> None:
        raise error

    with pytest.raises(SystemExit) as ended:
        failing(["fail"])
    said = capsys.readouterr()
    assert ended.value.code == 1
    assert told in said.err
    for hidden in ("password", "901820", "AAF-"):
        assert hidden not in said.err
    assert said.out == ""
