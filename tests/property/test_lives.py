"""Random patients use the bot, and every law holds after every transaction. A life that breaks one names its seed.

The short form is four lives of six weeks; eight lives of four months are part of `make test-slow`. The long one, of
400 days each: NERVECHECK_PATIENTS=240 pytest tests/property -m slow -n 2
"""

import os

import pytest

from tests.fakes.databases import MemoryDatabase, sqlite_database
from tests.property.life import Life
from tests.property.people import ANXIOUS, EVERYONE

DAYS = 400
DAYS_OF_A_FEW = 120
WEEKS = 6
SHARES = 8
"""The number of tests into which the long form is split, so that processes can share it."""


def live(seed, clinic, wording, days):
    person = EVERYONE[seed % len(EVERYONE)]
    return Life(seed, person, MemoryDatabase(), clinic, wording, days).live()


@pytest.mark.parametrize("seed", [int(s) for s in os.environ.get("NERVECHECK_SEEDS", "0,1,2,3").split(",")])
def test_lives_of_fixed_seeds_keep_every_law(seed, clinic, wording):
    live(seed, clinic, wording, days=int(os.environ.get("NERVECHECK_DAYS", WEEKS * 7)))


@pytest.mark.slow
@pytest.mark.timeout(14400)
@pytest.mark.parametrize("share", range(SHARES))
def test_many_lives_keep_every_law(share, clinic, wording):
    patients = int(os.environ.get("NERVECHECK_PATIENTS", "0"))
    for seed in range(1000 + share, 1000 + (patients or SHARES), SHARES):
        live(seed, clinic, wording, days=DAYS if patients else DAYS_OF_A_FEW)


def test_life_on_a_real_database_is_the_same(tmp_path, clinic, wording):
    database = sqlite_database(tmp_path / "life.db")
    try:
        real = Life(7, ANXIOUS, database, clinic, wording, days=6).live()
    finally:
        database.shut()
    in_memory = Life(7, ANXIOUS, MemoryDatabase(), clinic, wording, days=6).live()
    assert real.history == in_memory.history
