"""What holds for tests of the core: they call functions, and wait for nothing."""

from pathlib import Path

import pytest

HERE = Path(__file__).parent


@pytest.fixture(scope="session", autouse=True)
def _pw_trace_api_requests() -> None:
    """Nothing: the plugin for browsers would prepare one's trace before each test."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Stop one that hangs by a signal: it has nothing to clean up, and a thread for each test takes longer than most do."""
    for item in items:
        if item.path.parent == HERE and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(method="signal"))
