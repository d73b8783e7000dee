import errno
import sqlite3

import pytest
import typer
from sqlalchemy.exc import OperationalError

from bot.cli import app
from bot.cli.errors import ReportingGroup
from bot.db.engine import NotStoredError
from tests.cli.conftest import Shell


@pytest.mark.parametrize("words", [[], ["patient"], ["nonsense"], ["patient", "nonsense"], ["run", "--speed", "0"]])
def test_misuse_prints_the_usage(shell: Shell, words: list[str]) -> None:
    result = shell(*words)
    assert result.status == 2
    assert "Usage:" in result.out + result.err


@pytest.mark.parametrize("group", [g.name for g in app.registered_groups])
def test_every_group_and_command_has_help(shell: Shell, group: str) -> None:
    assert shell(group, "--help").status == 0
    (found,) = [g for g in app.registered_groups if g.name == group]
    assert found.typer_instance is not None
    for command in found.typer_instance.registered_commands:
        assert command.callback is not None
        name = command.name or command.callback.__name__
        result = shell(group, name, "--help")
        assert result.status == 0
        assert command.callback.__doc__
        assert command.callback.__doc__.split(".")[0].split()[0] in result.out


def disk_full_error() -> NotStoredError:
    error = NotStoredError(NotStoredError.__doc__)
    error.__cause__ = OperationalError("UPDATE", {}, sqlite3.OperationalError("database or disk is full"))
    return error


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (PermissionError(errno.EACCES, "Permission denied", "var/x.db"), "var/x.db: Permission denied: check the path"),
        (OSError(errno.EADDRINUSE, "Address already in use"), "is nervecheck running already?"),
        (ValueError("first line\nsecond: password"), "nervecheck: first line\n"),
        (KeyError("lost"), "nervecheck: 'lost'"),
        (RuntimeError(), "nervecheck: RuntimeError"),
        (disk_full_error(), "check NERVECHECK_DATABASE_URL: (sqlite3.OperationalError) database or disk is full"),
        (RuntimeError("call +49 30 901820 with 123456:AAF-abcdefghijklmnopqrstuvwxyz_0123"), "[redacted]"),
    ],
)
def test_errors_are_printed_without_traceback(
    error: Exception, expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    failing = typer.Typer(cls=ReportingGroup)

    @failing.callback()
    def _group() -> None:
        pass

    @failing.command()
    def fail() -> None:
        raise error

    with pytest.raises(SystemExit) as ended:
        failing(["fail"])
    output = capsys.readouterr()
    assert ended.value.code == 1
    assert expected in output.err
    for hidden in ("password", "901820", "AAF-"):
        assert hidden not in output.err
    assert output.out == ""
