"""Real processes for tests: the sandbox in one, the bot in another that can be killed at any time."""

import asyncio
import os
import signal
import sqlite3
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from bot.db.crypto import new_key
from bot.sandbox.server import SANDBOX_TOKEN
from tests.polling import until  # noqa: F401 - the tests here import it from here

ROOT = Path(__file__).parents[2]
START_SECONDS = 30.0
"""Seconds that a process may take to start on a busy machine before the test gives up; no assertion depends on it."""


@dataclass
class SandboxProcess:
    """The fake Telegram in its own process."""

    process: asyncio.subprocess.Process
    url: str
    http: aiohttp.ClientSession

    async def get(self, path: str) -> Any:
        async with self.http.get(f"{self.url}/sandbox{path}") as answer:
            assert answer.status == 200, await answer.text()
            return await answer.json()

    async def post(self, path: str, **body: Any) -> Any:
        async with self.http.post(f"{self.url}/sandbox{path}", json=body) as answer:
            assert answer.status == 200, await answer.text()
            return await answer.json()

    async def messages(self, person: int) -> list[dict[str, Any]]:
        found = (await self.get(f"/chats/{person}"))["messages"]
        return [m for m in found if m.get("from", {}).get("is_bot")]

    async def stop(self) -> None:
        await self.http.close()
        self.process.terminate()
        await self.process.wait()


async def start_sandbox(*, limits: bool = False) -> SandboxProcess:
    more = [] if limits else ["--no-limits"]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bot.sandbox", "--port", "0", *more, cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    first = await asyncio.wait_for(process.stdout.readline(), START_SECONDS)
    return SandboxProcess(process, first.decode().strip().rsplit(" ", 1)[-1], aiohttp.ClientSession())


class BotProcess:
    """`nervecheck run` against a sandbox, on a database file."""

    def __init__(self, folder: Path, api_url: str) -> None:
        self.database = folder / "bot.db"
        self.log = folder / "bot.log"
        self.key = new_key()
        self._process: asyncio.subprocess.Process | None = None
        self._environ = {
            **{name: value for name, value in os.environ.items() if not name.startswith("NERVECHECK_")},
            "NERVECHECK_TOKEN": SANDBOX_TOKEN,
            "NERVECHECK_API_URL": api_url,
            "NERVECHECK_KEYS": self.key,
            "NERVECHECK_DATABASE_URL": f"sqlite:///{self.database}",
            "NERVECHECK_TEAM_NAME": "Test clinic",
            "NERVECHECK_TEAM_NUMBER": "+49 30 901820",
            "NERVECHECK_EMERGENCY_NUMBER": "112",
            "NERVECHECK_LISTEN": "127.0.0.1:0",
            "NERVECHECK_LOG_FORMAT": "json",
        }

    @property
    def environ(self) -> dict[str, str]:
        return self._environ

    async def start(self) -> None:
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "bot", "run", cwd=ROOT, env=self._environ, stdout=log, stderr=log
            )

    async def kill(self) -> None:
        """Kill with -9: nothing is finished or released."""
        assert self._process is not None
        self._process.send_signal(signal.SIGKILL)
        await self._process.wait()

    async def ended(self) -> int:
        """Wait until it ends by itself; return the exit code."""
        assert self._process is not None
        return await asyncio.wait_for(self._process.wait(), START_SECONDS)

    async def stop(self) -> int:
        """Send SIGTERM; return the exit code."""
        assert self._process is not None
        if self._process.returncode is None:
            self._process.terminate()
        return await self._process.wait()

    def count(self, sql: str) -> int:
        """Return a number from the database, read independently of the bot."""
        reader = sqlite3.connect(f"file:{self.database}?mode=ro", uri=True)
        try:
            return int(reader.execute(sql).fetchone()[0])
        finally:
            reader.close()
