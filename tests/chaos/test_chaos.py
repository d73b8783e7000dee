"""The short form of the chaos runs: every fault, at least five kills, on SQLite and on PostgreSQL with two replicas.

The long form (50 kills and 20,000 taps each) is `make chaos`.
"""

import asyncio
from pathlib import Path

import pytest

from tests.chaos.auditor import table
from tests.chaos.run import Orders, run

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

SHORT = {
    "kills": 5,
    "taps": 250,
    "robots": 24,
    "settled": 18,
    "ill": 0.05,
    "every": 2.5,
    "outage_seconds": 3.0,
    "kill_every": 9.0,
    "settle_seconds": 120.0,
    "days": 2,
}
DEADLINE_SECONDS = 900
"""A slower machine says nothing about the bot; no assertion depends on it."""


@pytest.mark.parametrize(
    "orders",
    [
        Orders(**SHORT, seed=3),
        Orders(**SHORT, database="postgres", replicas=2, webhook=True, seed=4),
    ],
    ids=["sqlite", "postgresql"],
)
async def test_chaos_run_loses_nothing(orders: Orders, tmp_path: Path) -> None:
    async with asyncio.timeout(DEADLINE_SECONDS):
        findings, made = await run(orders, tmp_path)
    assert findings.losses == [], table(findings, "lost")
    counts = findings.counts
    assert len(made.kills) >= orders.kills
    assert made.fault_player.kinds() <= set(made.fault_player.played), "every fault was played"
    assert counts["processes that sent"] > orders.replicas, "and each that was killed had one after it"
    if not orders.webhook:  # by webhook the answer is no call, so nothing says which process gave it
        assert counts["processes that answered taps"] > orders.replicas
    assert counts["virtual days"] >= orders.days
    assert counts["taps"] >= orders.taps
    assert counts["check-ins"] >= orders.robots, "everyone got as far as the first questions"
    assert counts["taps led through the form again"] >= orders.taps / 2
    assert counts["due times compared with the plan"] >= orders.robots, "and was asked again"
    assert counts["EMERGENCY flags reassessed"] >= 1, "somebody was ill"
    assert counts["URGENT flags reassessed"] >= 1
    assert counts["calls for help reassessed"] >= 1
    assert counts["safety follow-ups"] >= 1, "somebody did nothing about a call screen"
