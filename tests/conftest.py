"""What holds for all tests: no example is judged against the clock, because machines are shared."""

import sys
from collections.abc import Iterator

import pytest
from hypothesis import settings

settings.register_profile("shared", deadline=None)
settings.load_profile("shared")


@pytest.fixture(autouse=True)
def _databases_in_memory_are_shut() -> Iterator[None]:
    yield
    # Tests of the core never import a database: they needn't wait for it.
    if (databases := sys.modules.get("tests.fakes.databases")) is not None:
        databases.shut_all()
