"""Fixtures for the chat with fakes; see stand_ins.py."""

import pytest

from .stand_ins import House


@pytest.fixture
async def house() -> House:
    return House()
