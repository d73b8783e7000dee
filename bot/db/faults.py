"""Distinguishes a failure of the database itself from an error of a statement. Handles neither.

The first is temporary, so that the transaction is retried until it succeeds; the second fails every time.
"""

import sqlite3
from collections.abc import Iterator

from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError

_SQLITE = frozenset({
    sqlite3.SQLITE_BUSY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_FULL, sqlite3.SQLITE_INTERRUPT, sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_PROTOCOL, sqlite3.SQLITE_READONLY,
})  # fmt: skip
"""Primary result codes; the low byte of an extended one."""
_POSTGRES = ("08", "25006", "40", "53", "55P03", "57", "58")
"""Prefixes of SQLSTATEs: connection lost, read-only server, transaction rolled back, out of disk or memory, lock
timeout, shutting down or starting, system error."""


def is_down(error: BaseException) -> bool:
    """Return whether the database failed, also if the failure occurred while rolling back."""
    return any(_is_its_own(link) for link in _chain(error) if isinstance(link, DBAPIError))


def _chain(error: BaseException) -> Iterator[BaseException]:
    link: BaseException | None = error
    while link is not None:
        yield link
        link = link.__cause__ or link.__context__


def _is_its_own(error: DBAPIError) -> bool:
    if isinstance(error.orig, sqlite3.Error):
        # Errors that Python raises itself, such as a closed connection, have no code.
        return getattr(error.orig, "sqlite_errorcode", 0) & 0xFF in _SQLITE
    state = getattr(error.orig, "sqlstate", None)
    if state is None:
        return error.connection_invalidated or isinstance(error, OperationalError | InterfaceError)
    return error.connection_invalidated or str(state).startswith(_POSTGRES)
