"""No fault of a chaos run outlives its window: one that stayed would stop the sandbox's delivery for the rest of it."""

import asyncio
import contextlib
from random import Random

import pytest

from bot.sandbox.faults import Faults
from tests.chaos.fault_player import FaultPlayer
from tests.chaos.offset import OffsetClock
from tests.polling import until


class NoDatabase:
    url = ""

    def kinds(self):
        return ()

    async def play(self, kind, pids):
        raise NotImplementedError


@pytest.mark.parametrize("kind", ["429 storm", "outage", "slow answers", "connections reset"])
async def test_a_fault_cut_short_by_the_end_of_all_faults_ends(kind, tmp_path):
    faults = Faults()
    player = FaultPlayer(
        faults, NoDatabase(), OffsetClock(tmp_path / "clock"), Random(1), list, every=0.0, outage_seconds=30.0
    )
    player._left = [kind]
    playing = asyncio.create_task(player.run())
    await until(faults.active)
    playing.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await playing
    assert faults.active() == []
