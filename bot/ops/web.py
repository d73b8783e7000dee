"""Serves an ASGI application inside the program's event loop. Handles no signals and knows no routes."""

import asyncio
import contextlib
import socket
from collections.abc import Iterator

import uvicorn
from starlette.types import ASGIApp

KEEP_ALIVE_SECONDS = 75
SHUTDOWN_SECONDS = 5
BACKLOG = 2048


class WebServer:
    """Serves one application on one address, from `start` until `stop`."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._server: uvicorn.Server | None = None
        self._serving: asyncio.Task[None] | None = None
        self.url = ""
        """The URL once started; empty before."""

    async def start(self, host: str, port: int) -> str:
        """Start serving and return the URL. Port 0 selects a free port. Raise OSError if the port is in use."""
        listener = open_listener(host, port)
        server = _QuietServer(_config(self._app))
        self._server, self._serving = server, asyncio.create_task(server.serve([listener]), name="web")
        while not server.started:
            if self._serving.done():
                listener.close()
                raise RuntimeError("the web server stopped before it had started") from self._serving.exception()
            await asyncio.sleep(0.005)
        self.url = f"http://{f'[{host}]' if ':' in host else host}:{listener.getsockname()[1]}"
        return self.url

    async def stop(self) -> None:
        """Finish the requests in progress, then close; do nothing if it isn't running."""
        if self._server is None or self._serving is None:
            return
        self._server.should_exit = True
        await self._serving
        self._server = self._serving = None


class _QuietServer(uvicorn.Server):
    """uvicorn in another program's event loop, which handles the signals itself."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _config(app: ASGIApp) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http="h11",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=SHUTDOWN_SECONDS,
    )


def open_listener(host: str, port: int) -> socket.socket:
    """Return a listening socket; raise OSError that names the address and the reason."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Named protocol: only then does asyncio set TCP_NODELAY, without which each answer waits 40 ms for an ACK.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        reason = error.strerror or "no such address"
        raise OSError(error.errno, f"can't listen on {host}:{port} ({reason}): choose another address") from None
    return listener
