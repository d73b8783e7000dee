"""Runs the sandbox alone in a process of its own: `python -m bot.sandbox --port 8081`. Only reads its arguments."""

import argparse
import asyncio
import contextlib
import signal
import sys
from pathlib import Path

from bot.clock import SandboxClock
from bot.sandbox.server import SandboxServer


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bot.sandbox", description="A stand-in for Telegram with a chat page."
    )
    parser.add_argument("--port", type=int, default=8081, help="port on 127.0.0.1; 0 takes a free one")
    parser.add_argument("--state", type=Path, help="file the chats are kept in")
    parser.add_argument("--speed", type=float, default=1.0, help="sandbox seconds a real second")
    parser.add_argument("--no-limits", action="store_true", help="don't play Telegram's sending limits")
    return parser.parse_args()


async def _main(arguments: argparse.Namespace) -> None:
    clock = SandboxClock(speed=arguments.speed)
    server = SandboxServer(clock, state_file=arguments.state, limits=not arguments.no_limits)
    asked_to_stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, asked_to_stop.set)
    url = await server.start(port=arguments.port)
    sys.stdout.write(
        f"Sandbox with chat page: {url}\nNERVECHECK_API_URL={url}\nNERVECHECK_TOKEN={server.sandbox.token}\n"
    )
    sys.stdout.flush()
    await asked_to_stop.wait()
    await server.stop()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_main(_arguments()))
