"""File locks beside a SQLite database: one process runs on it, one migrates it. Waits for nothing but migrations.

The kernel holds them (flock), so a killed process leaves none behind.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bot.db.engine import database_url, in_memory


class AlreadyRunningError(RuntimeError):
    """Another process runs on this SQLite file: stop it first, or use PostgreSQL for more than one."""


@contextmanager
def single_process(url: str) -> Iterator[None]:
    """Hold `<file>.lock` while the bot runs; `AlreadyRunningError` when another one does.

    Does nothing in memory and on PostgreSQL, where replicas share the work.
    """
    path = sqlite_path(url)
    if path is None:
        yield
        return
    with _held(path.with_name(f"{path.name}.lock"), wait=False):
        yield


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
def _held(path: Path, *, wait: bool) -> Iterator[None]:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(file, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AlreadyRunningError(AlreadyRunningError.__doc__) from None
        yield
    finally:
        os.close(file)
