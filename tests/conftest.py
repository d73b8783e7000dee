"""What holds for all tests: no example is judged against the clock, because machines are shared."""

import gc
import sys
from collections.abc import Iterator

import pytest
from hypothesis import settings

settings.register_profile("shared", deadline=None)
settings.load_profile("shared")


# What is imported and collected stays to the end: no use in looking through it for garbage again and again.
gc.disable()


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    gc.freeze()
    gc.enable()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown() -> Iterator[None]:
    """Shut the databases in memory."""
    yield
    # Tests of the core never import a database: they needn't wait for it.
    if (databases := sys.modules.get("tests.fakes.databases")) is not None:
        databases.shut_all()
