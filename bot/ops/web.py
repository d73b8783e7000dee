"""Serves an ASGI application inside the program's own event loop. Handles no signals and knows no routes."""

import asyncio
import contextlib
import socket
from collections.abc import Iterator

import uvicorn
from starlette.types import ASGIApp

KEEP_ALIVE_SECONDS = 75
GIVE_UP_SECONDS = 5
BACKLOG = 2048


class WebServer:
    """One application on one address: `start`, later `stop`."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._server: uvicorn.Server | None = None
        self._serving: asyncio.Task[None] | None = None
        self.url = ""
        """The address once started; empty before."""

    async def start(self, host: str, port: int) -> str:
        """Serve until `stop` and return the URL. Port 0 takes a free one; OSError when the port is taken."""
        listening = listen(host, port)
        server = _QuietServer(_config(self._app))
        self._server, self._serving = server, asyncio.create_task(server.serve([listening]), name="web")
        while not server.started:
            if self._serving.done():
                listening.close()
                raise RuntimeError("the web server ended before it had started") from self._serving.exception()
            await asyncio.sleep(0.005)
        self.url = f"http://{f'[{host}]' if ':' in host else host}:{listening.getsockname()[1]}"
        return self.url

    async def stop(self) -> None:
        """Finish the requests under way, then close. Does nothing when it isn't running."""
        if self._server is None or self._serving is None:
            return
        self._server.should_exit = True
        await self._serving
        self._server = self._serving = None


class _QuietServer(uvicorn.Server):
    """uvicorn in another program's loop: signals are that program's business."""

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
        timeout_graceful_shutdown=GIVE_UP_SECONDS,
    )


def listen(host: str, port: int) -> socket.socket:
    """Return a listening socket; OSError says why there can be none, and names the address."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Named protocol: only then does asyncio set TCP_NODELAY, without which each answer waits 40 ms for an ACK.
    made = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((host, port))
        made.listen(BACKLOG)
    except OSError as error:
        made.close()
        reason = error.strerror or "no such address"
        raise OSError(error.errno, f"can't listen on {host}:{port} ({reason}): choose another address") from None
    return made
