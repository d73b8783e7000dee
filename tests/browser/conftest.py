"""Debian's chromium, for tests that look at pages as a person does."""

import os
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import async_playwright

HERE = Path(__file__).parent
CHROMIUM = Path("/usr/bin/chromium")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--disable-dev-shm-usage",
]


@pytest.fixture(scope="module", autouse=True)
def _chromium():
    if CHROMIUM.exists():
        return
    reason = f"needs Debian's chromium at {CHROMIUM}, which isn't here"
    if os.environ.get("NERVECHECK_REQUIRE_BROWSER") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


def pytest_collection_modifyitems(items):
    """All these tests run in the loop of the session: a browser belongs to the loop in which it was started."""
    for item in items:
        if item.path.is_relative_to(HERE) and item.get_closest_marker("browser") and pytest_asyncio.is_async_test(item):
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@pytest_asyncio.fixture(loop_scope="session", scope="session")
async def chromium():
    """The browser of the session; each test has a context of its own, which shares nothing with others."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        yield browser
        await browser.close()
