"""The sandbox's server on loopback: Bot API, control API and chat page. Never reachable from the network."""

import asyncio
import contextlib
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from uvicorn.protocols.http.h11_impl import H11Protocol

from bot.clock import Clock
from bot.sandbox.api import Methods
from bot.sandbox.control import Control, SandboxHooks
from bot.sandbox.delivering import Delivering
from bot.sandbox.guard import Guard, is_loopback_host
from bot.sandbox.http import BotApi
from bot.sandbox.persist import StateFile
from bot.sandbox.state import SANDBOX_TOKEN, Sandbox

__all__ = ["SANDBOX_TOKEN", "SandboxHooks", "SandboxServer"]

STATIC = Path(__file__).parent / "static"
KEEP_ALIVE_SECONDS = 75
SHUTDOWN_SECONDS = 5


class SandboxServer:
    """Serves a sandbox. Tests in the same process use the `sandbox` itself.

    `start` raises ValueError for a `host` that isn't loopback. With a `state_file` the chats survive a restart.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        token: str = SANDBOX_TOKEN,
        state_file: Path | None = None,
        hooks: SandboxHooks | None = None,
        limits: bool = True,
    ) -> None:
        self.sandbox = Sandbox(clock, token=token, limits=limits)
        self._file = StateFile(state_file, self.sandbox) if state_file else None
        methods = Methods(self.sandbox)
        self._delivering = Delivering(self.sandbox, lambda name, params: methods.call(methods.name_of(name), params))
        self._stopping = asyncio.Event()
        self._server: uvicorn.Server | None = None
        self._tasks: list[asyncio.Task[Any]] = []
        self._url = ""
        bot_api = BotApi(self.sandbox, methods, self._delivering, self._stopping)
        routes = [
            Route("/bot{token}/{method}", bot_api),
            *Control(self.sandbox, hooks or SandboxHooks()).routes(),
            Route("/", _page),
            Mount("/static", StaticFiles(directory=STATIC)),
        ]
        self.app = Starlette(routes=routes, middleware=[Middleware(Guard)], exception_handlers={404: _not_found})

    @property
    def api_url(self) -> str:
        """The value for NERVECHECK_API_URL, also the address of the chat page. Empty before `start`."""
        return self._url

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> str:
        """Serve until `stop` and return the base URL. Port 0 chooses a free port; OSError if the port is in use."""
        if not is_loopback_host(host):
            raise ValueError(f"the sandbox listens on loopback only, not on {host}")
        if self._file is not None:
            self._file.load()
        sock = _listen(host, port)
        url_host = f"[{host}]" if ":" in host else host
        self._url = f"http://{url_host}:{sock.getsockname()[1]}"
        self._stopping.clear()
        self.sandbox.events.open()
        self._server = _QuietServer(_config(self.app), self._stopping)
        self._tasks = [asyncio.create_task(self._server.serve([sock])), asyncio.create_task(self._delivering.run())]
        if self._file is not None:
            self._tasks.append(asyncio.create_task(self._file.run()))
        while not self._server.started:
            if self._tasks[0].done():
                self._tasks[0].result()
                raise RuntimeError("the sandbox's server stopped during its start")
            await asyncio.sleep(0.005)
        return self._url

    async def stop(self) -> None:
        """Stop polls, streams and the server, and save the state. Do nothing if the server isn't running."""
        if self._server is None:
            return
        self._stopping.set()
        self.sandbox.close()
        self._delivering.end_poll()
        serving, *others = self._tasks
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        await serving
        if self._file is not None:
            self._file.save()
        self._server = None


class _QuietServer(uvicorn.Server):
    """uvicorn inside another program's event loop: it leaves signals to that program and stops at once on request."""

    def __init__(self, config: uvicorn.Config, stopping: asyncio.Event) -> None:
        super().__init__(config)
        self._stopping = stopping

    async def main_loop(self) -> None:
        await self._stopping.wait()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class _Protocol(H11Protocol):
    """HTTP that lets the application abort its connection: the transport is in `scope["state"]`."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.app_state = {"transport": transport}


def _config(app: Starlette) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=_Protocol,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=SHUTDOWN_SECONDS,
    )


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # With an explicit protocol asyncio sets TCP_NODELAY, without which each answer waits 40 ms for an ACK.
    sock = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((host, port))
        sock.listen(2048)
    except OSError:
        sock.close()
        raise
    return sock


async def _page(_request: Request) -> Response:
    return FileResponse(STATIC / "index.html")


async def _not_found(_request: Request, _error: Exception) -> Response:
    return JSONResponse({"ok": False, "error_code": 404, "description": "Not Found"}, 404)
