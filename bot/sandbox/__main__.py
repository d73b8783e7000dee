"""Runs only the sandbox in a separate process: `python -m bot.sandbox --port 8081`. Reads no settings."""

import argparse
import asyncio
import contextlib
import signal
import sys
from pathlib import Path

from bot.clock import SandboxClock
from bot.sandbox.server import SandboxServer


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bot.sandbox", description="A simulated Telegram with a chat page.")
    parser.add_argument("--port", type=int, default=8081, help="port on 127.0.0.1; 0 chooses a free one")
    parser.add_argument("--state", type=Path, help="file in which the chats are saved")
    parser.add_argument("--speed", type=float, default=1.0, help="sandbox seconds per real second")
    parser.add_argument("--no-limits", action="store_true", help="don't simulate Telegram's rate limits")
    return parser.parse_args()


async def _main(arguments: argparse.Namespace) -> None:
    clock = SandboxClock(speed=arguments.speed)
    server = SandboxServer(clock, state_file=arguments.state, limits=not arguments.no_limits)
    stop_requested = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop_requested.set)
    url = await server.start(port=arguments.port)
    sys.stdout.write(
        f"Sandbox with chat page: {url}\nNERVECHECK_API_URL={url}\nNERVECHECK_TOKEN={server.sandbox.token}\n"
    )
    sys.stdout.flush()
    await stop_requested.wait()
    await server.stop()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_main(_arguments()))
