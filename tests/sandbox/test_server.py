"""The server: loopback only, inside another event loop or in a separate process, with a clean shutdown."""

import asyncio
import os
import signal
import socket
import sys

import aiohttp
import pytest

from bot.clock import SandboxClock
from bot.sandbox.server import SandboxServer
from bot.sandbox.state import SANDBOX_TOKEN

from .conftest import Client


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.0.7", "::", "example.org", ""])  # noqa: S104
async def test_non_loopback_host_is_refused(host):
    with pytest.raises(ValueError, match="loopback only"):
        await SandboxServer(SandboxClock()).start(host=host)


async def test_port_in_use_raises_an_error(server):
    port = int(server.api_url.rpartition(":")[2])
    with pytest.raises(OSError, match="in use"):
        await SandboxServer(SandboxClock()).start(port=port)


async def test_signal_handlers_are_not_changed():
    watched = (signal.SIGINT, signal.SIGTERM)
    before = [signal.getsignal(number) for number in watched]
    server = SandboxServer(SandboxClock())
    await server.start()
    assert [signal.getsignal(number) for number in watched] == before
    await server.stop()


async def test_stop_ends_waiting_polls_and_streams_at_once(server, client):
    poll = asyncio.create_task(client.call("getUpdates", timeout=50))
    async with client.session.get(f"{server.api_url}/sandbox/events") as page:
        await page.content.readuntil(b"\n\n")
        async with asyncio.timeout(3):
            await server.stop()
        assert (await poll)["result"] == []
        assert await page.content.read() == b""
    await server.stop()
    with pytest.raises(aiohttp.ClientConnectorError):
        await client.call("getMe")


async def test_server_can_be_restarted(server, client, maria):
    await server.stop()
    await server.start()
    assert len(server.sandbox.messages(maria)) == 1
    assert await client.result("getMe")


async def test_token_has_the_format_of_a_token():
    number, _, secret = SANDBOX_TOKEN.partition(":")
    assert number.isdigit()
    assert len(secret) == 35


async def test_answers_do_not_wait_for_tcp_acknowledgements(server, client):
    """Without TCP_NODELAY each answer on a persistent connection takes 40 ms."""
    await client.result("getMe")
    transport = next(iter(server._server.server_state.connections)).transport
    assert transport.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


async def test_sandbox_runs_in_a_separate_process(tmp_path):
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "bot.sandbox",
        "--port",
        "0",
        "--state",
        str(tmp_path / "state.json"),
        "--speed",
        "60",
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONWARNINGS": "error"},
    )
    async with asyncio.timeout(20):
        url = (await process.stdout.readline()).decode().split()[-1]
        assert (await process.stdout.readline()).decode().strip() == f"NERVECHECK_API_URL={url}"
    async with aiohttp.ClientSession() as session:
        alone = Client(
            session, type("Server", (), {"api_url": url, "sandbox": type("Box", (), {"token": SANDBOX_TOKEN})})
        )
        await alone.tester("POST", "/people", name="Maria")
        assert (await alone.tester("GET", "/state"))["clock"]["speed"] == 60
        assert (await alone.result("getMe"))["is_bot"]
    process.terminate()
    assert await process.wait() == 0
    assert "Maria" in (tmp_path / "state.json").read_text()
