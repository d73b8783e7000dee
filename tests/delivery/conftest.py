"""Fixtures for delivery with fakes; see stand_ins.py."""

import pytest

from .stand_ins import Post


@pytest.fixture
async def post() -> Post:
    return Post()
