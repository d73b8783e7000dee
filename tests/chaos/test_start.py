"""A failed start leaves no trace at Telegram: nothing was fetched or sent."""

import socket
from pathlib import Path

from tests.chaos.processes import BotProcess, start_sandbox


async def test_start_on_a_used_address_ends_before_any_request(tmp_path: Path) -> None:
    sandbox = await start_sandbox()
    bot = BotProcess(tmp_path, sandbox.url)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        bot.environ["NERVECHECK_LISTEN"] = f"127.0.0.1:{taken.getsockname()[1]}"
        await bot.start()
        assert await bot.ended() == 1
    assert (await sandbox.get("/journal"))["calls"] == []
    assert "Traceback" not in bot.log.read_text(encoding="utf-8")
    await sandbox.stop()
