"""What is the database's fault, and what that of the work."""

import sqlite3

import pytest
from sqlalchemy.exc import IntegrityError, InterfaceError, OperationalError, ProgrammingError

from bot.db.faults import is_down


def of_sqlite(code, kind=OperationalError):
    error = sqlite3.Error("x")
    if code is not None:
        error.sqlite_errorcode = code
    return kind("SELECT 1", {}, error)


def of_postgres(state, kind=OperationalError, *, lost=False):
    error = Exception("x")
    error.sqlstate = state
    return kind("SELECT 1", {}, error, connection_invalidated=lost)


@pytest.mark.parametrize("name", ["BUSY", "LOCKED", "FULL", "IOERR", "READONLY", "CANTOPEN", "NOMEM", "PROTOCOL"])
def test_sqlite_is_down(name):
    code = getattr(sqlite3, f"SQLITE_{name}")
    assert is_down(of_sqlite(code))
    assert is_down(of_sqlite(code | 3 << 8)), "extended"


@pytest.mark.parametrize("name", ["ERROR", "CONSTRAINT", "CORRUPT", "MISMATCH", "TOOBIG", "RANGE", "NOTADB"])
def test_sqlite_is_not_down(name):
    assert not is_down(of_sqlite(getattr(sqlite3, f"SQLITE_{name}")))


def test_a_complaint_without_a_code_is_not_the_databases():
    assert not is_down(of_sqlite(None, ProgrammingError))


@pytest.mark.parametrize(
    "state",
    ["08006", "25006", "40001", "40P01", "53100", "53200", "53300", "55P03", "57014", "57P01", "57P03", "58030"],
)
def test_postgresql_is_down(state):
    assert is_down(of_postgres(state))


@pytest.mark.parametrize("state", ["22001", "23503", "23505", "25001", "42601", "42P01", "55000", "XX001"])
def test_postgresql_is_not_down(state):
    assert not is_down(of_postgres(state))


@pytest.mark.parametrize("kind", [OperationalError, InterfaceError])
def test_a_server_that_cannot_be_reached_says_no_state(kind):
    assert is_down(of_postgres(None, kind))


def test_a_lost_connection_is_down_whatever_it_says():
    assert is_down(of_postgres("23505", lost=True))
    assert is_down(of_postgres(None, ProgrammingError, lost=True))
    assert not is_down(of_postgres(None, ProgrammingError))


def test_undoing_that_failed_because_of_it_counts():
    error = of_sqlite(sqlite3.SQLITE_ERROR)
    assert not is_down(error)
    error.__context__ = of_sqlite(sqlite3.SQLITE_FULL)
    assert is_down(error)


def test_what_it_was_made_into_counts():
    error = LookupError()
    error.__cause__ = of_sqlite(sqlite3.SQLITE_BUSY)
    assert is_down(error)


@pytest.mark.parametrize(
    "error", [ValueError(), KeyError("x"), sqlite3.OperationalError(), IntegrityError("", {}, Exception())]
)
def test_other_errors_are_the_works(error):
    assert not is_down(error)
