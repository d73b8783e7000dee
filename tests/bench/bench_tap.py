"""Measures the time from a red-flag tap to its call screen on the real process while thousands of check-ins wait.

    python -m tests.bench.bench_tap

The bot runs as `nervecheck run` on a SQLite file; the sandbox, in its own process, enforces Telegram's limits. One
hundred patients tap "Yes, one or more" one after another; each time is from just before the tap until the call screen
is in the patient's chat, both observed by this third process.
"""

import asyncio
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from tests.chaos.people import all_see, enrol, tap_all
from tests.chaos.processes import BotProcess, SandboxProcess, start_sandbox, until

WAITING = "SELECT count(*) FROM outbox WHERE lane = 3 AND state = 'waiting'"


@dataclass(frozen=True)
class Measured:
    """Seconds for each tap, and how many check-ins waited before the first and after the last."""

    seconds: list[float]
    before: int
    after: int

    def __str__(self) -> str:
        ordered = sorted(self.seconds)
        return (
            f"red-flag tap to call screen, {len(ordered)} taps, {self.before} check-ins waiting before, "
            f"{self.after} after: median {statistics.median(ordered) * 1000:.0f} ms, "
            f"p95 {ordered[int(len(ordered) * 0.95) - 1] * 1000:.0f} ms, max {ordered[-1] * 1000:.0f} ms"
        )


async def measure(*, taps: int = 100, check_ins: int = 2000) -> Measured:
    """Run the benchmark once."""
    with tempfile.TemporaryDirectory() as folder:
        sandbox = await start_sandbox(limits=True)
        bot = BotProcess(Path(folder), sandbox.url)
        try:
            tappers = await enrol(bot, sandbox, taps, prefix="T")
            await bot.start()
            await all_see(sandbox, tappers, "is anything new or worse")
            await tap_all(sandbox, tappers, "No, nothing new")
            await all_see(sandbox, tappers, "now or at any time")
            await enrol(bot, sandbox, check_ins, prefix="W")
            before = bot.count(WAITING)
            seconds = [await _one(sandbox, chat) for chat in tappers]
            return Measured(seconds, before, bot.count(WAITING))
        finally:
            await bot.stop()
            await sandbox.stop()


async def _one(sandbox: SandboxProcess, chat: int) -> float:
    last = (await sandbox.messages(chat))[-1]["message_id"]
    began = time.perf_counter()
    await sandbox.post(f"/people/{chat}/tap", message_id=last, label="Yes, one or more")

    async def called() -> bool:
        return any(m.get("text", "").startswith("Call 112 now") for m in await sandbox.messages(chat))

    await until(called)
    return time.perf_counter() - began


if __name__ == "__main__":
    result = asyncio.run(measure())
    print(result)  # noqa: T201 - a benchmark is there to say its figures
    sys.exit(statistics.median(result.seconds) >= 1)
