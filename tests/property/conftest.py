"""The packaged clinic with all its languages, and its words."""

import pytest

from bot.config import Settings
from bot.wiring import prepare
from tests.property.words import Wording


@pytest.fixture(scope="session")
def ready():
    return prepare(Settings.load({}, sandbox=True).in_sandbox(), sandbox=True)


@pytest.fixture(scope="session")
def clinic(ready):
    return ready.clinic


@pytest.fixture(scope="session")
def wording(ready):
    return Wording(ready.texts, ready.clinic.languages)
