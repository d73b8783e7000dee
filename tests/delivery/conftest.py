"""Fixtures for delivery with fakes; see stand_ins.py."""

from types import SimpleNamespace

import pytest

from bot.delivery import outbox

from .stand_ins import Post


@pytest.fixture
def seconds(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """The monotonic clock that senders read, from their creation on: it changes only when the test moves it."""
    hands = SimpleNamespace(at=1000.0)
    monkeypatch.setattr(outbox, "time", SimpleNamespace(monotonic=lambda: hands.at))
    return hands


@pytest.fixture
async def post() -> Post:
    return Post()
