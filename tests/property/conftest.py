"""Fixtures: the packaged clinic with all its languages, and its catalogs."""

import pytest

from bot.config import Settings
from bot.wiring import build
from tests.property.words import Wording


@pytest.fixture(scope="session")
def ready():
    return build(Settings.load({}, sandbox=True).for_sandbox(), sandbox=True)


@pytest.fixture(scope="session")
def clinic(ready):
    return ready.clinic


@pytest.fixture(scope="session")
def wording(ready):
    return Wording(ready.texts, ready.clinic.languages)
