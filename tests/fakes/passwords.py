"""Passwords that are hashed quickly. What the program's own hashes cost is a test of its own, in tests/desk."""

import pytest
from argon2 import PasswordHasher

from bot.desk import sign_in

CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


@pytest.fixture
def cheap_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let sign-in hash and verify passwords in a millisecond."""
    monkeypatch.setattr(sign_in, "_HASHER", CHEAP)
    monkeypatch.setattr(sign_in, "_DUMMY_HASH", CHEAP.hash("of nobody"))
