"""The watchdog: a run that goes on is left alone, one without progress is ended and says what each process does."""

import asyncio
from itertools import count
from pathlib import Path

import pytest

from tests.chaos.run import Orders, opened
from tests.chaos.watchdog import NoProgressError, watch
from tests.polling import until


async def test_run_without_progress_ends_with_a_report() -> None:
    async def report() -> str:
        return "what everybody does"

    with pytest.raises(NoProgressError, match="it stayed 7\nwhat everybody does"):
        await watch(lambda: 7, report, seconds=0.0, look=0.0)


async def test_a_run_that_goes_on_is_left_alone() -> None:
    enough, looks = asyncio.Event(), count()

    def progress() -> int:
        if (look := next(looks)) == 50:
            enough.set()
        return look

    async def report() -> str:
        return ""

    watching = asyncio.create_task(watch(progress, report, seconds=0.0, look=0.0))
    await enough.wait()
    assert not watching.done()
    watching.cancel()
    await asyncio.gather(watching, return_exceptions=True)


async def test_the_report_names_state_readiness_log_and_stacks_of_each_process(tmp_path: Path) -> None:
    async with opened(Orders(robots=1), tmp_path) as made:
        (replica,) = made.replicas
        await replica.start()
        await until(replica.is_ready)
        report = await made._report()
        await replica.stop()
    assert "runs" in report
    assert "readyz: 200" in report
    assert "most recent call first" in report, "the threads of the bot"
    assert "Stack for <Task" in report, "the tasks of the bot, and of this process"
