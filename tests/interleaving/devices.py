"""Replaces the check of what a member's device signed with a passkey. Knows no run.

The signature itself isn't checked: the library does that with what it is given, and writes nothing.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from bot.desk import passkeys


@contextmanager
def signed_by_stand_ins() -> Iterator[None]:
    """Believe every new passkey, and every sign-in whose counter is above the stored one."""
    with (
        patch.object(passkeys, "verify_registration_response", _registered),
        patch.object(passkeys, "verify_authentication_response", _signed_in),
    ):
        yield


def _registered(*, credential: str, **_: Any) -> SimpleNamespace:
    identity = json.loads(credential)["id"].encode()
    return SimpleNamespace(credential_id=identity, credential_public_key=b"public", sign_count=0)


def _signed_in(*, credential: str, credential_current_sign_count: int, **_: Any) -> SimpleNamespace:
    counter = json.loads(credential)["counter"]
    if counter <= credential_current_sign_count:
        raise ValueError("the counter did not rise")
    return SimpleNamespace(new_sign_count=counter)
