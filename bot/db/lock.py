"""File locks beside a SQLite database: one process runs on it, one migrates it, none works while it is replaced.

The kernel holds them (flock), so a killed process leaves none behind. They stand beside the file itself, however many
links lead to it.
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
LEAVE_ERRORS = Counter("nervecheck_leave_errors_total", "Times that the lock file could not say that its holder ends.")


class AlreadyRunningError(RuntimeError):
    """Another process runs on this SQLite file: stop it first, or use PostgreSQL for more than one."""


class AtWorkError(RuntimeError):
    """A nervecheck command is at work on this database: wait until it has ended."""


LEAVING = b"leaving"
"""Stands in the lock file while its holder finishes what is under way."""
LEAVES_IN_SECONDS = 15.0
"""A stop takes ten at most."""
_LOOK_SECONDS = 0.1


class Hold:
    """The lock of one process on its file, or of nothing (`file` None)."""

    def __init__(self, file: int | None) -> None:
        self._file = file

    def leave(self) -> None:
        """Say that this process is about to end: one that starts meanwhile waits instead of refusing."""
        if self._file is None:
            return
        try:
            os.pwrite(self._file, LEAVING, 0)
        except OSError as error:
            # A full disk must not make a stop look like a failure. Who starts meanwhile refuses, and is started again.
            LEAVE_ERRORS.inc()
            log.warning("the lock file can't be written", action="leave_not_said", error=type(error).__name__)


@contextmanager
def single_process(url: str) -> Iterator[Hold]:
    """Hold `<file>.lock` while the bot runs; `AlreadyRunningError` when another one does.

    One that is ending is waited for. Does nothing in memory and on PostgreSQL, where replicas share the work.
    """
    path = sqlite_path(url)
    if path is None:
        yield Hold(None)
        return
    path = path.with_name(f"{path.name}.lock")
    give_up_at = time.monotonic() + LEAVES_IN_SECONDS
    while True:
        with ExitStack() as stack:
            try:
                file = stack.enter_context(_held(path, fcntl.LOCK_EX | fcntl.LOCK_NB))
            except BlockingIOError:
                if not _is_leaving(path) or time.monotonic() > give_up_at:
                    raise AlreadyRunningError(AlreadyRunningError.__doc__) from None
            else:
                os.ftruncate(file, 0)
                yield Hold(file)
                return
        time.sleep(_LOOK_SECONDS)


def _is_leaving(path: Path) -> bool:
    return path.read_bytes() == LEAVING


def is_shared(url: str) -> bool:
    """Whether several processes may work on that database: PostgreSQL."""
    return database_url(url).drivername != "sqlite"


@contextmanager
def migrating(path: Path) -> Iterator[None]:
    """Hold `<file>.migrate.lock`, after waiting for whoever has it."""
    with _held(path.with_name(f"{path.name}.migrate.lock"), fcntl.LOCK_EX):
        yield


@contextmanager
def at_work(url: str) -> Iterator[None]:
    """Hold `<file>.work.lock` together with all others that have the database open.

    Waits while a copy is put in its place: what is written into the old file then is in no file any more.
    """
    path = sqlite_path(url)
    if path is None:
        yield
        return
    with _held(_work_lock(path), fcntl.LOCK_SH):
        yield


@contextmanager
def nobody_at_work(path: Path) -> Iterator[None]:
    """Hold that lock alone; `AtWorkError` when someone has the database open."""
    with ExitStack() as stack:
        try:
            stack.enter_context(_held(_work_lock(path), fcntl.LOCK_EX | fcntl.LOCK_NB))
        except BlockingIOError:
            raise AtWorkError(AtWorkError.__doc__) from None
        yield


def sqlite_path(url: str) -> Path | None:
    """Return the database file itself, links followed; None in memory and on PostgreSQL."""
    parsed = database_url(url)
    if parsed.drivername != "sqlite" or in_memory(parsed):
        return None
    return Path(parsed.database or "").resolve()


def _work_lock(path: Path) -> Path:
    return path.with_name(f"{path.name}.work.lock")


@contextmanager
def _held(path: Path, how: int) -> Iterator[int]:
    """Hold it as flock's flags say; BlockingIOError when it is taken and they say not to wait."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        if os.geteuid() == 0:
            # A command that root runs must not leave a file that the bot's own user can't open.
            folder = path.parent.stat()
            with suppress(OSError):  # where root may not (a share of another machine), it stays root's
                os.fchown(file, folder.st_uid, folder.st_gid)
        fcntl.flock(file, how)
        yield file
    finally:
        os.close(file)
