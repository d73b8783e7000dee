"""File locks beside a SQLite database: one process runs on it, one migrates it. Waits for nothing but migrations.

The kernel holds them (flock), so a killed process leaves none behind.
"""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from bot.db.engine import database_url, in_memory


class AlreadyRunningError(RuntimeError):
    """Another process runs on this SQLite file: stop it first, or use PostgreSQL for more than one."""


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
        if self._file is not None:
            os.pwrite(self._file, LEAVING, 0)


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
                file = stack.enter_context(_held(path, wait=False))
            except AlreadyRunningError:
                if not _is_leaving(path) or time.monotonic() > give_up_at:
                    raise
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
    with _held(path.with_name(f"{path.name}.migrate.lock"), wait=True):
        yield


def sqlite_path(url: str) -> Path | None:
    """Return the database file; None in memory and on PostgreSQL."""
    parsed = database_url(url)
    if parsed.drivername != "sqlite" or in_memory(parsed):
        return None
    return Path(parsed.database or "")


@contextmanager
def _held(path: Path, *, wait: bool) -> Iterator[int]:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(file, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AlreadyRunningError(AlreadyRunningError.__doc__) from None
        yield file
    finally:
        os.close(file)
