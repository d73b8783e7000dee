"""Random patients, 400 simulated days each. A few here; `NERVECHECK_PATIENTS=200 make property` is the long form."""

import os
from pathlib import Path

import pytest

from bot.chat.screens import Words
from bot.config import Settings
from bot.db.engine import open_database
from bot.db.migrate import migrate
from bot.wiring import prepare
from tests.property.life import NATURES, Life

DAYS = 400
PATIENTS = int(os.environ.get("NERVECHECK_PATIENTS", str(len(NATURES))))
SHORT_DAYS = DAYS if "NERVECHECK_PATIENTS" in os.environ else 100


@pytest.mark.parametrize("seed", range(PATIENTS))
def test_a_life_with_the_bot(seed: int, tmp_path: Path) -> None:
    settings = Settings.load({"NERVECHECK_DATABASE_URL": f"sqlite:///{tmp_path / 'life.db'}"}, sandbox=True)
    ready = prepare(settings.in_sandbox(), sandbox=True)
    migrate(ready.database_url)
    database = open_database(ready.database_url, ready.keyring)
    try:
        life = Life(database, ready.clinic, Words(ready.texts), seed)
        life.run(SHORT_DAYS)
    finally:
        database.shut()
    assert life.checkins_seen > 20
