"""The bot's processes in one run, which can be killed at any time, and a load balancer in front of them."""

import asyncio
import os
import signal
import socket
import sys
import time
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path

import aiohttp

from bot.sandbox.state import SANDBOX_TOKEN

ROOT = Path(__file__).parents[2]
STOP_SECONDS = 30.0


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@dataclass
class Kill:
    """One kill -9: of which process, when (real monotonic seconds)."""

    pid: int
    at: float


@dataclass
class Replica:
    """One `nervecheck run`, started again after each kill."""

    number: int
    folder: Path
    clock_file: Path
    environ: dict[str, str]
    port: int = field(default_factory=free_port)
    scripts: Path | None = None
    """The migrations of a later version, None: its own."""
    process: asyncio.subprocess.Process | None = None
    started_at: float = 0.0

    @property
    def is_up(self) -> bool:
        return self.process is not None and self.process.returncode is None

    @property
    def log(self) -> Path:
        return self.folder / f"bot-{self.number}.log"

    async def start(self) -> None:
        environ = {**self.environ, "NERVECHECK_LISTEN": f"127.0.0.1:{self.port}"}
        if self.scripts is not None:
            environ["CHAOS_SCRIPTS"] = str(self.scripts)
        with self.log.open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "tests.chaos.launch", str(self.clock_file), "run"),
                cwd=ROOT,
                env=environ,
                stdout=log,
                stderr=log,
            )
        self.started_at = time.monotonic()

    async def is_ready(self) -> bool:
        """Return whether /readyz says that the process is ready."""
        try:
            async with aiohttp.request("GET", f"http://127.0.0.1:{self.port}/readyz") as answer:
                return answer.status == HTTPStatus.OK
        except aiohttp.ClientError:
            return False

    async def kill(self) -> Kill:
        """Kill with -9: nothing is finished or released."""
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        kill = Kill(self.process.pid, time.monotonic())
        await self.process.wait()
        return kill

    async def stop(self) -> tuple[int, float]:
        """SIGTERM; return the exit code and how many seconds it took."""
        assert self.process is not None
        begun = time.monotonic()
        if self.is_up:
            self.process.terminate()
        code = await asyncio.wait_for(self.process.wait(), STOP_SECONDS)
        return code, time.monotonic() - begun


def environ_of(settings: dict[str, str]) -> dict[str, str]:
    """The environment of a clinic whose Telegram is a sandbox on this machine."""
    bare = {name: value for name, value in os.environ.items() if not name.startswith("NERVECHECK_")}
    return bare | {
        "NERVECHECK_TOKEN": SANDBOX_TOKEN,
        "NERVECHECK_TEAM_NAME": "Test clinic",
        "NERVECHECK_TEAM_NUMBER": "+49 30 901820",
        "NERVECHECK_EMERGENCY_NUMBER": "112",
        "NERVECHECK_TIMEZONE": "Europe/Berlin",
        "NERVECHECK_LOG_FORMAT": "json",
        **settings,
    }


class Balancer:
    """Takes connections on one port and hands each to the next replica that accepts it."""

    def __init__(self, ports: list[int]) -> None:
        self._ports = ports
        self._next = 0
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.Task[None]] = set()

    async def start(self) -> int:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return int(self._server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._open:
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._open.add(task)
        try:
            await self._pass_on(reader, writer)
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            self._open.discard(task)
            writer.close()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in self._ports:
            self._next = (self._next + 1) % len(self._ports)
            try:
                back, forth = await asyncio.open_connection("127.0.0.1", self._ports[self._next])
            except OSError:
                continue
            try:
                ways = [asyncio.create_task(_copy(reader, forth)), asyncio.create_task(_copy(back, writer))]
                await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
                for way in ways:
                    way.cancel()
                await asyncio.gather(*ways, return_exceptions=True)
            finally:
                forth.close()
            return


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
