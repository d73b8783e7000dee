"""File locks of a SQLite database: one process runs on it, one migrates it, none has it open while it is replaced.

The kernel holds them (flock), so that a killed process leaves no lock. The lock files are in the folder of the database
file itself, even if it is opened through symbolic links.
"""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import structlog
from prometheus_client import Counter

from bot.db.engine import database_url, in_memory

log = structlog.get_logger(__name__)
EXIT_ERRORS = Counter("nervecheck_leave_errors_total", "Times that the lock file could not announce its holder's exit.")


class AlreadyRunningError(RuntimeError):
    """Another process runs on this SQLite file: stop it first, or use PostgreSQL for more than one process."""


class CommandRunningError(RuntimeError):
    """A nervecheck command has this database open: wait until it has ended."""


EXITING = b"leaving"
"""The content of the lock file while its holder is shutting down."""
EXIT_SECONDS = 15.0
"""How long to wait for a process that is shutting down, which takes at most ten seconds."""
_POLL_SECONDS = 0.1


class Hold:
    """The lock that a process holds on its file; `file` None: there is nothing to lock."""

    def __init__(self, file: int | None) -> None:
        self._file = file

    def announce_exit(self) -> None:
        """Announce that this process is shutting down, so that a process that is starting waits instead of refusing."""
        if self._file is None:
            return
        try:
            os.pwrite(self._file, EXITING, 0)
        except OSError as error:
            # A full disk must not make a stop look like a failure. A process that starts now refuses and is restarted.
            EXIT_ERRORS.inc()
            log.warning("the lock file can't be written", action="exit_not_announced", error=type(error).__name__)


@contextmanager
def single_process(url: str) -> Iterator[Hold]:
    """Hold `<file>.lock` while the bot runs; AlreadyRunningError if another process holds it.

    Wait for a process that is shutting down. Do nothing for a database in memory and for PostgreSQL, which replicas
    share.
    """
    path = sqlite_path(url)
    if path is None:
        yield Hold(None)
        return
    path = path.with_name(f"{path.name}.lock")
    deadline = time.monotonic() + EXIT_SECONDS
    while True:
        with ExitStack() as stack:
            try:
                file = stack.enter_context(_held(path, fcntl.LOCK_EX | fcntl.LOCK_NB))
            except BlockingIOError:
                if not _is_exiting(path) or time.monotonic() > deadline:
                    raise AlreadyRunningError(AlreadyRunningError.__doc__) from None
            else:
                os.ftruncate(file, 0)
                yield Hold(file)
                return
        time.sleep(_POLL_SECONDS)


def _is_exiting(path: Path) -> bool:
    return path.read_bytes() == EXITING


def is_shared(url: str) -> bool:
    """Return whether several processes may run on this database: only on PostgreSQL."""
    return database_url(url).drivername != "sqlite"


@contextmanager
def migrating(path: Path) -> Iterator[None]:
    """Hold `<file>.migrate.lock`, after waiting for another process that holds it."""
    with _held(path.with_name(f"{path.name}.migrate.lock"), fcntl.LOCK_EX):
        yield


@contextmanager
def shared_access(url: str) -> Iterator[None]:
    """Hold `<file>.work.lock`, shared with all other processes that have the database open.

    Wait while the file is being replaced by a copy: what is written to the old file then would be lost.
    """
    path = sqlite_path(url)
    if path is None:
        yield
        return
    with _held(_work_lock(path), fcntl.LOCK_SH):
        yield


@contextmanager
def exclusive_access(path: Path) -> Iterator[None]:
    """Hold `<file>.work.lock` exclusively; CommandRunningError if a process has the database open."""
    with ExitStack() as stack:
        try:
            stack.enter_context(_held(_work_lock(path), fcntl.LOCK_EX | fcntl.LOCK_NB))
        except BlockingIOError:
            raise CommandRunningError(CommandRunningError.__doc__) from None
        yield


def sqlite_path(url: str) -> Path | None:
    """Return the database file with symbolic links resolved; None for a database in memory and for PostgreSQL."""
    parsed = database_url(url)
    if parsed.drivername != "sqlite" or in_memory(parsed):
        return None
    return Path(parsed.database or "").resolve()


def _work_lock(path: Path) -> Path:
    return path.with_name(f"{path.name}.work.lock")


@contextmanager
def _held(path: Path, how: int) -> Iterator[int]:
    """Hold a lock with the flags of flock; BlockingIOError if it is held elsewhere and the flags say not to wait."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        if os.geteuid() == 0:
            # A command run by root must not leave a file that the bot's own user can't open.
            folder = path.parent.stat()
            with suppress(OSError):  # if root may not (on a network share), the file stays root's
                os.fchown(file, folder.st_uid, folder.st_gid)
        fcntl.flock(file, how)
        yield file
    finally:
        os.close(file)
