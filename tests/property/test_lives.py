"""Random patients live with the bot, and every law holds all along. A life that breaks one names its seed.

The short form is four lives of 400 days. The long one: NERVECHECK_PATIENTS=200 pytest tests/property -m slow -n 2
"""

import os

import pytest

from tests.fakes.databases import sqlite_database
from tests.fakes.memory_store import MemoryDatabase
from tests.property.life import Life
from tests.property.people import ANXIOUS, EVERYONE

DAYS = 400
SHARES = 8
"""Into how many tests the long form is cut, so that processes can share it."""


def live(seed, clinic, wording, days=DAYS):
    person = EVERYONE[seed % len(EVERYONE)]
    return Life(seed, person, MemoryDatabase(), clinic, wording, days).live()


@pytest.mark.parametrize("seed", [int(s) for s in os.environ.get("NERVECHECK_SEEDS", "0,1,2,3").split(",")])
def test_seeds(seed, clinic, wording):
    live(seed, clinic, wording)


@pytest.mark.slow
@pytest.mark.parametrize("share", range(SHARES))
def test_many(share, clinic, wording):
    patients = int(os.environ.get("NERVECHECK_PATIENTS", "40"))
    for seed in range(1000 + share, 1000 + patients, SHARES):
        live(seed, clinic, wording)


def test_the_real_database_does_the_same(tmp_path, clinic, wording):
    database = sqlite_database(tmp_path / "life.db")
    try:
        real = Life(7, ANXIOUS, database, clinic, wording, days=6).live()
    finally:
        database.shut()
    told = Life(7, ANXIOUS, MemoryDatabase(), clinic, wording, days=6).live()
    assert real.history == told.history
